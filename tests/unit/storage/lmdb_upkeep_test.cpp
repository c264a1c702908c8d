// Copies, restores, compaction and the quota of a store on disk.
#include <catch2/catch.hpp>

#include <atomic>
#include <fstream>
#include <thread>

#include "storage/restore.hpp"
#include "tests/unit/storage/support.hpp"

namespace corestore::storage {

namespace {

using testing::append_of;
using testing::core_a;
using testing::core_b;
using testing::header_of;
using testing::made_up_log;
using testing::temporary_directory;

std::unique_ptr<backend> open_or_fail(const std::filesystem::path& path, const open_options& options = {}) {
  auto opened = open_store(path, options);
  if (!opened)
    FAIL(to_string(opened.error()));
  return std::move(*opened);
}

result<void> apply(backend& store, const log::change_set& changes) {
  return store.apply({&changes, 1});
}

/// Appends with a header, so that the core is known by name as well.
log::change_set known_append(const made_up_log& source, log::core_number number, std::uint64_t end,
                             log::key_origin origin) {
  auto changes = append_of(source, number, 0, end);
  changes.header = header_of(number);
  changes.header->origin = origin;
  if (origin == log::key_origin::derived)
    changes.header->name = "log";
  return changes;
}

std::uint64_t stored_blocks(backend& store, const made_up_log& source, log::core_number number, std::uint64_t end) {
  auto view = store.open_snapshot();
  REQUIRE(view);
  std::uint64_t count = 0;
  REQUIRE((*view)->each_block(number, {0, end}, [&](std::uint64_t index, byte_view value) {
    auto expected = source.block(index);
    CHECK(std::equal(value.begin(), value.end(), expected.begin(), expected.end()));
    ++count;
    return true;
  }));
  return count;
}

log::core_header header_in(backend& store, log::core_number number) {
  auto view = store.open_snapshot();
  REQUIRE(view);
  auto found = (*view)->header(header_of(number).discovery);
  REQUIRE(found);
  REQUIRE(*found);
  return **found;
}

bool has_leftovers(const std::filesystem::path& folder) {
  for (const auto& entry : std::filesystem::directory_iterator{folder})
    if (entry.path().filename().string().find("partial") != std::string::npos)
      return true;
  return false;
}

} // namespace

TEST_CASE("a copy holds what was committed, can be read, and cannot be written") {
  temporary_directory directory;
  made_up_log source;
  auto store = open_or_fail(directory.store());
  REQUIRE(apply(*store, known_append(source, core_a, 100, log::key_origin::derived)));
  auto is_compact = GENERATE(false, true);
  auto copy = directory.path() / "copy";
  auto bytes = store->copy_to(copy, is_compact);
  if (!bytes)
    FAIL(to_string(bytes.error()));
  CHECK(*bytes == std::filesystem::file_size(copy / "data.mdb"));
  CHECK_FALSE(has_leftovers(directory.path()));
  REQUIRE(apply(*store, append_of(source, core_a, 100, 150)));

  auto opened = open_store(copy, {});
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == ec::read_only);
  CHECK(opened.error().detail.find("restore") != std::string::npos);
  open_options reading;
  reading.is_read_only = true;
  auto readable = open_or_fail(copy, reading);
  CHECK(stored_blocks(*readable, source, core_a, 1000) == 100);
  CHECK(readable->root_key() == store->root_key());
}

TEST_CASE("a copy needs a place of its own, and leaves nothing behind when it fails") {
  temporary_directory directory;
  auto store = open_or_fail(directory.store());
  auto target = directory.path() / "a" / "b";
  REQUIRE(store->copy_to(target, false)); // parents are made
  CHECK(store->copy_to(target, false).error().code == ec::bad_argument);
  auto file = directory.path() / "file";
  std::ofstream{file} << "x";
  CHECK(store->copy_to(file, false).error().code == ec::bad_argument);
  CHECK(store->copy_to(file / "below", false).error().code == ec::storage_failed);
  auto empty = directory.path() / "empty";
  std::filesystem::create_directory(empty);
  CHECK(store->copy_to(empty, false));
  CHECK_FALSE(has_leftovers(directory.path()));
}

TEST_CASE("copies made beside a writer are consistent") {
  temporary_directory directory;
  made_up_log source;
  auto store = open_or_fail(directory.store());
  REQUIRE(apply(*store, known_append(source, core_a, 1, log::key_origin::derived)));
  std::atomic<bool> is_writing = true;
  std::thread writer{[&] {
    for (std::uint64_t length = 1; is_writing && length < 5000; ++length)
      if (!apply(*store, append_of(source, core_a, length, length + 1)))
        return;
  }};
  std::uint64_t before = 0;
  for (int i = 0; i < 4; ++i) {
    auto copy = directory.path() / ("copy" + std::to_string(i));
    auto made = store->copy_to(copy, i % 2 == 1);
    if (!made) {
      is_writing = false;
      writer.join();
      FAIL(to_string(made.error()));
    }
    open_options reading;
    reading.is_read_only = true;
    auto readable = open_or_fail(copy, reading);
    auto view = readable->open_snapshot().value();
    auto head = view->head(core_a).value();
    view.reset();
    CHECK(head.length >= before);
    CHECK(stored_blocks(*readable, source, core_a, 10000) == head.length);
    before = head.length;
  }
  is_writing = false;
  writer.join();
}

TEST_CASE("a restored store is fenced where it can write, and only there") {
  temporary_directory directory;
  made_up_log ours{1};
  made_up_log theirs{2};
  auto store = open_or_fail(directory.store());
  REQUIRE(apply(*store, known_append(ours, core_a, 10, log::key_origin::derived)));
  REQUIRE(apply(*store, known_append(theirs, core_b, 20, log::key_origin::none)));
  auto copy = directory.path() / "copy";
  REQUIRE(store->copy_to(copy, false));
  CHECK_FALSE(store->is_restored());
  CHECK(restore_store(directory.store(), directory.path() / "x", false).error().code == ec::store_held);
  store.reset();

  auto from = GENERATE(as<std::string>{}, "copy", "store"); // a backup, or the folder of a store that is closed
  auto target = directory.path() / "restored";
  auto outcome = restore_store(directory.path() / from, target, false);
  if (!outcome)
    FAIL(to_string(outcome.error()));
  CHECK(outcome->cores == 2);
  CHECK(outcome->fenced == 1);
  {
    auto restored = open_or_fail(target);
    CHECK(header_in(*restored, core_a).fence == log::head_mark{0, 10});
    CHECK_FALSE(header_in(*restored, core_b).fence);
    CHECK(stored_blocks(*restored, theirs, core_b, 100) == 20);
    CHECK(restored->is_restored());
    REQUIRE(restored->end_restoration());
    CHECK_FALSE(restored->is_restored());
  }
  CHECK_FALSE(open_or_fail(target)->is_restored());
  CHECK(restore_store(directory.path() / from, target, false).error().code == ec::bad_argument);

  auto forced = restore_store(directory.path() / from, directory.path() / "forced", true);
  REQUIRE(forced);
  CHECK(forced->fenced == 0);
  auto free_store = open_or_fail(directory.path() / "forced");
  CHECK_FALSE(header_in(*free_store, core_a).fence);
  CHECK_FALSE(free_store->is_restored());
  CHECK_FALSE(has_leftovers(directory.path()));
}

TEST_CASE("only a store or a copy of one is restored") {
  temporary_directory directory;
  auto target = directory.path() / "target";
  CHECK(restore_store(directory.path() / "missing", target, false).error().code == ec::not_found);
  auto other = directory.path() / "other";
  std::filesystem::create_directory(other);
  CHECK(restore_store(other, target, false).error().code == ec::not_found);
  std::ofstream{other / "data.mdb"} << std::string(100000, 'x');
  CHECK(restore_store(other, target, false).error().code == ec::storage_damaged);
  CHECK_FALSE(std::filesystem::exists(target));
  CHECK_FALSE(has_leftovers(directory.path()));
}

TEST_CASE("a compaction gives free pages back, and changes nothing else") {
  temporary_directory directory;
  made_up_log source{1, 4000};
  auto store = open_or_fail(directory.store());
  REQUIRE(apply(*store, known_append(source, core_a, 1000, log::key_origin::derived)));
  log::change_set cleared;
  cleared.number = core_a;
  cleared.base_length = 1000;
  cleared.cleared.push_back({0, 900});
  cleared.contiguous_length = 0;
  REQUIRE(apply(*store, cleared));
  auto before = store->stats();
  REQUIRE(store->compact());
  auto after = store->stats();
  CHECK(after.file_bytes < before.file_bytes / 2);
  CHECK(after.file_bytes == std::filesystem::file_size(directory.store() / "data.mdb"));
  CHECK(stored_blocks(*store, source, core_a, 1000) == 100);
  auto later = append_of(source, core_a, 1000, 1100);
  later.contiguous_length = 0;
  REQUIRE(apply(*store, later));
  auto root = store->root_key();
  store.reset();
  store = open_or_fail(directory.store());
  CHECK(store->root_key() == root);
  CHECK(stored_blocks(*store, source, core_a, 2000) == 200);
}

TEST_CASE("a compaction waits for snapshots, and gives up without effect") {
  temporary_directory directory;
  made_up_log source;
  open_options options;
  options.growth_wait = std::chrono::milliseconds{50};
  auto store = open_or_fail(directory.store(), options);
  REQUIRE(apply(*store, known_append(source, core_a, 100, log::key_origin::derived)));
  auto view = store->open_snapshot().value();
  CHECK(store->compact().error().code == ec::timed_out);
  CHECK_FALSE(std::filesystem::exists(directory.store() / "data.mdb.compact"));
  CHECK(view->head(core_a).value().length == 100);
  view.reset();
  CHECK(store->compact());
  CHECK(stored_blocks(*store, source, core_a, 1000) == 100);
}

TEST_CASE("readers of the same process go on through compactions") {
  temporary_directory directory;
  made_up_log source;
  auto store = open_or_fail(directory.store());
  REQUIRE(apply(*store, known_append(source, core_a, 200, log::key_origin::derived)));
  std::atomic<bool> is_reading = true;
  std::atomic<std::uint64_t> reads = 0;
  std::atomic<bool> is_right = true;
  std::thread reader{[&] {
    while (is_reading) {
      {
        auto view = store->open_snapshot();
        is_right = is_right && view && (*view)->head(core_a).value().length >= 200 && (*view)->block(core_a, 7).value();
      } // what waits for a compaction must not hold it up
      is_right = is_right && store->stats().file_bytes > 0;
      ++reads;
    }
  }};
  for (std::uint64_t i = 0; i < 20; ++i) {
    CHECK(apply(*store, append_of(source, core_a, 200 + i, 201 + i)));
    CHECK(store->compact());
  }
  is_reading = false;
  reader.join();
  CHECK(is_right);
  CHECK(reads > 0);
}

TEST_CASE("a quota refuses what brings data, and nothing else") {
  temporary_directory directory;
  made_up_log source{1, 4000};
  open_options options;
  options.quota_bytes = std::uint64_t{1} << 20U;
  auto store = open_or_fail(directory.store(), options);
  std::uint64_t length = 0;
  result<void> outcome;
  while (length < 5000) {
    outcome = length == 0 ? apply(*store, known_append(source, core_a, 50, log::key_origin::derived))
                          : apply(*store, append_of(source, core_a, length, length + 50));
    if (!outcome)
      break;
    length += 50;
  }
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().code == ec::storage_full);
  CHECK(outcome.error().detail.find("quota of 1048576 bytes") != std::string::npos);
  CHECK(length > 100);
  CHECK(store->stats().used_bytes <= options.quota_bytes);
  CHECK(stored_blocks(*store, source, core_a, 5000) == length);
  auto named = testing::no_change(core_b);
  named.header = header_of(core_b);
  CHECK(apply(*store, named));
  log::change_set cleared;
  cleared.number = core_a;
  cleared.base_length = length;
  cleared.cleared.push_back({0, 100});
  cleared.contiguous_length = 0;
  CHECK(apply(*store, cleared));
  auto later = append_of(source, core_a, length, length + 50);
  later.contiguous_length = 0;
  CHECK(apply(*store, later));
}

} // namespace corestore::storage
