// Groups: which core changed last, also after a restart, a fold, a failure; asked of every backend.
#include <catch2/catch.hpp>
#include <rapidcheck.h>

#include <cerrno>
#include <map>

#include "storage/restore.hpp"
#include "tests/unit/storage/support.hpp"

namespace corestore::storage {

namespace {

using testing::append_of;
using testing::failing_disk;
using testing::header_of;
using testing::lmdb_fixture;
using testing::made_up_log;
using testing::memory_fixture;
using testing::store_fixture;
using testing::temporary_directory;

using changes = std::vector<std::pair<std::uint64_t, std::uint32_t>>; ///< position, number of the core

hash32 topic_of(std::uint8_t number) {
  hash32 topic;
  topic.data.fill(number);
  return topic;
}

/// A clock that a test sets.
struct hand_clock {
  std::shared_ptr<std::uint64_t> now = std::make_shared<std::uint64_t>(1000);

  [[nodiscard]] position_clock clock() const {
    return [now = now] {
      return *now;
    };
  }
};

/// Without a disk; with a journal; with one that is always full; without one.
std::unique_ptr<store_fixture> make_store(int kind, const position_clock& clock = nullptr) {
  if (kind == 0)
    return memory_fixture(clock);
  return lmdb_fixture(kind == 1 ? journal_limits{} : kind == 2 ? journal_limits{3, 1000} : journal_limits{0, 0}, clock);
}

result<void> apply(backend& store, const log::change_set& what) {
  return store.apply({&what, 1});
}

changes changes_of(const snapshot& view, const hash32& topic, const group_range& range = {}) {
  changes found;
  auto done = view.group_changes(topic, range, [&](std::uint64_t position, const discovery_key& core) {
    auto header = view.header(core);
    REQUIRE(header);
    REQUIRE(*header);
    found.emplace_back(position, static_cast<std::uint32_t>((*header)->number));
    return true;
  });
  REQUIRE(done);
  return found;
}

changes changes_of(backend& store, const hash32& topic, const group_range& range = {}) {
  auto view = store.open_snapshot();
  REQUIRE(view);
  return changes_of(**view, topic, range);
}

std::vector<std::uint32_t> cores_of(const changes& found) {
  std::vector<std::uint32_t> cores;
  for (const auto& [position, core] : found)
    cores.push_back(core);
  return cores;
}

std::vector<std::uint32_t> cores_of(backend& store, const hash32& topic, const group_range& range = {}) {
  return cores_of(changes_of(store, topic, range));
}

std::optional<group_place> place_of(backend& store, std::uint32_t number) {
  auto view = store.open_snapshot();
  REQUIRE(view);
  return (*view)->group(log::core_number{number}).value();
}

using numbers = std::vector<std::uint32_t>;

/// Cores that are made up as they are needed, each with its log.
class cores {
public:
  /// A core comes into being, in a group or in none.
  static log::change_set create(std::uint32_t number, const std::optional<hash32>& topic) {
    log::change_set made;
    made.number = log::core_number{number};
    made.header = header_of(made.number);
    if (topic)
      made.group = log::group_change{topic};
    return made;
  }

  log::change_set append(std::uint32_t number, std::uint64_t count = 1) {
    auto& [length, fork] = heads_[number];
    auto made = append_of(made_up_log{number + 1}, log::core_number{number}, length, length + count);
    made.head->fork = fork;
    length += count;
    return made;
  }

  log::change_set truncate(std::uint32_t number, std::uint64_t to) {
    auto& [length, fork] = heads_[number];
    length = to;
    log::change_set made;
    made.number = log::core_number{number};
    made.truncate_to = to;
    made.head = made_up_log{number + 1}.head(to, ++fork);
    return made;
  }

  static log::change_set move(std::uint32_t number, const std::optional<hash32>& topic) {
    log::change_set made;
    made.number = log::core_number{number};
    made.group = log::group_change{topic};
    return made;
  }

  static log::change_set purge(std::uint32_t number) {
    log::change_set made;
    made.number = log::core_number{number};
    made.is_purge = true;
    return made;
  }

  [[nodiscard]] std::uint64_t length(std::uint32_t number) {
    return heads_[number].first;
  }

private:
  std::map<std::uint32_t, std::pair<std::uint64_t, std::uint64_t>> heads_; ///< length, fork
};

const auto one = topic_of(1);
const auto two = topic_of(2);

} // namespace

TEST_CASE("cores of a group are listed by their last change, from the first one after they joined") {
  auto fixture = make_store(GENERATE(0, 1, 2, 3));
  auto& store = fixture->store();
  cores logs;
  REQUIRE(apply(store, cores::create(0, one)));
  REQUIRE(apply(store, cores::create(1, std::nullopt)));
  REQUIRE(apply(store, logs.append(1)));
  REQUIRE(apply(store, cores::move(1, one)));
  REQUIRE(apply(store, cores::create(2, two)));
  REQUIRE(apply(store, cores::create(3, one)));
  CHECK(cores_of(store, one).empty());
  CHECK(place_of(store, 1) == group_place{one, 0});
  for (auto number : {3U, 0U, 2U, 1U, 0U})
    REQUIRE(apply(store, logs.append(number)));
  fixture->reopen();
  CHECK(cores_of(fixture->store(), one) == numbers{3, 1, 0});
  CHECK(cores_of(fixture->store(), two) == numbers{2});
  CHECK(cores_of(fixture->store(), topic_of(3)).empty());
  REQUIRE(apply(fixture->store(), logs.append(3, 5)));
  CHECK(cores_of(fixture->store(), one) == numbers{1, 0, 3});
  CHECK(place_of(fixture->store(), 3)->position == changes_of(fixture->store(), one).back().first);
}

TEST_CASE("a part of the changes of a group, in both directions") {
  auto fixture = make_store(GENERATE(0, 1, 3));
  auto& store = fixture->store();
  cores logs;
  for (std::uint32_t number = 0; number < 6; ++number) {
    REQUIRE(apply(store, cores::create(number, number == 5 ? two : one)));
    REQUIRE(apply(store, logs.append(number)));
  }
  auto all = changes_of(store, one);
  REQUIRE(cores_of(all) == numbers{0, 1, 2, 3, 4});
  auto ask = [&](std::uint64_t since, std::uint64_t until, bool is_reverse) {
    return cores_of(store, one, {since, until, is_reverse});
  };
  constexpr auto end = group_range{}.until;
  CHECK(ask(0, end, true) == numbers{4, 3, 2, 1, 0});
  CHECK(ask(all[2].first, end, false) == numbers{2, 3, 4});
  CHECK(ask(all[2].first + 1, end, false) == numbers{3, 4});
  CHECK(ask(all[2].first, end, true) == numbers{4, 3, 2});
  CHECK(ask(all[1].first, all[3].first, false) == numbers{1, 2});
  CHECK(ask(all[1].first, all[3].first, true) == numbers{2, 1});
  CHECK(ask(all[4].first + 1, end, false).empty());
  CHECK(ask(all[4].first + 1, end, true).empty());
  CHECK(ask(0, all[0].first, true).empty());
  CHECK(ask(all[3].first, all[1].first, false).empty());
  CHECK(ask(all[3].first, all[1].first, true).empty());
  numbers first_two;
  auto view = store.open_snapshot();
  REQUIRE((*view)->group_changes(one, {0, end, true}, [&](std::uint64_t, const discovery_key& core) {
    first_two.push_back(static_cast<std::uint32_t>((*view)->header(core).value()->number));
    return first_two.size() < 2;
  }));
  CHECK(first_two == numbers{4, 3});
}

TEST_CASE("truncations and reorganisations are changes; what leaves the head as it is is none") {
  auto fixture = make_store(GENERATE(0, 1, 2, 3));
  auto& store = fixture->store();
  cores logs;
  for (std::uint32_t number = 0; number < 3; ++number) {
    REQUIRE(apply(store, cores::create(number, one)));
    REQUIRE(apply(store, logs.append(number, 4)));
  }
  auto before = changes_of(store, one);
  log::change_set quiet;
  quiet.number = log::core_number{0};
  quiet.user_data.push_back({"name", bytes{1}});
  REQUIRE(apply(store, quiet));
  quiet = {};
  quiet.cleared.push_back({1, 2});
  REQUIRE(apply(store, quiet));
  quiet = {};
  quiet.header = header_of(log::core_number{0});
  quiet.header->is_mirrored = true;
  REQUIRE(apply(store, quiet));
  quiet = {};
  quiet.head = made_up_log{1}.head(4); // signed anew
  quiet.head->signature = bytes(64, 99);
  REQUIRE(apply(store, quiet));
  CHECK(changes_of(store, one) == before);
  REQUIRE(apply(store, cores::move(0, one))); // it is there already
  CHECK(changes_of(store, one) == before);
  REQUIRE(apply(store, logs.truncate(0, 2)));
  CHECK(cores_of(store, one) == numbers{1, 2, 0});
  REQUIRE(apply(store, logs.truncate(1, logs.length(1)))); // another fork of the same length
  CHECK(cores_of(store, one) == numbers{2, 0, 1});
}

TEST_CASE("a core that leaves its group, moves to another one or is purged is no longer listed") {
  auto fixture = make_store(GENERATE(0, 1, 2, 3));
  auto& store = fixture->store();
  cores logs;
  for (std::uint32_t number = 0; number < 4; ++number) {
    REQUIRE(apply(store, cores::create(number, one)));
    REQUIRE(apply(store, logs.append(number)));
  }
  REQUIRE(apply(store, cores::move(0, std::nullopt)));
  REQUIRE(apply(store, cores::move(1, two)));
  REQUIRE(apply(store, cores::purge(2)));
  CHECK(cores_of(store, one) == numbers{3});
  CHECK(cores_of(store, two).empty());
  CHECK(place_of(store, 0) == std::nullopt);
  CHECK(place_of(store, 1) == group_place{two, 0});
  CHECK(place_of(store, 2) == std::nullopt);
  std::vector<log::change_set> at_once{logs.append(0), logs.append(1), logs.append(3), cores::purge(3)};
  REQUIRE(store.apply(at_once));
  fixture->reopen();
  CHECK(cores_of(fixture->store(), one).empty());
  CHECK(cores_of(fixture->store(), two) == numbers{1});
  auto joining = logs.append(0);
  joining.group = log::group_change{one};
  REQUIRE(apply(fixture->store(), joining)); // the change counts in the group that it is in afterwards
  CHECK(cores_of(fixture->store(), one) == numbers{0});
}

TEST_CASE("positions only go up, also over a restart and when the clock goes back") {
  hand_clock time;
  auto fixture = make_store(GENERATE(0, 1, 3), time.clock());
  cores logs;
  for (std::uint32_t number = 0; number < 3; ++number)
    REQUIRE(apply(fixture->store(), cores::create(number, one)));
  REQUIRE(apply(fixture->store(), logs.append(0)));
  REQUIRE(apply(fixture->store(), logs.append(1))); // within the same microsecond
  CHECK(changes_of(fixture->store(), one) == changes{{1000, 0}, {1001, 1}});
  *time.now = 5000;
  REQUIRE(apply(fixture->store(), logs.append(0)));
  REQUIRE(apply(fixture->store(), cores::purge(0))); // what was given once is not given again
  fixture->reopen();
  *time.now = 10;
  REQUIRE(apply(fixture->store(), logs.append(2)));
  CHECK(changes_of(fixture->store(), one) == changes{{1001, 1}, {5001, 2}});
  *time.now = believable_position_max + 1; // nobody's clock
  REQUIRE(apply(fixture->store(), logs.append(1)));
  CHECK(changes_of(fixture->store(), one) == changes{{5001, 2}, {5002, 1}});
}

TEST_CASE("positions are the time in microseconds") {
  auto fixture = make_store(GENERATE(0, 1));
  cores logs;
  auto now = [] {
    return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
        .count());
  };
  auto before = now();
  REQUIRE(apply(fixture->store(), cores::create(0, one)));
  REQUIRE(apply(fixture->store(), logs.append(0)));
  auto position = changes_of(fixture->store(), one).front().first;
  CHECK(position >= before);
  CHECK(position <= now());
}

TEST_CASE("a snapshot sees a group as it was") {
  auto fixture = make_store(GENERATE(0, 1, 3));
  auto& store = fixture->store();
  cores logs;
  for (std::uint32_t number = 0; number < 2; ++number) {
    REQUIRE(apply(store, cores::create(number, one)));
    REQUIRE(apply(store, logs.append(number)));
  }
  auto view = store.open_snapshot();
  REQUIRE(view);
  auto before = changes_of(**view, one);
  REQUIRE(apply(store, logs.append(0)));
  REQUIRE(apply(store, cores::move(1, std::nullopt)));
  CHECK(changes_of(**view, one) == before);
  CHECK((*view)->group(log::core_number{1}).value() == group_place{one, before[1].first});
  CHECK((*view)->group(log::core_number{0}).value() == group_place{one, before[0].first});
  CHECK(cores_of(store, one) == numbers{0});
}

TEST_CASE("a group of change sets that fails leaves the index as the logs are, whichever write fails") {
  auto journal = GENERATE(journal_limits{}, journal_limits{3, 1000}, journal_limits{0, 0});
  temporary_directory directory;
  open_options options;
  options.map_bytes = options.map_bytes_max = std::uint64_t{64} << 20U;
  options.durability = durability::none;
  options.journal = journal;
  auto disk = std::make_shared<failing_disk>();
  options.faults = disk;
  auto opened = open_store(directory.store(), options);
  REQUIRE(opened);
  auto store = std::move(*opened);
  cores logs;
  for (std::uint32_t number = 0; number < 4; ++number) {
    REQUIRE(apply(*store, cores::create(number, one)));
    REQUIRE(apply(*store, logs.append(number)));
  }
  auto before = changes_of(*store, one);
  auto lengths_now = [&] {
    std::vector<std::uint64_t> lengths;
    auto view = store->open_snapshot();
    for (std::uint32_t number = 0; number < 4; ++number)
      lengths.push_back((*view)->head(log::core_number{number})->length);
    return lengths;
  };
  auto lengths = lengths_now();
  const std::vector<log::change_set> group{logs.append(1), logs.truncate(0, 0), cores::purge(2), cores::move(3, two)};
  bool is_done = false;
  for (std::uint64_t after = 0; !is_done; ++after) {
    REQUIRE(after < 200);
    disk->put = {ENOSPC, after};
    is_done = store->apply(group).has_value();
    if (is_done)
      break;
    CHECK(changes_of(*store, one) == before);
    CHECK(lengths_now() == lengths);
  }
  CHECK(cores_of(*store, one) == numbers{1, 0});
  before = changes_of(*store, one);
  disk->put = {};
  disk->commit = {EIO, 0};
  CHECK_FALSE(apply(*store, logs.append(1)));
  CHECK(changes_of(*store, one) == before);
  store.reset(); // it is poisoned
  opened = open_store(directory.store(), options);
  REQUIRE(opened);
  CHECK(changes_of(**opened, one) == before);
  CHECK(cores_of(**opened, two).empty());
}

TEST_CASE("copies, restored stores and compacted ones have their groups") {
  temporary_directory directory;
  auto opened = open_store(directory.store(), {});
  REQUIRE(opened);
  auto store = std::move(*opened);
  cores logs;
  for (std::uint32_t number = 0; number < 3; ++number)
    REQUIRE(apply(*store, cores::create(number, one)));
  for (auto number : {2U, 0U, 1U, 2U})
    REQUIRE(apply(*store, logs.append(number)));
  auto before = changes_of(*store, one);
  REQUIRE(store->copy_to(directory.path() / "copy", true));
  REQUIRE(store->compact());
  CHECK(changes_of(*store, one) == before);
  REQUIRE(apply(*store, logs.append(0)));
  CHECK(cores_of(*store, one) == numbers{1, 2, 0});
  open_options reading;
  reading.is_read_only = true;
  auto copy = open_store(directory.path() / "copy", reading);
  REQUIRE(copy);
  CHECK(changes_of(**copy, one) == before);
  copy->reset();
  REQUIRE(restore_store(directory.path() / "copy", directory.path() / "restored", false));
  auto restored = open_store(directory.path() / "restored", {});
  REQUIRE(restored);
  CHECK(changes_of(**restored, one) == before);
  CHECK(place_of(**restored, 1) == group_place{one, before[1].first});
}

TEST_CASE("a store that is opened read-only shows its groups") {
  temporary_directory directory;
  auto owner = open_store(directory.store(), {});
  REQUIRE(owner);
  cores logs;
  REQUIRE(apply(**owner, cores::create(0, one)));
  REQUIRE(apply(**owner, cores::create(1, one)));
  REQUIRE(apply(**owner, logs.append(0)));
  REQUIRE((*owner)->copy_to(directory.path() / "copy", false));
  open_options reading;
  reading.is_read_only = true;
  auto beside = open_store(directory.path() / "copy", reading);
  REQUIRE(beside);
  CHECK(cores_of(**beside, one) == numbers{0});
  CHECK(apply(**beside, logs.append(0)).error().code == ec::read_only);
}

namespace {

/// Random histories of many cores in few groups against a list that is kept by hand.
void check_history(int kind) {
  hand_clock time;
  auto fixture = make_store(kind, time.clock());
  cores logs;
  std::map<std::uint32_t, std::uint8_t> members; ///< core: topic, 0 = none
  std::map<std::uint8_t, std::vector<std::uint32_t>> order;
  std::uint32_t next = 0;
  auto forget = [&](std::uint32_t number) {
    for (auto& [topic, listed] : order)
      std::erase(listed, number);
  };
  auto steps = *rc::gen::inRange(1, 60);
  for (int step = 0; step < steps; ++step) {
    std::vector<log::change_set> group;
    for (auto count = *rc::gen::inRange(1, 5); count > 0; --count) {
      *time.now = *rc::gen::inRange<std::uint64_t>(0, 2000);
      auto action = *rc::gen::inRange(0, 20);
      auto drawn = *rc::gen::inRange<std::uint8_t>(0, 4);
      auto topic = drawn == 0 ? std::nullopt : std::optional{topic_of(drawn)};
      if (members.empty() || (action == 0 && next < 100)) {
        members[next] = drawn;
        group.push_back(cores::create(next++, topic));
        continue;
      }
      auto chosen = std::next(members.begin(), *rc::gen::inRange<long>(0, static_cast<long>(members.size())));
      auto number = chosen->first;
      if (action == 1) {
        members.erase(chosen);
        forget(number);
        group.push_back(cores::purge(number));
        continue;
      }
      if (action == 2) {
        if (chosen->second != drawn)
          forget(number);
        chosen->second = drawn;
        group.push_back(cores::move(number, topic));
        continue;
      }
      group.push_back(action == 3 ? logs.truncate(number, logs.length(number) / 2)
                                  : logs.append(number, *rc::gen::inRange<std::uint64_t>(1, 4)));
      if (chosen->second != 0) {
        forget(number);
        order[chosen->second].push_back(number);
      }
    }
    auto applied = fixture->store().apply(group);
    if (!applied)
      RC_FAIL(to_string(applied.error()));
    if (*rc::gen::inRange(0, 4) == 0)
      fixture->reopen();
    for (std::uint8_t topic = 1; topic < 4; ++topic) {
      auto found = changes_of(fixture->store(), topic_of(topic));
      RC_ASSERT(cores_of(found) == order[topic]);
      for (const auto& [position, number] : found)
        RC_ASSERT((place_of(fixture->store(), number) == group_place{topic_of(topic), position}));
      auto backwards = cores_of(fixture->store(), topic_of(topic), {0, group_range{}.until, true});
      std::reverse(backwards.begin(), backwards.end());
      RC_ASSERT(backwards == order[topic]);
    }
    for (const auto& [number, topic] : members) {
      auto place = place_of(fixture->store(), number);
      RC_ASSERT(place.has_value() == (topic != 0));
      RC_ASSERT((!place || place->topic == topic_of(topic)));
    }
  }
}

} // namespace

TEST_CASE("any history leaves groups as a list that is kept by hand") {
  CHECK(rc::check("in memory", [] { check_history(0); }));
  CHECK(rc::check("with a journal", [] { check_history(1); }));
  CHECK(rc::check("with a journal that is always full", [] { check_history(2); }));
  CHECK(rc::check("without a journal", [] { check_history(3); }));
}

} // namespace corestore::storage
