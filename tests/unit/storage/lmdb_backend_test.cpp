// What only a store on disk can do: fill up, grow, fail, be held, be read by others.
#include <catch2/catch.hpp>

#include <atomic>
#include <cerrno>
#include <fstream>
#include <thread>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/lmdb_env.hpp"
#include "tests/unit/storage/support.hpp"

namespace corestore::storage {

namespace {

using testing::append_of;
using testing::core_a;
using testing::core_b;
using testing::made_up_log;
using testing::temporary_directory;

constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20U;

open_options small_options(std::uint64_t start = 64 * mebibyte, std::uint64_t max = 64 * mebibyte) {
  open_options options;
  options.map_bytes = start;
  options.map_bytes_max = max;
  return options;
}

std::unique_ptr<backend> open_or_fail(const std::filesystem::path& path, const open_options& options) {
  auto opened = open_store(path, options);
  if (!opened)
    FAIL(to_string(opened.error()));
  return std::move(*opened);
}

error open_error(const std::filesystem::path& path, const open_options& options = small_options()) {
  auto opened = open_store(path, options);
  REQUIRE_FALSE(opened);
  return opened.error();
}

result<void> apply(backend& store, const log::change_set& changes) {
  return store.apply({&changes, 1});
}

std::uint64_t length_of(backend& store, log::core_number number = core_a) {
  auto view = store.open_snapshot();
  REQUIRE(view);
  return (*view)->head(number).value().length;
}

/// Runs `act` in another process; its return value is the exit code.
template <class Action>
pid_t run_child(const Action& act) {
  auto child = ::fork();
  if (child == 0)
    ::_exit(act());
  return child;
}

int exit_code_of(pid_t child) {
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

} // namespace

TEST_CASE("a store keeps its primary key and refuses another one") {
  temporary_directory directory;
  auto options = small_options();
  options.primary.emplace();
  options.primary->data.fill(9);
  CHECK(open_or_fail(directory.store(), options)->root_key() == *options.primary);
  CHECK(open_or_fail(directory.store(), small_options())->root_key() == *options.primary);
  options.primary->data[0] = 1;
  auto refused = open_error(directory.store(), options);
  CHECK(refused.code == ec::key_mismatch);
  CHECK(refused.detail.find(directory.store().string()) != std::string::npos);
}

TEST_CASE("a new store gets a random primary key") {
  temporary_directory directory;
  auto first = open_or_fail(directory.path() / "one", small_options())->root_key();
  CHECK(first != open_or_fail(directory.path() / "two", small_options())->root_key());
  CHECK_FALSE(first.is_zero());
}

TEST_CASE("a store is readable by its owner alone") {
  temporary_directory directory;
  auto store = open_or_fail(directory.store(), small_options());
  auto mode_of = [](const std::filesystem::path& path) {
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    return status.st_mode & 0777U;
  };
  CHECK(mode_of(directory.store()) == 0700);
  for (const auto* file : {"data.mdb", "lock.mdb", "owner.lock"})
    CHECK(mode_of(directory.store() / file) == 0600);
}

TEST_CASE("a small map grows without the caller noticing") {
  temporary_directory directory;
  auto store = open_or_fail(directory.store(), small_options(mebibyte, 64 * mebibyte));
  made_up_log source{1, 2000};
  for (std::uint64_t length = 0; length < 8000; length += 500)
    REQUIRE(apply(*store, append_of(source, core_a, length, length + 500)));
  CHECK(length_of(*store) == 8000);
  CHECK(store->stats().used_bytes > 8 * mebibyte);
  CHECK(store->stats().limit_bytes == 64 * mebibyte);
}

TEST_CASE("growing waits for snapshots only so long, and the group can be given again") {
  temporary_directory directory;
  auto options = small_options(mebibyte, 64 * mebibyte);
  options.growth_wait = std::chrono::milliseconds{20};
  auto store = open_or_fail(directory.store(), options);
  made_up_log source{1, 2000};
  auto view = store->open_snapshot();
  REQUIRE(view);
  auto changes = append_of(source, core_a, 0, 2000);
  auto applied = apply(*store, changes);
  REQUIRE_FALSE(applied);
  CHECK(applied.error().code == ec::storage_full);
  CHECK((*view)->head(core_a).value().length == 0);
  view->reset();
  REQUIRE(apply(*store, changes));
  CHECK(length_of(*store) == 2000);
}

TEST_CASE("a full map refuses the group, keeps what was there and takes smaller ones") {
  temporary_directory directory;
  auto options = small_options(4 * mebibyte, 4 * mebibyte);
  auto store = open_or_fail(directory.store(), options);
  made_up_log source{1, 2000};
  REQUIRE(apply(*store, append_of(source, core_a, 0, 100)));
  auto applied = apply(*store, append_of(source, core_a, 100, 8000));
  REQUIRE_FALSE(applied);
  CHECK(applied.error().code == ec::storage_full);
  CHECK(applied.error().detail.find(directory.store().string()) != std::string::npos);
  CHECK(length_of(*store) == 100);
  REQUIRE(apply(*store, append_of(source, core_a, 100, 200)));
  log::change_set changes;
  changes.number = core_a;
  changes.truncate_to = 0;
  changes.head = log::tree_head{};
  REQUIRE(apply(*store, changes));
  REQUIRE(apply(*store, append_of(source, core_a, 0, 300)));
  CHECK(length_of(*store) == 300);
}

TEST_CASE("a disk without space fails one group and nothing else") {
  temporary_directory directory;
  auto disk = std::make_shared<testing::failing_disk>();
  auto options = small_options(mebibyte, 64 * mebibyte); // a larger map is no help
  options.faults = disk;
  auto store = open_or_fail(directory.store(), options);
  made_up_log source;
  bool is_commit = GENERATE(true, false);
  (is_commit ? disk->commit : disk->put) = {ENOSPC, 0};
  auto applied = apply(*store, append_of(source, core_a, 0, 10));
  REQUIRE_FALSE(applied);
  CHECK(applied.error().code == ec::storage_full);
  CHECK(length_of(*store) == 0);
  REQUIRE(apply(*store, append_of(source, core_a, 0, 10)));
  CHECK(length_of(*store) == 10);
}

TEST_CASE("a write that a full disk cut short is told from a broken disk") {
  const error plain{ec::storage_failed, "./data: Input/output error"};
  CHECK(explain_full_disk(EIO, 64 * mebibyte, plain) == plain);
  CHECK(explain_full_disk(ENOMEM, 0, plain) == plain);
  auto full = explain_full_disk(EIO, 4096, plain);
  CHECK(full.code == ec::storage_full);
  CHECK(full.detail.find("./data") != std::string::npos);
  CHECK(full.detail.find("no space left") != std::string::npos);
}

TEST_CASE("a failed commit or sync poisons the store until it is opened again") {
  temporary_directory directory;
  made_up_log source;
  auto disk = std::make_shared<testing::failing_disk>();
  auto options = small_options();
  options.faults = disk;
  bool is_sync = GENERATE(false, true);
  options.durability = is_sync ? durability::interval : durability::commit;
  auto store = open_or_fail(directory.store(), options);
  REQUIRE(apply(*store, append_of(source, core_a, 0, 10)));
  result<void> failed;
  if (is_sync) {
    disk->sync = {EIO, 0};
    failed = store->sync();
  } else {
    disk->commit = {EIO, 0};
    failed = apply(*store, append_of(source, core_a, 10, 20));
  }
  REQUIRE_FALSE(failed);
  CHECK(failed.error().code == ec::storage_failed);
  for (int attempt = 0; attempt < 2; ++attempt) {
    auto later = apply(*store, append_of(source, core_a, 10, 20));
    REQUIRE_FALSE(later);
    CHECK(later.error().code == ec::storage_poisoned);
    auto synced = store->sync();
    REQUIRE_FALSE(synced);
    CHECK(synced.error().code == ec::storage_poisoned);
  }
  CHECK(length_of(*store) == 10); // reading goes on
  store.reset();
  options.faults.reset();
  store = open_or_fail(directory.store(), options);
  REQUIRE(apply(*store, append_of(source, core_a, 10, 20)));
}

TEST_CASE("a write that fails at any of its steps leaves nothing behind") {
  temporary_directory directory;
  auto disk = std::make_shared<testing::failing_disk>();
  auto options = small_options();
  options.faults = disk;
  options.durability = durability::none;
  auto store = open_or_fail(directory.store(), options);
  made_up_log source;
  REQUIRE(apply(*store, append_of(source, core_a, 0, 40)));
  auto changes = append_of(source, core_a, 20, 60);
  changes.truncate_to = 20;
  changes.cleared = {{3, 6}};
  changes.contiguous_length.reset();
  changes.header = testing::header_of(core_a);
  changes.alias = log::core_alias{{}, "name"};
  std::vector<log::change_set> group{changes, testing::sparse_of(source, core_b, {3, 5})};
  bool is_done = false;
  for (std::uint64_t after = 0; !is_done; ++after) {
    REQUIRE(after < 100);
    disk->put = {EIO, after};
    auto applied = store->apply(group);
    is_done = applied.has_value();
    auto view = store->open_snapshot();
    REQUIRE(view);
    CHECK((*view)->head(core_a).value().length == (is_done ? 60U : 40U));
    CHECK((*view)->block(core_a, 4).value().has_value() == !is_done);
    CHECK((*view)->block(core_a, 39).value().has_value());
    CHECK((*view)->block(core_b, 3).value().has_value() == is_done);
    CHECK((*view)->alias({}, "name").value().has_value() == is_done);
    if (!is_done)
      CHECK(applied.error().code == ec::storage_failed);
  }
  CHECK(disk->puts > 10);
}

TEST_CASE("commits are synced as the durability says") {
  temporary_directory directory;
  made_up_log source;
  auto options = small_options();
  SECTION("each one") {
    auto store = open_or_fail(directory.store(), options);
    auto before = store->stats().syncs;
    REQUIRE(apply(*store, append_of(source, core_a, 0, 1)));
    REQUIRE(apply(*store, append_of(source, core_a, 1, 2)));
    CHECK(store->stats().syncs == before + 2);
    CHECK(store->mode() == durability::commit);
  }
  SECTION("when asked to") {
    options.durability = durability::interval;
    auto store = open_or_fail(directory.store(), options);
    auto before = store->stats().syncs;
    REQUIRE(apply(*store, append_of(source, core_a, 0, 1)));
    REQUIRE(apply(*store, append_of(source, core_a, 1, 2)));
    CHECK(store->stats().syncs == before);
    REQUIRE(store->sync());
    REQUIRE(store->sync()); // nothing to do
    CHECK(store->stats().syncs == before + 1);
  }
}

TEST_CASE("a store that is open is held, and the error names the holder") {
  temporary_directory directory;
  SECTION("by this process") {
    auto store = open_or_fail(directory.store(), small_options());
    auto held = open_error(directory.store());
    CHECK(held.code == ec::store_held);
    CHECK(held.detail == directory.store().string() + " is held by process " + std::to_string(::getpid()));
    std::filesystem::create_directory_symlink(directory.store(), directory.path() / "link");
    CHECK(open_error(directory.path() / "link").code == ec::store_held);
    store.reset();
    open_or_fail(directory.store(), small_options());
  }
  SECTION("by another process, until it dies") {
    int ready[2] = {};
    int release[2] = {};
    REQUIRE(::pipe(ready) == 0);
    REQUIRE(::pipe(release) == 0);
    auto child = run_child([&] {
      ::close(release[1]);
      auto store = open_store(directory.store(), small_options());
      char byte = store ? 'y' : 'n';
      if (::write(ready[1], &byte, 1) != 1 || ::read(release[0], &byte, 1) != 0)
        return 1;
      return 0; // without closing the store
    });
    char byte = 0;
    REQUIRE(::read(ready[0], &byte, 1) == 1);
    CHECK(byte == 'y');
    auto held = open_error(directory.store());
    CHECK(held.code == ec::store_held);
    CHECK(held.detail == directory.store().string() + " is held by process " + std::to_string(child));
    ::close(release[1]);
    CHECK(exit_code_of(child) == 0);
    open_or_fail(directory.store(), small_options());
    ::close(release[0]);
    ::close(ready[0]);
    ::close(ready[1]);
  }
}

TEST_CASE("a lock file that a crash left behind does not block") {
  temporary_directory directory;
  open_or_fail(directory.store(), small_options());
  auto content = GENERATE(as<std::string>{}, "999999\n", "", "what is this?", "-4");
  std::ofstream{directory.store() / "owner.lock"} << content;
  open_or_fail(directory.store(), small_options());
}

TEST_CASE("another process reads while the owner writes, and cannot write") {
  temporary_directory directory;
  made_up_log source;
  int step[2] = {};
  int done[2] = {};
  REQUIRE(::pipe(step) == 0);
  REQUIRE(::pipe(done) == 0);
  { auto created = open_or_fail(directory.store(), small_options()); }
  auto child = run_child([&] {
    auto options = small_options();
    options.is_read_only = true;
    char byte = 0;
    if (::read(step[0], &byte, 1) != 1)
      return 1;
    auto store = open_store(directory.store(), options);
    if (!store)
      return 2;
    auto length = [&] {
      return (*(*store)->open_snapshot())->head(core_a).value().length;
    };
    if (length() != 10 || ::write(done[1], "x", 1) != 1)
      return 3;
    if (::read(step[0], &byte, 1) != 1 || length() != 20)
      return 4;
    auto view = (*store)->open_snapshot();
    if (to_bytes((*view)->block(core_a, 19).value().value().view()) != source.block(19))
      return 5;
    auto applied = apply(**store, append_of(source, core_a, 20, 30));
    return !applied && applied.error().code == ec::read_only ? 0 : 6;
  });
  auto store = open_or_fail(directory.store(), small_options());
  REQUIRE(apply(*store, append_of(source, core_a, 0, 10)));
  REQUIRE(::write(step[1], "x", 1) == 1);
  char byte = 0;
  REQUIRE(::read(done[0], &byte, 1) == 1);
  REQUIRE(apply(*store, append_of(source, core_a, 10, 20)));
  REQUIRE(::write(step[1], "x", 1) == 1);
  CHECK(exit_code_of(child) == 0);
  for (auto descriptor : {step[0], step[1], done[0], done[1]})
    ::close(descriptor);
}

TEST_CASE("many snapshots may be open at once, up to the limit") {
  temporary_directory directory;
  auto options = small_options();
  options.readers_max = 20;
  auto store = open_or_fail(directory.store(), options);
  std::vector<std::unique_ptr<snapshot>> views;
  for (int i = 0; i < 20; ++i) {
    auto view = store->open_snapshot();
    REQUIRE(view);
    views.push_back(std::move(*view));
  }
  auto refused = store->open_snapshot();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ec::limit_exceeded);
  views.pop_back();
  CHECK(store->open_snapshot());
}

TEST_CASE("readers on other threads see whole groups while the map grows under the writer") {
  temporary_directory directory;
  auto options = small_options(mebibyte, 64 * mebibyte);
  options.durability = durability::none;
  auto store = open_or_fail(directory.store(), options);
  made_up_log source{1, 600};
  std::atomic<bool> is_done = false;
  std::atomic<int> broken = 0;
  auto read = [&](const made_up_log own) {
    while (!is_done) {
      auto view = store->open_snapshot();
      auto length = (*view)->head(core_a).value().length;
      auto is_whole = (*view)->bits(core_a)->contiguous_length() == length &&
                      (*view)->head(core_b).value().length == length &&
                      !(*view)->block(core_a, length).value().has_value();
      if (length != 0)
        is_whole = is_whole && (*view)->node(core_b, 2 * length - 2).value() == own.node(2 * length - 2) &&
                   to_bytes((*view)->block(core_a, length - 1).value().value().view()) == own.block(length - 1);
      broken += is_whole ? 0 : 1;
    }
  };
  std::thread one{read, source};
  std::thread two{read, source};
  int refused = 0;
  for (std::uint64_t length = 0; length < 6000; length += 50) {
    std::vector<log::change_set> group{append_of(source, core_a, length, length + 50),
                                       append_of(source, core_b, length, length + 50)};
    refused += store->apply(group) ? 0 : 1;
  }
  is_done = true;
  one.join();
  two.join();
  CHECK(refused == 0);
  CHECK(broken == 0);
  CHECK(length_of(*store) == 6000);
}

TEST_CASE("clearing and truncating give their pages back") {
  temporary_directory directory;
  auto store = open_or_fail(directory.store(), small_options());
  made_up_log source{1, 4000};
  REQUIRE(apply(*store, append_of(source, core_a, 0, 2000)));
  auto full = store->stats().used_bytes;
  log::change_set changes;
  changes.number = core_a;
  changes.cleared = {{0, 1000}};
  REQUIRE(apply(*store, changes));
  auto half = store->stats().used_bytes;
  CHECK(half < full * 6 / 10);
  changes.cleared.clear();
  changes.truncate_to = 0;
  REQUIRE(apply(*store, changes));
  CHECK(store->stats().used_bytes < full / 20);
}

TEST_CASE("what is cleared piece by piece keeps little more than its hashes") {
  temporary_directory directory;
  auto options = small_options();
  options.durability = durability::none;
  auto store = open_or_fail(directory.store(), options);
  made_up_log source{1, 4000};
  constexpr std::uint64_t batch = 10;
  constexpr std::uint64_t kept = 4 * batch;
  constexpr std::uint64_t end = 6000;
  // Other cores beside it, so that its pages do not fill up in order.
  for (std::uint64_t length = batch; length <= end; length += batch) {
    for (auto number : {core_a, core_b}) {
      auto more = append_of(source, number, length - batch, length);
      if (length > kept + batch)
        more.contiguous_length.reset();
      REQUIRE(apply(*store, more));
      if (length <= kept)
        continue;
      log::change_set changes;
      changes.number = number;
      changes.cleared = {{0, length - kept}};
      REQUIRE(apply(*store, changes));
    }
  }
  constexpr std::uint64_t hash_bytes = 2 * (32 + 8); // two nodes a block, each with its size
  CHECK(store->stats().used_bytes < 2 * end * hash_bytes * 5 / 4 + 2 * kept * 4096 + 100'000);
  auto view = store->open_snapshot();
  for (auto number : {core_a, core_b}) {
    for (const auto& node : source.nodes(0, end))
      REQUIRE((*view)->node(number, node.index) == node);
    REQUIRE_FALSE((*view)->block(number, end - kept - 1).value());
    REQUIRE(to_bytes((*view)->block(number, end - kept).value().value().view()) == source.block(end - kept));
  }
  // What comes back is found, and so is what lies beside it.
  REQUIRE(apply(*store, testing::sparse_of(source, core_a, {17, 3000})));
  log::change_set again;
  again.number = core_a;
  again.runs = {source.run(500, 520)};
  REQUIRE(apply(*store, again));
  view = store->open_snapshot();
  for (std::uint64_t block : {17, 500, 519, 3000})
    REQUIRE(to_bytes((*view)->block(core_a, block).value().value().view()) == source.block(block));
  for (const auto& node : source.nodes(0, end))
    REQUIRE((*view)->node(core_a, node.index) == node);
}

TEST_CASE("single blocks are gathered into runs once the gap before them closes") {
  temporary_directory directory;
  auto options = small_options();
  options.durability = durability::none;
  auto store = open_or_fail(directory.store(), options);
  made_up_log source{1, 60};
  std::vector<std::uint64_t> indices;
  for (std::uint64_t index = 1; index < 20000; ++index)
    indices.push_back(index);
  REQUIRE(apply(*store, testing::sparse_of(source, core_a, indices)));
  auto sparse = store->stats().used_bytes;
  REQUIRE(apply(*store, testing::sparse_of(source, core_a, {0})));
  for (int round = 0; round < 20; ++round)
    REQUIRE(apply(*store, testing::no_change(core_a)));
  CHECK(store->stats().used_bytes < sparse * 6 / 10);
  auto view = store->open_snapshot();
  CHECK((*view)->bits(core_a)->contiguous_length() == 20000);
  for (std::uint64_t index = 0; index < 20000; ++index)
    REQUIRE(to_bytes((*view)->block(core_a, index).value().value().view()) == source.block(index));
  for (const auto& node : source.nodes(0, 20000))
    REQUIRE((*view)->node(core_a, node.index) == node);
}

} // namespace corestore::storage
