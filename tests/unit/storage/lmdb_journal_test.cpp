// The journal on disk: small appends of many cores in one table, found by every snapshot, folded into the tables of
// their cores in time, and never lost on the way.
#include <catch2/catch.hpp>

#include <cerrno>
#include <chrono>

#include <lmdb.h>

#include "tests/unit/storage/support.hpp"

namespace corestore::storage {

namespace {

using testing::append_of;
using testing::failing_disk;
using testing::made_up_log;
using testing::temporary_directory;

open_options options_with(journal_limits journal) {
  open_options options;
  options.map_bytes = options.map_bytes_max = std::uint64_t{64} << 20U;
  options.durability = durability::none;
  options.journal = journal;
  return options;
}

std::unique_ptr<backend> open_or_fail(const std::filesystem::path& path, const open_options& options) {
  auto opened = open_store(path, options);
  if (!opened)
    FAIL(to_string(opened.error()));
  return std::move(*opened);
}

/// Entries of a table, as LMDB counts them; the store is closed.
std::size_t entries_of(const std::filesystem::path& path, const char* table) {
  MDB_env* environment = nullptr;
  MDB_txn* txn = nullptr;
  MDB_dbi handle = 0;
  MDB_stat content{};
  REQUIRE(mdb_env_create(&environment) == 0);
  REQUIRE(mdb_env_set_maxdbs(environment, 20) == 0);
  REQUIRE(mdb_env_open(environment, path.c_str(), MDB_RDONLY, 0600) == 0);
  REQUIRE(mdb_txn_begin(environment, nullptr, MDB_RDONLY, &txn) == 0);
  REQUIRE(mdb_dbi_open(txn, table, 0, &handle) == 0);
  REQUIRE(mdb_stat(txn, handle, &content) == 0);
  mdb_txn_abort(txn);
  mdb_env_close(environment);
  return content.ms_entries;
}

/// Many cores that all grow.
class field {
public:
  explicit field(std::uint32_t cores) : lengths_(cores) {
    for (std::uint32_t core = 0; core < cores; ++core)
      logs_.emplace_back(core + 1);
  }

  log::change_set next(std::uint32_t core, std::uint64_t count = 1) {
    auto start = lengths_[core];
    lengths_[core] += count;
    return append_of(logs_[core], log::core_number{core}, start, lengths_[core]);
  }

  result<void> grow_all(backend& store, std::uint64_t count = 1) {
    std::vector<log::change_set> group;
    for (std::uint32_t core = 0; core < lengths_.size(); ++core)
      group.push_back(next(core, count));
    return store.apply(group);
  }

  void check(backend& store) const {
    auto view = store.open_snapshot();
    REQUIRE(view);
    check(**view, lengths_);
  }

  void check(const snapshot& view, const std::vector<std::uint64_t>& lengths) const {
    for (std::uint32_t core = 0; core < lengths.size(); ++core) {
      const log::core_number number{core};
      REQUIRE(view.head(number).value() == logs_[core].head(lengths[core]));
      REQUIRE(view.bits(number).value().contiguous_length() == lengths[core]);
      std::uint64_t visited = 0;
      auto done = view.each_block(number, {0, lengths[core]}, [&](std::uint64_t index, byte_view value) {
        REQUIRE(index == visited++);
        REQUIRE(to_bytes(value) == logs_[core].block(index));
        return true;
      });
      REQUIRE(done);
      REQUIRE(visited == lengths[core]);
      for (std::uint64_t index = 0; index < lengths[core]; ++index)
        REQUIRE(to_bytes(view.block(number, index).value().value().view()) == logs_[core].block(index));
      for (const auto& node : logs_[core].nodes(0, lengths[core]))
        REQUIRE(view.node(number, node.index).value() == node);
    }
  }

  [[nodiscard]] const std::vector<std::uint64_t>& lengths() const {
    return lengths_;
  }
  [[nodiscard]] const made_up_log& log_of(std::uint32_t core) const {
    return logs_[core];
  }

private:
  std::vector<std::uint64_t> lengths_;
  std::vector<made_up_log> logs_;
};

} // namespace

TEST_CASE("small appends are journalled, and found at once and after a restart") {
  const temporary_directory directory;
  field cores{20};
  {
    auto store = open_or_fail(directory.store(), options_with({1000, 1U << 20U}));
    for (int round = 0; round < 5; ++round)
      REQUIRE(cores.grow_all(*store));
    cores.check(*store);
  }
  CHECK(entries_of(directory.store(), "journal") == 100);
  CHECK(entries_of(directory.store(), "runs") == 0);
  auto store = open_or_fail(directory.store(), options_with({1000, 1U << 20U}));
  cores.check(*store);
  REQUIRE(cores.grow_all(*store, 3));
  cores.check(*store);
}

TEST_CASE("a journal that is too large is folded core by core, the oldest first") {
  const temporary_directory directory;
  field cores{20};
  {
    auto store = open_or_fail(directory.store(), options_with({60, 1U << 20U}));
    for (int round = 0; round < 30; ++round) {
      REQUIRE(cores.grow_all(*store));
      cores.check(*store);
    }
  }
  CHECK(entries_of(directory.store(), "journal") < 200);
  auto runs = entries_of(directory.store(), "runs");
  CHECK(runs > 0);
  CHECK(runs < 20 * 30 / 2); // several appends each
  auto store = open_or_fail(directory.store(), options_with({60, 1U << 20U}));
  cores.check(*store);
}

TEST_CASE("what one core has in a full journal is folded in parts, and each part holds after a restart") {
  const temporary_directory directory;
  field cores{1};
  const auto options = options_with({1500, 1U << 30U});
  auto store = open_or_fail(directory.store(), options);
  for (int round = 0; round < 5; ++round) {
    for (int count = 0; count < 500; ++count) {
      auto next = cores.next(0);
      REQUIRE(store->apply({&next, 1}));
    }
    store.reset();
    store = open_or_fail(directory.store(), options);
    cores.check(*store);
  }
  store.reset();
  CHECK(entries_of(directory.store(), "runs") == 1); // 1,024 of 2,500 entries
  CHECK(entries_of(directory.store(), "journal") <= 1500);
  store = open_or_fail(directory.store(), options);
  log::change_set cut;
  cut.number = log::core_number{0};
  cut.truncate_to = 1200;
  cut.head = cores.log_of(0).head(1200, 1);
  REQUIRE(store->apply({&cut, 1}));
  auto view = store->open_snapshot();
  REQUIRE(view);
  CHECK((*view)->head(log::core_number{0}).value() == cores.log_of(0).head(1200, 1));
  CHECK(to_bytes((*view)->block(log::core_number{0}, 1100).value().value().view()) == cores.log_of(0).block(1100));
}

namespace {

/// A core of generation 9: the signature of every batch is kept, for its length.
class signed_core {
public:
  explicit signed_core(log::core_number number) : number_(number), log_(static_cast<std::uint32_t>(number) + 1) {
    // nop
  }

  [[nodiscard]] log::change_set next(std::uint64_t count) {
    auto start = lengths_.empty() ? 0 : lengths_.back();
    lengths_.push_back(start + count);
    auto changes = append_of(log_, number_, start, start + count);
    changes.head->signature = to_bytes(signature(start + count).view());
    changes.signatures.push_back({start + count, signature(start + count)});
    return changes;
  }

  void check(const snapshot& view) const {
    std::size_t next = 0;
    for (std::uint64_t length = 0; length <= lengths_.back() + 1; ++length) {
      auto found = view.signature(number_, length);
      REQUIRE(found);
      auto is_kept = next < lengths_.size() && lengths_[next] == length;
      REQUIRE(found->has_value() == is_kept);
      if (is_kept && ++next > 0)
        REQUIRE(**found == signature(length));
    }
    REQUIRE(next == lengths_.size());
  }

  [[nodiscard]] signature64 signature(std::uint64_t length) const {
    signature64 made;
    made.data.fill(static_cast<std::uint8_t>(length * 7 + static_cast<std::uint32_t>(number_)));
    return made;
  }

  [[nodiscard]] log::core_number number() const {
    return number_;
  }

private:
  log::core_number number_;
  made_up_log log_;
  std::vector<std::uint64_t> lengths_;
};

} // namespace

TEST_CASE("the signature that is kept for each batch is found in the journal, after a restart, and after folding") {
  const temporary_directory directory;
  std::vector<signed_core> cores;
  for (std::uint32_t number = 0; number < 5; ++number)
    cores.emplace_back(log::core_number{number});
  auto check = [&cores](backend& store) {
    auto view = store.open_snapshot();
    REQUIRE(view);
    for (const auto& core : cores)
      core.check(**view);
  };
  auto grow = [&cores](backend& store, std::uint64_t count) {
    std::vector<log::change_set> group;
    for (auto& core : cores)
      group.push_back(core.next(count));
    REQUIRE(store.apply(group));
  };
  {
    auto store = open_or_fail(directory.store(), options_with({1000, 1U << 20U}));
    for (std::uint64_t count : {1, 3, 1, 2})
      grow(*store, count);
    check(*store);
  }
  CHECK(entries_of(directory.store(), "journal") == 20);
  CHECK(entries_of(directory.store(), "signatures") == 0);
  auto before = cores;
  {
    auto store = open_or_fail(directory.store(), options_with({10, 1U << 20U}));
    check(*store);
    auto old = store->open_snapshot();
    REQUIRE(old);
    for (std::uint64_t count : {1, 1, 4, 1, 1, 1})
      grow(*store, count);
    check(*store);
    for (const auto& core : before)
      core.check(**old);
  }
  CHECK(entries_of(directory.store(), "signatures") >= 20);
  auto store = open_or_fail(directory.store(), options_with({10, 1U << 20U}));
  check(*store);
}

TEST_CASE("a signature that is not the one of the new head is not journalled") {
  const temporary_directory directory;
  signed_core core{log::core_number{1}};
  {
    auto store = open_or_fail(directory.store(), options_with({1000, 1U << 20U}));
    std::vector<log::change_set> group{core.next(2)};
    group.front().signatures.front().length = 1;
    REQUIRE(store->apply(group));
    group = {core.next(1)};
    group.front().signatures.front().signature = core.signature(99);
    REQUIRE(store->apply(group));
    auto view = store->open_snapshot();
    REQUIRE(view);
    CHECK((*view)->signature(core.number(), 1).value() == core.signature(2));
    CHECK((*view)->signature(core.number(), 3).value() == core.signature(99));
  }
  CHECK(entries_of(directory.store(), "journal") == 0);
}

TEST_CASE("figures of opening a store whose journal is full", "[.figures]") {
  const temporary_directory directory;
  auto options = options_with({});
  options.map_bytes = options.map_bytes_max = std::uint64_t{1} << 30U;
  field cores{1000};
  auto store = open_or_fail(directory.store(), options);
  for (int round = 0; round < 131; ++round)
    REQUIRE(cores.grow_all(*store));
  store.reset();
  auto start = std::chrono::steady_clock::now();
  store = open_or_fail(directory.store(), options);
  const std::chrono::duration<double, std::milli> taken = std::chrono::steady_clock::now() - start;
  WARN("131,000 entries: " << taken.count() << " ms");
}

TEST_CASE("a compaction numbers transactions anew and loses nothing of the journal") {
  temporary_directory directory;
  auto store = open_or_fail(directory.store(), options_with({}));
  field cores{20};
  for (int round = 0; round < 30; ++round)
    REQUIRE(cores.grow_all(*store));
  REQUIRE(store->compact());
  cores.check(*store);
  REQUIRE(cores.grow_all(*store));
  cores.check(*store);
  REQUIRE(store->compact());
  store.reset();
  cores.check(*open_or_fail(directory.store(), options_with({})));
}

TEST_CASE("an old snapshot finds in the journal what was folded after it") {
  const temporary_directory directory;
  field cores{10};
  auto store = open_or_fail(directory.store(), options_with({40, 1U << 20U}));
  for (int round = 0; round < 3; ++round)
    REQUIRE(cores.grow_all(*store));
  auto then = cores.lengths();
  auto view = store->open_snapshot();
  REQUIRE(view);
  for (int round = 0; round < 20; ++round)
    REQUIRE(cores.grow_all(*store));
  cores.check(**view, then);
  cores.check(*store);
}

TEST_CASE("another process sees the journal as it was when it looked") {
  const temporary_directory directory;
  field cores{10};
  auto store = open_or_fail(directory.store(), options_with({1000, 1U << 20U}));
  REQUIRE(cores.grow_all(*store, 2));
  store.reset();
  auto readable = options_with({});
  readable.is_read_only = true;
  auto reader = open_or_fail(directory.store(), readable);
  cores.check(*reader);
}

TEST_CASE("whatever is more than an append folds its core first") {
  const temporary_directory directory;
  field cores{3};
  auto store = open_or_fail(directory.store(), options_with({1000, 1U << 20U}));
  for (int round = 0; round < 10; ++round)
    REQUIRE(cores.grow_all(*store));
  const auto& source = cores.log_of(1);
  log::change_set cut;
  cut.number = log::core_number{1};
  cut.truncate_to = 4;
  cut.head = source.head(4, 1);
  log::change_set cleared;
  cleared.number = log::core_number{2};
  cleared.cleared.push_back({2, 5});
  REQUIRE(store->apply(std::vector{cut, cleared}));
  auto check = [&](backend& there) {
    auto view = there.open_snapshot();
    REQUIRE(view);
    CHECK((*view)->head(log::core_number{1}).value() == source.head(4, 1));
    CHECK((*view)->block(log::core_number{1}, 3).value());
    CHECK_FALSE((*view)->block(log::core_number{1}, 4).value());
    CHECK_FALSE((*view)->node(log::core_number{1}, 8).value());
    CHECK_FALSE((*view)->block(log::core_number{2}, 3).value());
    CHECK((*view)->node(log::core_number{2}, 6).value() == cores.log_of(2).node(6));
    CHECK((*view)->block(log::core_number{2}, 9).value());
    CHECK((*view)->block(log::core_number{0}, 9).value());
  };
  check(*store);
  store.reset();
  store = open_or_fail(directory.store(), options_with({1000, 1U << 20U}));
  check(*store);
  auto more = append_of(source, log::core_number{1}, 4, 6); // another history goes on in the journal
  more.head = source.head(6, 1);
  REQUIRE(store->apply({&more, 1}));
  store.reset();
  store = open_or_fail(directory.store(), options_with({1000, 1U << 20U}));
  auto view = store->open_snapshot();
  CHECK((*view)->head(log::core_number{1}).value() == source.head(6, 1));
  CHECK(to_bytes((*view)->block(log::core_number{1}, 5).value().value().view()) == source.block(5));
}

TEST_CASE("what was folded of a purged core does not come back either, although its entries are still there") {
  const temporary_directory directory;
  field cores{2};
  const auto options = options_with({20, 1U << 20U});
  auto store = open_or_fail(directory.store(), options);
  for (int round = 0; round < 4; ++round) // the first core's entries keep those behind them in the journal
    REQUIRE(cores.grow_all(*store));
  log::change_set changes;
  changes.number = log::core_number{1};
  SECTION("folded before") {
    changes.user_data.push_back({"name", bytes{1}});
    REQUIRE(store->apply({&changes, 1}));
    changes.user_data.clear();
    changes.is_purge = true;
    REQUIRE(store->apply({&changes, 1}));
  }
  SECTION("folded by the same commit") {
    std::vector<log::change_set> both(2, changes);
    both[0].user_data.push_back({"name", bytes{1}});
    both[1].is_purge = true;
    REQUIRE(store->apply(both));
  }
  SECTION("folded, and with newer entries") {
    changes.user_data.push_back({"name", bytes{1}});
    REQUIRE(store->apply({&changes, 1}));
    auto more = cores.next(1);
    REQUIRE(store->apply({&more, 1}));
    changes.user_data.clear();
    changes.is_purge = true;
    REQUIRE(store->apply({&changes, 1}));
  }
  for (int restart = 0; restart < 2; ++restart) {
    store.reset();
    store = open_or_fail(directory.store(), options);
    auto view = store->open_snapshot();
    REQUIRE(view);
    CHECK((*view)->head(log::core_number{1}).value() == log::tree_head{});
    CHECK_FALSE((*view)->block(log::core_number{1}, 0).value());
    view->reset();
    for (int count = 0; count < 30;
         ++count) { // the journal fills: the oldest entries are folded, and none of that core
      auto next = cores.next(0);
      REQUIRE(store->apply({&next, 1}));
    }
  }
}

TEST_CASE("a purged core leaves nothing in the journal that could come back") {
  const temporary_directory directory;
  field cores{2};
  auto store = open_or_fail(directory.store(), options_with({1000, 1U << 20U}));
  for (int round = 0; round < 4; ++round)
    REQUIRE(cores.grow_all(*store));
  log::change_set purge;
  purge.number = log::core_number{1};
  purge.is_purge = true;
  REQUIRE(store->apply({&purge, 1}));
  auto check = [&](backend& there) {
    auto view = there.open_snapshot();
    REQUIRE(view);
    CHECK((*view)->head(log::core_number{1}).value() == log::tree_head{});
    CHECK_FALSE((*view)->block(log::core_number{1}, 0).value());
    CHECK((*view)->block(log::core_number{0}, 3).value());
  };
  check(*store);
  store.reset();
  store = open_or_fail(directory.store(), options_with({0, 0}));
  check(*store);
  auto again = append_of(cores.log_of(1), log::core_number{1}, 0, 2); // folds nothing of the old one
  REQUIRE(store->apply({&again, 1}));
  auto view = store->open_snapshot();
  CHECK((*view)->head(log::core_number{1}).value().length == 2);
  CHECK_FALSE((*view)->block(log::core_number{1}, 2).value());
}

TEST_CASE("a group that fails at any of its writes leaves the journal as it was") {
  for (auto what : {&failing_disk::put, &failing_disk::commit}) {
    for (std::uint64_t after = 0;; ++after) {
      const temporary_directory directory;
      auto disk = std::make_shared<failing_disk>();
      auto options = options_with({12, 1U << 20U});
      options.faults = disk;
      field cores{5};
      auto store = open_or_fail(directory.store(), options);
      for (int round = 0; round < 3; ++round)
        REQUIRE(cores.grow_all(*store));
      auto before = cores;
      ((*disk).*what) = {ENOSPC, after};
      auto applied = cores.grow_all(*store);
      if (applied)
        break; // it takes fewer steps than that
      REQUIRE(applied.error().code == ec::storage_full);
      before.check(*store);
      REQUIRE(before.grow_all(*store));
      REQUIRE(before.grow_all(*store));
      before.check(*store);
      store.reset();
      store = open_or_fail(directory.store(), options_with({12, 1U << 20U}));
      before.check(*store);
      if (what == &failing_disk::commit)
        break;
    }
  }
}

TEST_CASE("numbers of journal entries are not used again after everything was folded") {
  const temporary_directory directory;
  field cores{3};
  for (int round = 0; round < 6; ++round) {
    auto store = open_or_fail(directory.store(), options_with({round % 2 == 0 ? 100U : 1U, 1U << 20U}));
    REQUIRE(cores.grow_all(*store));
    REQUIRE(cores.grow_all(*store));
    cores.check(*store);
    store.reset();
    store = open_or_fail(directory.store(), options_with({1, 1U << 20U}));
    REQUIRE(cores.grow_all(*store));
    cores.check(*store);
  }
}

} // namespace corestore::storage
