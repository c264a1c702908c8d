// Groups: cores that belong together, listed by their last change, and those who are told of it.
#include "deterministic.hpp"
#include "two_stores.hpp"

#include <atomic>

#include "actors/group_board.hpp"
#include "log/twin.hpp"

namespace corestore::tests {

namespace {

hash32 topic_of(std::uint8_t number) {
  hash32 topic;
  topic.data.fill(number);
  return topic;
}

const auto one = topic_of(1);
const auto two = topic_of(2);

bytes raw(const hash32& topic) {
  return to_bytes(topic.view());
}

core_selector named(const std::string& name, const bytes& group = {}) {
  core_selector selector;
  selector.name = name;
  selector.group = group;
  return selector;
}

store_sink::behavior_type store_listener(store_sink::pointer, const std::shared_ptr<std::vector<store_event>>& heard) {
  return {[heard](const store_event& event) {
    if (event.kind == store_event_kind::group)
      heard->push_back(event);
  }};
}

class fixture_of_groups : public deterministic_store {
public:
  opened_core open_in(const std::string& name, const hash32& topic) {
    return open(named(name, raw(topic)));
  }

  void append(const opened_core& core, std::initializer_list<std::string_view> texts) {
    REQUIRE(ask<append_result>(core.handle, append_atom_v, blocks_of(texts)).has_value());
  }

  /// Long enough for the next round of events.
  void moment() {
    scheduler.advance_time(std::chrono::milliseconds(60));
    scheduler.run();
  }

  result<core_record> move(const opened_core& core, const bytes& topic) {
    return ask<core_record>(core.handle, group_atom_v, topic);
  }

  group_page page(const group_request& request) {
    auto page = ask<group_page>(store, list_atom_v, request);
    REQUIRE(page.has_value());
    return *page;
  }

  std::vector<core_key> keys(const hash32& topic, bool is_reverse = false) {
    group_request request;
    request.topic = topic;
    request.is_reverse = is_reverse;
    std::vector<core_key> keys;
    for (const auto& update : page(request).updates)
      keys.push_back(update.key);
    return keys;
  }

  std::shared_ptr<std::vector<store_event>> listen(const store_actor& to) {
    auto heard = std::make_shared<std::vector<store_event>>();
    sinks.push_back(system.spawn(store_listener, heard));
    REQUIRE(ask<bool>(to, watch_atom_v, sinks.back()) == true);
    return heard;
  }

  fixture_of_groups() = default;
  fixture_of_groups(const fixture_of_groups&) = delete;
  fixture_of_groups& operator=(const fixture_of_groups&) = delete;
  ~fixture_of_groups() {
    for (const auto& sink : sinks)
      self->send_exit(sink, caf::exit_reason::user_shutdown);
  }

  std::vector<store_sink> sinks;
};

using key_list = std::vector<core_key>;

} // namespace

TEST_CASE("a core joins a group when it is opened or later, and is listed from its next change on") {
  fixture_of_groups fixture;
  auto first = fixture.open_in("first", one);
  CHECK(first.record.group == raw(one));
  auto second = fixture.open("second");
  CHECK(second.record.group.empty());
  fixture.append(second, {"before"});
  auto joined = fixture.move(second, raw(one));
  REQUIRE(joined.has_value());
  CHECK(joined->group == raw(one));
  CHECK(fixture.keys(one).empty());
  fixture.append(second, {"a"});
  fixture.append(first, {"b"});
  CHECK(fixture.keys(one) == key_list{second.record.key, first.record.key});
  fixture.append(second, {"c", "d"});
  CHECK(fixture.keys(one) == key_list{first.record.key, second.record.key});
  CHECK(fixture.keys(one, true) == key_list{second.record.key, first.record.key});
  auto update = fixture.page({one}).updates.back();
  CHECK(update.length == 4);
  CHECK(update.fork == 0);
  CHECK(update.discovery == second.record.discovery);
  REQUIRE(fixture.ask<core_record>(first.handle, truncate_atom_v, std::uint64_t{0}, std::uint64_t{0}).has_value());
  update = fixture.page({one}).updates.back();
  CHECK(update.key == first.record.key);
  CHECK(update.length == 0);
  CHECK(update.fork == 1);

  auto commits = fixture.ask<store_record>(fixture.store, info_atom_v)->commits;
  CHECK(fixture.move(first, raw(one))->group == raw(one)); // once more: nothing to write
  CHECK(fixture.open_in("second", one).record.group == raw(one));
  CHECK(fixture.ask<store_record>(fixture.store, info_atom_v)->commits == commits);

  auto left = fixture.move(first, {});
  REQUIRE(left.has_value());
  CHECK(left->group.empty());
  CHECK(fixture.keys(one) == key_list{second.record.key});
  REQUIRE(fixture.ask<clear_result>(fixture.store, purge_atom_v, named("second")).has_value());
  CHECK(fixture.keys(one).empty());
}

TEST_CASE("what is known of a core that is not loaded says its group too") {
  fixture_of_groups fixture;
  auto opened = fixture.open_in("log", one);
  fixture.append(opened, {"a"});
  REQUIRE(fixture.ask<bool>(fixture.store, close_atom_v, opened.record.discovery) == true);
  fixture.self->send_exit(opened.handle, caf::exit_reason::user_shutdown);
  fixture.scheduler.run();
  auto record = fixture.ask<core_record>(fixture.store, info_atom_v, named("log"));
  REQUIRE(record.has_value());
  CHECK_FALSE(record->active);
  CHECK(record->group == raw(one));
  auto listed = fixture.ask<record_page>(fixture.store, list_atom_v, list_request{});
  REQUIRE(listed.has_value());
  CHECK(listed->records.front().group == raw(one));
  auto again = fixture.open("log"); // loaded anew
  CHECK(again.record.group == raw(one));
  auto other = fixture.open_in("other", one);
  fixture.append(other, {"b"});
  fixture.append(again, {"c"});
  CHECK(fixture.keys(one) == key_list{other.record.key, again.record.key});
}

TEST_CASE("a core is in one group: another one is refused until it has left") {
  fixture_of_groups fixture;
  auto core = fixture.open_in("log", one);
  auto refused = fixture.move(core, raw(two));
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == ec::conflict);
  CHECK(refused.error().detail.find(text::to_hex(one.view())) != std::string::npos);
  CHECK(fixture.ask<opened_core>(fixture.store, open_atom_v, named("log", raw(two))).error().code == ec::conflict);
  CHECK(fixture.ask<core_record>(core.handle, info_atom_v)->group == raw(one));
  CHECK(fixture.ask<store_record>(fixture.store, info_atom_v)->references == 1); // the refused opening holds nothing
  REQUIRE(fixture.move(core, {}).has_value());
  CHECK(fixture.move(core, raw(two))->group == raw(two));
  fixture.append(core, {"a"});
  CHECK(fixture.keys(one).empty());
  CHECK(fixture.keys(two) == key_list{core.record.key});
}

TEST_CASE("what is no topic, and a read-only opening, are refused") {
  fixture_of_groups fixture;
  auto core = fixture.open("log");
  for (auto size : {1U, 31U, 33U}) {
    CHECK(fixture.move(core, bytes(size, 1)).error().code == ec::bad_argument);
    CHECK(fixture.ask<opened_core>(fixture.store, open_atom_v, named("log", bytes(size, 1))).error().code ==
          ec::bad_argument);
  }
  auto reading = named("log", raw(one));
  reading.is_read_only = true;
  CHECK(fixture.ask<opened_core>(fixture.store, open_atom_v, reading).error().code == ec::not_writable);
  reading.group.clear();
  auto handle = fixture.open(reading);
  CHECK(fixture.move(handle, raw(one)).error().code == ec::not_writable);
  CHECK(fixture.ask<core_record>(core.handle, info_atom_v)->group.empty());
}

TEST_CASE("the updates of a group come in pages, in both directions, and between positions") {
  fixture_of_groups fixture;
  key_list keys;
  for (int i = 0; i < 7; ++i) {
    auto core = fixture.open_in("log " + std::to_string(i), one);
    fixture.append(core, {"a"});
    keys.push_back(core.record.key);
  }
  for (auto is_reverse : {false, true}) {
    key_list found;
    group_request request{one, 0, 0, is_reverse, 3};
    std::size_t pages = 0;
    for (bool is_last = false; !is_last; ++pages) {
      auto page = fixture.page(request);
      CHECK(page.updates.size() <= 3);
      for (const auto& update : page.updates)
        found.push_back(update.key);
      is_last = page.is_last;
      (is_reverse ? request.until : request.since) = page.next;
    }
    if (is_reverse)
      std::reverse(found.begin(), found.end());
    CHECK(found == keys);
    CHECK(pages == 3);
  }
  auto all = fixture.page({one}).updates;
  for (std::size_t i = 1; i < all.size(); ++i)
    CHECK(all[i - 1].position < all[i].position);
  auto part = fixture.page({one, all[2].position, all[5].position}).updates;
  REQUIRE(part.size() == 3);
  CHECK(part.front().key == keys[2]);
  CHECK(part.back().key == keys[4]);
  CHECK(fixture.page({one, all[6].position + 1}).updates.empty());
  CHECK(fixture.page({two}).updates.empty());
  CHECK(fixture.page({one, 0, 0, false, 0}).updates.size() == 1); // no page is empty while there is more
}

TEST_CASE("a commit of several cores is one change of each") {
  fixture_of_groups fixture;
  auto first = fixture.open_in("first", one);
  auto second = fixture.open_in("second", one);
  auto heard = fixture.listen(fixture.store);
  auto batch_on = [&](const opened_core& core) {
    checkout_request request;
    request.is_writable = true;
    auto batch = fixture.ask<checkout_actor>(core.handle, checkout_atom_v, request);
    REQUIRE(batch.has_value());
    REQUIRE(fixture.ask<append_result>(*batch, append_atom_v, blocks_of({"a", "b"})).has_value());
    return *batch;
  };
  std::vector<checkout_actor> batches{batch_on(second), batch_on(first)};
  CHECK(fixture.keys(one).empty()); // staged, and nothing has happened
  REQUIRE(fixture.ask<std::vector<append_result>>(first.handle, commit_atom_v, batches).has_value());
  fixture.moment();
  auto listed = fixture.keys(one); // in an order that is the commit's own
  CHECK(listed.size() == 2);
  key_list expected{second.record.key, first.record.key};
  CHECK(std::is_permutation(listed.begin(), listed.end(), expected.begin()));
  CHECK(heard->size() == 2);
}

TEST_CASE("a core in both generations is listed once") {
  fixture_of_groups fixture;
  auto selector = named("log", raw(one));
  selector.generation = log::both_generations;
  auto core = fixture.open(selector);
  CHECK(core.record.group == raw(one));
  fixture.append(core, {"a"});
  CHECK(fixture.keys(one) == key_list{core.record.key});
  REQUIRE(fixture.move(core, {}).has_value());
  CHECK(fixture.keys(one).empty());
}

TEST_CASE("watchers hear which core of a group changed; what changes all the time is one event a moment") {
  fixture_of_groups fixture;
  auto heard = fixture.listen(fixture.store);
  auto first = fixture.open_in("first", one);
  auto second = fixture.open_in("second", two);
  auto none = fixture.open("none");
  CHECK(heard->empty());
  fixture.append(first, {"a"});
  REQUIRE(heard->size() == 1);
  CHECK(heard->back().group == one);
  CHECK(heard->back().key == first.record.key);
  CHECK(heard->back().discovery == first.record.discovery);
  CHECK(heard->back().length == 1);
  fixture.append(none, {"a"});
  fixture.moment();
  CHECK(heard->size() == 1);
  fixture.append(second, {"a", "b"});
  REQUIRE(heard->size() == 2);
  CHECK(heard->back().group == two);
  REQUIRE(fixture.ask<core_record>(first.handle, truncate_atom_v, std::uint64_t{0}, std::uint64_t{0}).has_value());
  fixture.moment();
  REQUIRE(heard->size() == 3);
  CHECK(heard->back().length == 0);
  CHECK(heard->back().fork == 1);

  // Twenty changes without a moment's pause.
  heard->clear();
  for (int i = 0; i < 20; ++i) {
    caf::anon_send(first.handle, append_atom_v, blocks_of({"a"}));
    while (fixture.scheduler.try_run_once()) {
      // and no timer
    }
  }
  CHECK(heard->size() <= 1);
  fixture.moment();
  REQUIRE((heard->size() == 1 || heard->size() == 2));
  CHECK(heard->back().length == 20);
  CHECK(heard->back().fork == 1);
}

TEST_CASE("a namespace hears of the cores that were opened in it, and who watches both hears once") {
  fixture_of_groups fixture;
  auto entered = fixture.ask<entered_store>(fixture.store, enter_atom_v, "app");
  REQUIRE(entered.has_value());
  auto of_space = fixture.listen(entered->handle);
  auto of_both = fixture.listen(fixture.store);
  REQUIRE(fixture.ask<bool>(entered->handle, watch_atom_v, fixture.sinks.back()) == true);
  auto outside = fixture.open_in("log", one);
  auto inside = fixture.ask<opened_core>(entered->handle, open_atom_v, named("log", raw(one)));
  REQUIRE(inside.has_value());
  CHECK(inside->record.key != outside.record.key);
  fixture.append(outside, {"a"});
  fixture.moment();
  CHECK(of_space->empty());
  CHECK(of_both->size() == 1);
  fixture.append(*inside, {"a"});
  fixture.moment();
  REQUIRE(of_space->size() == 1);
  CHECK(of_space->back().key == inside->record.key);
  CHECK(of_both->size() == 2);
  auto listed = fixture.ask<group_page>(entered->handle, list_atom_v, group_request{one}); // groups know no namespaces
  REQUIRE(listed.has_value());
  CHECK(listed->updates.size() == 2);
}

TEST_CASE("a board of changes is bounded, and says of which groups it does not name every core") {
  actors::group_board board;
  auto core_of = [](std::uint32_t number) {
    discovery_key core;
    for (std::size_t i = 0; i < 4; ++i)
      core.data[i] = static_cast<std::uint8_t>(number >> (8 * i));
    return core;
  };
  core_key key;
  key.data.fill(9);
  CHECK(board.take().empty());
  CHECK(board.put(core_of(1), {one, key, 1, 0}));
  CHECK_FALSE(board.put(core_of(2), {one, key, 1, 0})); // the store was told already
  CHECK_FALSE(board.put(core_of(1), {one, key, 2, 0}));
  auto taken = board.take();
  REQUIRE(taken.size() == 2);
  CHECK(taken[0].first == core_of(2));
  CHECK(taken[1].first == core_of(1));
  CHECK(taken[1].second.length == 2);
  CHECK(board.take().empty());

  constexpr std::uint32_t many = actors::group_board::changes_max;
  CHECK(board.put(core_of(0), {one, key, 1, 0}));
  for (std::uint32_t number = 1; number < many; ++number)
    CHECK_FALSE(board.put(core_of(number), {one, key, 1, 0}));
  std::ignore = board.put(core_of(many), {two, key, 1, 0});
  std::ignore = board.put(core_of(many + 1), {two, key, 1, 0});
  std::ignore = board.put(core_of(0), {one, key, 5, 0}); // one that is named still is
  taken = board.take();
  REQUIRE(taken.size() == many + 1);
  CHECK(taken[many - 1].second.length == 5);
  CHECK(taken.back().second == actors::group_board::change{two, {}, 0, 0});

  for (std::uint32_t number = 0; number < many; ++number)
    std::ignore = board.put(core_of(number), {one, key, 1, 0});
  for (std::uint32_t number = 0; number <= actors::group_board::topics_max; ++number) {
    hash32 topic;
    topic.data = core_of(number + 1).data;
    std::ignore = board.put(core_of(many + number), {topic, key, 1, 0});
  }
  taken = board.take();
  CHECK(taken.size() == many + actors::group_board::topics_max + 1);
  CHECK(taken.back().second == actors::group_board::change{});
  CHECK(board.put(core_of(1), {one, key, 1, 0}));
}

TEST_CASE("what a peer brings is a change too: a longer log and a reorganised one, and blocks of the same are none") {
  pair_of_stores fixture;
  auto log = fixture.open(fixture.writer.store(), "log");
  fixture.append(log.handle, {"a", "b", "c"});
  core_selector selector;
  selector.kind = selector_kind::by_key;
  selector.id.data = log.record.key.data;
  selector.group = raw(one);
  auto copy = fixture.open(fixture.reader.store(), selector);
  auto own = fixture.open(fixture.reader.store(), named("own", raw(one)));
  auto heard = std::make_shared<std::atomic<int>>(0);
  auto sink = fixture.system.spawn([heard](store_sink::pointer) {
    return store_sink::behavior_type{[heard](const store_event& event) {
      *heard += event.kind == store_event_kind::group ? 1 : 0;
    }};
  });
  REQUIRE(fixture.ask<bool>(fixture.reader.store(), watch_atom_v, sink) == true);
  auto newest = [&] {
    auto page = fixture.ask<group_page>(fixture.reader.store(), list_atom_v, group_request{one});
    REQUIRE(page.has_value());
    return page->updates.empty() ? group_update{} : page->updates.back();
  };
  fixture.replicate();
  REQUIRE(becomes_true([&] { return newest().length == 3; }));
  CHECK(newest().key == log.record.key);
  CHECK(becomes_true([&] { return *heard == 1; }));
  fixture.append(own.handle, {"x"});
  CHECK(newest().key == own.record.key);
  REQUIRE(fixture.arrives(copy.handle, 3)); // only blocks
  CHECK(newest().key == own.record.key);
  REQUIRE(fixture.ask<core_record>(log.handle, truncate_atom_v, std::uint64_t{1}, std::uint64_t{0}).has_value());
  fixture.append(log.handle, {"d"});
  REQUIRE(becomes_true([&] { return newest().fork == 1 && newest().length == 2; }));
  CHECK(newest().key == log.record.key);
  fixture.self->send_exit(sink, caf::exit_reason::user_shutdown);
}

} // namespace corestore::tests
