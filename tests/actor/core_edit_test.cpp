// Truncate, clear, tree hashes and user data as messages.
#include "deterministic.hpp"

namespace corestore::tests {

namespace {

using u64 = std::uint64_t;

/// Collects the events of one core.
class listener {
public:
  listener(deterministic_store& fixture, const core_actor& core) : fixture_(fixture) {
    sink_ = fixture.system.spawn([this](event_sink::pointer) -> event_sink::behavior_type {
      return {[this](const core_event& event) {
        heard.push_back(event);
      }};
    });
    REQUIRE(fixture.ask<core_record>(core, subscribe_atom_v, sink_).has_value());
  }
  listener(const listener&) = delete;
  listener& operator=(const listener&) = delete;
  ~listener() {
    fixture_.self->send_exit(sink_, caf::exit_reason::user_shutdown);
    fixture_.scheduler.run();
  }

  std::vector<core_event> heard;

private:
  deterministic_store& fixture_;
  event_sink sink_;
};

} // namespace

TEST_CASE("a truncation keeps the first blocks on the next fork, and says so once") {
  deterministic_store fixture;
  auto core = fixture.open("log");
  REQUIRE(fixture.ask<append_result>(core.handle, append_atom_v, blocks_of({"a", "bb", "ccc", "d"})).has_value());
  auto hash = fixture.ask<hash32>(core.handle, hash_atom_v, u64{2});
  REQUIRE(hash.has_value());
  listener events{fixture, core.handle};
  auto record = fixture.ask<core_record>(core.handle, truncate_atom_v, u64{2}, u64{0});
  REQUIRE(record.has_value());
  CHECK(record->length == 2);
  CHECK(record->byte_length == 3);
  CHECK(record->fork == 1);
  CHECK(record->contiguous_length == 2);
  CHECK(record->tree_hash == *hash);
  REQUIRE(events.heard.size() == 1);
  CHECK(events.heard[0].kind == event_kind::truncate);
  CHECK(events.heard[0].length == 2);
  CHECK(events.heard[0].fork == 1);
  CHECK_FALSE(fixture.ask<shared_bytes>(core.handle, fetch_atom_v, u64{2}, u64{0}).has_value());
  REQUIRE(fixture.ask<append_result>(core.handle, append_atom_v, blocks_of({"other"})).has_value());
  auto report = fixture.ask<verify_report>(core.handle, verify_atom_v);
  REQUIRE(report.has_value());
  CHECK(report->faults.empty());
  CHECK(report->blocks == 3);
}

TEST_CASE("a truncation to a fork that was or is, past the end or without a key is refused") {
  deterministic_store fixture;
  auto core = fixture.open("log");
  REQUIRE(fixture.ask<append_result>(core.handle, append_atom_v, blocks_of({"a", "b"})).has_value());
  REQUIRE(fixture.ask<core_record>(core.handle, truncate_atom_v, u64{1}, u64{5}).value_or(core_record{}).fork == 5);
  auto same = fixture.ask<core_record>(core.handle, truncate_atom_v, u64{1}, u64{5});
  REQUIRE_FALSE(same.has_value());
  CHECK(same.error().code == ec::bad_argument);
  auto longer = fixture.ask<core_record>(core.handle, truncate_atom_v, u64{2}, u64{0});
  REQUIRE_FALSE(longer.has_value());
  CHECK(longer.error().code == ec::invalid_operation);
  core_selector selector;
  selector.kind = selector_kind::by_key;
  selector.id.data[0] = 1;
  auto foreign = fixture.open(selector);
  auto refused = fixture.ask<core_record>(foreign.handle, truncate_atom_v, u64{0}, u64{0});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == ec::not_writable);
}

TEST_CASE("writes take effect in the order in which they were asked for") {
  deterministic_store fixture;
  auto core = fixture.open("log");
  auto first = fixture.self->request(core.handle, caf::infinite, append_atom_v, blocks_of({"a", "b", "c"}));
  auto cut = fixture.self->request(core.handle, caf::infinite, truncate_atom_v, u64{1}, u64{0});
  auto second = fixture.self->request(core.handle, caf::infinite, append_atom_v, blocks_of({"B"}));
  fixture.scheduler.run();
  std::vector<u64> lengths;
  auto collect = [&](const append_result& result) {
    lengths.push_back(result.length);
  };
  auto refuse = [](const caf::error& reason) {
    FAIL(to_string(from_caf(reason)));
  };
  first.receive(collect, refuse);
  cut.receive([&](const core_record& record) { lengths.push_back(record.length); }, refuse);
  second.receive(collect, refuse);
  CHECK(lengths == std::vector<u64>{3, 1, 2});
  auto block = fixture.ask<shared_bytes>(core.handle, fetch_atom_v, u64{1}, u64{0});
  REQUIRE(block.has_value());
  CHECK(as_text(block->view()) == "B");
}

TEST_CASE("a clear gives back what was stored, keeps the log, and counts nothing twice") {
  deterministic_store fixture;
  auto core = fixture.open("log");
  REQUIRE(fixture.ask<append_result>(core.handle, append_atom_v, blocks_of({"a", "bb", "ccc", "dddd"})).has_value());
  auto before = fixture.ask<core_record>(core.handle, info_atom_v);
  REQUIRE(before.has_value());
  auto given = fixture.ask<clear_result>(core.handle, clear_atom_v, u64{1}, u64{3});
  REQUIRE(given.has_value());
  CHECK(given->blocks == 2);
  CHECK(given->bytes == 5);
  auto rest = fixture.ask<clear_result>(core.handle, clear_atom_v, u64{0}, u64{1000});
  REQUIRE(rest.has_value());
  CHECK(rest->blocks == 2);
  CHECK(rest->bytes == 5);
  auto record = fixture.ask<core_record>(core.handle, info_atom_v);
  REQUIRE(record.has_value());
  CHECK(record->length == 4);
  CHECK(record->tree_hash == before->tree_hash);
  CHECK(record->contiguous_length == 0);
  CHECK_FALSE(fixture.ask<bool>(core.handle, has_atom_v, u64{1}, u64{2}).value_or(true));
  REQUIRE(fixture.ask<append_result>(core.handle, append_atom_v, blocks_of({"e"})).has_value());
  auto backwards = fixture.ask<clear_result>(core.handle, clear_atom_v, u64{3}, u64{1});
  REQUIRE_FALSE(backwards.has_value());
  CHECK(backwards.error().code == ec::bad_argument);
}

TEST_CASE("the tree hash at a length is the one that the log had then") {
  deterministic_store fixture;
  auto core = fixture.open("log");
  std::vector<hash32> hashes;
  for (auto text : {"a", "b", "c", "d", "e"}) {
    hashes.push_back(fixture.ask<core_record>(core.handle, info_atom_v).value_or(core_record{}).tree_hash);
    REQUIRE(fixture.ask<append_result>(core.handle, append_atom_v, blocks_of({text})).has_value());
  }
  for (u64 length = 0; length < hashes.size(); ++length)
    CHECK(fixture.ask<hash32>(core.handle, hash_atom_v, length).value_or(hash32{}) == hashes[length]);
  auto past = fixture.ask<hash32>(core.handle, hash_atom_v, u64{6});
  REQUIRE_FALSE(past.has_value());
  CHECK(past.error().code == ec::bad_argument);
}

TEST_CASE("user data is kept, replaced and forgotten, and an unchanged value costs no commit") {
  deterministic_store fixture;
  auto core = fixture.open("log");
  auto put = [&](std::string name, std::string_view value) {
    return fixture.ask<bool>(core.handle, put_atom_v, std::move(name), to_bytes(as_bytes(value)));
  };
  auto value_of = [&](std::string name) {
    return fixture.ask<user_value>(core.handle, fetch_atom_v, std::move(name)).value_or(user_value{});
  };
  CHECK_FALSE(value_of("a").is_set);
  CHECK(put("a", "1").value_or(false));
  auto commits = fixture.backend->stats().commits;
  CHECK_FALSE(put("a", "1").value_or(true));
  CHECK(fixture.backend->stats().commits == commits);
  CHECK(put("a", "2").value_or(false));
  CHECK(as_text(value_of("a").value) == "2");
  CHECK(put("b", "3").value_or(false));
  auto names_after = [&](std::string after) {
    return fixture.ask<std::set<std::string>>(core.handle, list_atom_v, std::move(after))
      .value_or(std::set<std::string>{"no answer"});
  };
  CHECK(names_after("") == std::set<std::string>{"a", "b"});
  CHECK(names_after("a") == std::set<std::string>{"b"});
  CHECK(put("a", "").value_or(false));
  CHECK_FALSE(value_of("a").is_set);
  CHECK(names_after("") == std::set<std::string>{"b"});
  CHECK(names_after("b").empty());
  auto unnamed = put("", "x");
  REQUIRE_FALSE(unnamed.has_value());
  CHECK(unnamed.error().code == ec::bad_argument);
}

TEST_CASE("names of user data come in pages, and the entries of the engine are nobody's user data") {
  deterministic_store fixture;
  auto core = fixture.open("log");
  for (int i = 0; i < 2500; ++i) {
    auto name = "name " + std::to_string(10000 + i);
    REQUIRE(fixture.ask<bool>(core.handle, put_atom_v, name, bytes{1}).value_or(false));
  }
  std::set<std::string> all;
  std::vector<std::size_t> sizes;
  for (;;) {
    auto page =
      fixture.ask<std::set<std::string>>(core.handle, list_atom_v, all.empty() ? std::string{} : *all.rbegin());
    REQUIRE(page.has_value());
    sizes.push_back(page->size());
    if (page->empty())
      break;
    all.merge(*page);
  }
  CHECK(sizes == std::vector<std::size_t>{1000, 1000, 500, 0});
  CHECK(all.size() == 2500);
  CHECK(*all.rbegin() == "name 12499");
  auto hidden = fixture.ask<user_value>(core.handle, fetch_atom_v, std::string{"\0conflict", 9});
  REQUIRE_FALSE(hidden.has_value());
  CHECK(hidden.error().code == ec::bad_argument);
}

} // namespace corestore::tests
