// The plain interface, as a program without an actor system uses it.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <thread>

#include <catch2/catch.hpp>
#include <unistd.h>

#include "base/text.hpp"
#include "corestore/store.hpp"

namespace corestore::tests {

namespace {

using namespace std::chrono_literals;

struct temporary_directory {
  temporary_directory() {
    static std::atomic<int> count{0};
    path = std::filesystem::temp_directory_path() /
           ("corestore-facade-" + std::to_string(getpid()) + "-" + std::to_string(++count));
  }
  ~temporary_directory() {
    std::filesystem::remove_all(path);
  }
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;

  std::filesystem::path path;
};

/// What callbacks of another thread said, and a wait for it.
class diary {
public:
  void write(std::uint64_t entry) {
    std::lock_guard guard{mutex_};
    entries_.push_back(entry);
    changed_.notify_all();
  }

  bool comes_to_hold(std::uint64_t entry) {
    std::unique_lock guard{mutex_};
    return changed_.wait_for(guard, 20s,
                             [&] { return std::find(entries_.begin(), entries_.end(), entry) != entries_.end(); });
  }

  std::size_t size() {
    std::lock_guard guard{mutex_};
    return entries_.size();
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::uint64_t> entries_;
};

template <class Action>
ec code_of(Action action) {
  try {
    action();
  } catch (const failure& reason) {
    return reason.code();
  }
  return ec::none;
}

} // namespace

TEST_CASE("what was appended is read back, also after closing and opening") {
  temporary_directory directory;
  core_key key;
  {
    auto store = corestore::store::open(directory.path);
    auto log = store.get({.name = "log"});
    key = log.key();
    CHECK(log.append("hello") == 1);
    CHECK(log.append({"of", "two"}) == 3);
    auto block = log.get(0);
    REQUIRE(block);
    CHECK(as_text(*block) == "hello");
    CHECK_FALSE(log.get(3));
    CHECK(log.has(0, 3));
    CHECK(log.byte_length() == 10);
    CHECK(log.seek(6).index == 1);
    CHECK(log.seek(6).offset == 1);
    CHECK(log.verify().faults.empty());
    store.close();
    CHECK(code_of([&] { log.append("late"); }) == ec::store_closed);
    CHECK(code_of([&] { (void)store.get({.name = "other"}); }) == ec::store_closed);
  }
  auto store = corestore::store::open(directory.path);
  auto log = store.get({.key = key});
  CHECK(log.writable());
  std::string all;
  CHECK(log.read(0, 100, [&](std::uint64_t, byte_view block) {
    all += as_text(block);
    return true;
  }) == 3);
  CHECK(all == "hellooftwo");
}

TEST_CASE("blocks are read as their core would read them") {
  temporary_directory directory;
  auto store = corestore::store::open(directory.path);
  auto log = store.get({.name = "log"});
  log.append({"cleared", "kept", "cut off"});
  CHECK(as_text(*log.get(2)) == "cut off");
  log.truncate(2);
  CHECK_FALSE(log.get(2));
  log.clear(0, 1);
  CHECK_FALSE(log.get(0));
  CHECK(as_text(*log.get(1)) == "kept");
  CHECK(code_of([&] { (void)log.get(std::uint64_t{1} << 60U); }) == ec::bad_argument);
  auto secret = store.get({.name = "secret", .encryption_key = bytes(32, 7)});
  secret.append("hidden");
  CHECK(as_text(*secret.get(0)) == "hidden");
  CHECK(as_text(*store.get({.key = secret.key()}).get(0)) == "hidden");
  CHECK(as_text(*log.get(1)) == "kept");
  store.close();
  CHECK(code_of([&] { (void)log.get(1); }) == ec::store_closed);
  CHECK(corestore::store::open(directory.path).get({.name = "log"}).get(1)); // nothing holds the store any more
}

TEST_CASE("figures of get through the plain interface", "[.figures]") {
  temporary_directory directory;
  auto store = corestore::store::open(directory.path);
  auto log = store.get({.name = "log"});
  constexpr std::uint64_t count = 50000;
  for (std::uint64_t done = 0; done < count; done += 1000)
    log.append(std::vector<bytes>(1000, bytes(1024, 7)));
  auto measure = [&](const char* what) {
    auto start = std::chrono::steady_clock::now();
    for (std::uint64_t i = 0; i < count; ++i)
      REQUIRE(log.get(i * 7919 % count));
    auto each = std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start) / count;
    WARN(what << each.count() << " us for each block");
  };
  measure("from the storage: ");
  auto secret = store.get({.name = "secret", .encryption_key = bytes(32, 7)}); // from now on the core is asked
  measure("from the core: ");
}

TEST_CASE("a key pair is remembered with its core, which opens again by key, text of the key and discovery key") {
  temporary_directory directory;
  temporary_directory elsewhere;
  core_key key;
  corestore::discovery_key discovery;
  {
    auto store = corestore::store::open(directory.path);
    auto pair = corestore::store::open(elsewhere.path).create_key_pair("foreign");
    auto log = store.get({.key_pair = pair});
    key = log.key();
    discovery = log.discovery_key();
    log.append("hello");
    store.close();
  }
  auto store = corestore::store::open(directory.path);
  auto log = store.get({.discovery_key = discovery});
  CHECK(log.key() == key);
  CHECK(log.writable());
  CHECK(log.append("again") == 2);
  CHECK(store.is_loaded({.key = key}));
  CHECK(store.get({.key = parse_key(text::to_hex(key.view()))}).length() == 2);
  CHECK(store.get({.key = parse_key(text::to_z32(key.view()))}).length() == 2);
  CHECK(code_of([] { (void)parse_key("no key"); }) == ec::bad_argument);
}

TEST_CASE("the same primary key derives the same cores, and another one is refused") {
  temporary_directory first;
  temporary_directory second;
  primary_key root;
  root.data[3] = 7;
  auto one = corestore::store::open(first.path, {.primary_key = root}).get({.name = "log"}).key();
  auto two = corestore::store::open(second.path, {.primary_key = root}).get({.name = "log"}).key();
  CHECK(one == two);
  root.data[3] = 8;
  CHECK(code_of([&] { (void)corestore::store::open(first.path, {.primary_key = root}); }) == ec::key_mismatch);
}

TEST_CASE("a store that is open is held, with a message that says by whom") {
  temporary_directory directory;
  auto store = corestore::store::open(directory.path);
  try {
    auto second = corestore::store::open(directory.path);
    FAIL("opened twice");
  } catch (const failure& reason) {
    CHECK(reason.code() == ec::store_held);
    CHECK(std::string{reason.what()}.find(std::to_string(getpid())) != std::string::npos);
  }
}

TEST_CASE("namespaces have cores of their own under the same names") {
  temporary_directory directory;
  auto store = corestore::store::open(directory.path);
  auto app = store.create_namespace("app");
  CHECK(store.get({.name = "x"}).key() != app.get({.name = "x"}).key());
  CHECK(store.get_default().key() != app.get_default().key());
  CHECK(app.get({.name = "x"}).key() == store.create_namespace("app").get({.name = "x"}).key());
  CHECK(app.list().size() == 2);
  CHECK(store.list().size() == 4);
}

TEST_CASE("a wrong wish is an error and no half-open core") {
  temporary_directory directory;
  auto store = corestore::store::open(directory.path);
  corestore::discovery_key unknown;
  unknown.data.fill(7);
  CHECK(code_of([&] { (void)store.get({.discovery_key = unknown}); }) == ec::not_found);
  CHECK(code_of([&] { (void)store.get({.name = "x", .create = false}); }) == ec::not_found);
  CHECK(code_of([&] { (void)store.get({.name = "x", .discovery_key = unknown}); }) == ec::bad_argument);
  core_key foreign;
  foreign.data.fill(3);
  auto reader = store.get({.key = foreign});
  CHECK_FALSE(reader.writable());
  CHECK(code_of([&] { reader.append("no"); }) == ec::not_writable);
  CHECK(code_of([&] { (void)store.connect("nonsense"); }) == ec::bad_argument);
  CHECK(store.list().size() == 1);
}

TEST_CASE("callbacks hear of appends and truncations until their watch is gone") {
  temporary_directory directory;
  auto store = corestore::store::open(directory.path);
  auto log = store.get({.name = "log"});
  diary appends;
  diary cuts;
  auto on_cut = log.on_truncate([&](std::uint64_t length, std::uint64_t) { cuts.write(length); });
  {
    auto on_append = log.on_append([&](std::uint64_t length) {
      // calling back into the store from its own thread is allowed
      if (log.get(length - 1))
        appends.write(length);
    });
    log.append("a");
    log.append("b");
    CHECK(appends.comes_to_hold(2));
  }
  auto heard = appends.size();
  log.append("c");
  log.truncate(1);
  CHECK(cuts.comes_to_hold(1));
  CHECK(appends.size() == heard);
}

TEST_CASE("two stores replicate over a link until it is dropped") {
  temporary_directory here;
  temporary_directory there;
  auto writer = corestore::store::open(there.path);
  auto source = writer.get({.name = "log"});
  source.append("first");
  auto address = writer.listen("127.0.0.1:0");

  auto reader = corestore::store::open(here.path);
  auto copy = reader.get({.key = source.key()});
  diary lengths;
  auto watch = copy.on_append([&](std::uint64_t length) { lengths.write(length); });
  auto link = reader.connect(address);
  auto block = copy.get(0, 20s);
  REQUIRE(block);
  CHECK(as_text(*block) == "first");
  source.append("second");
  CHECK(lengths.comes_to_hold(2));
  CHECK(copy.download(0, 2, 20s));
  link.drop();
  source.append("third");
  CHECK_FALSE(copy.update(200ms));
}

TEST_CASE("two stores replicate through memory, from the whole or from a namespace of it") {
  temporary_directory here;
  temporary_directory there;
  auto writer = corestore::store::open(there.path);
  auto reader = corestore::store::open(here.path);
  auto space = writer.create_namespace("app");
  auto inside = space.get({.name = "log"});
  auto outside = writer.get({.name = "log"});
  inside.append("inside");
  outside.append("outside");
  auto copy_of_inside = reader.get({.key = inside.key()});
  auto copy_of_outside = reader.get({.key = outside.key()});
  auto link = reader.replicate(space);
  auto block = copy_of_inside.get(0, 20s);
  REQUIRE(block);
  CHECK(as_text(*block) == "inside");
  CHECK_FALSE(copy_of_outside.get(0, 200ms));
  auto whole = reader.replicate(writer);
  block = copy_of_outside.get(0, 20s);
  REQUIRE(block);
  CHECK(as_text(*block) == "outside");
  link.drop();
  whole.drop();
  outside.append("later");
  CHECK_FALSE(copy_of_outside.update(200ms));
}

TEST_CASE("a replication runs over whatever carries its bytes") {
  temporary_directory here;
  temporary_directory there;
  auto writer = corestore::store::open(there.path);
  auto reader = corestore::store::open(here.path);
  auto source = writer.get({.name = "log"});
  for (int i = 0; i < 20; ++i)
    source.append(bytes(100000, static_cast<std::uint8_t>(i)));
  auto copy = reader.get({.key = source.key()});
  auto first = reader.replicate(true, {.upload = false});
  auto second = writer.replicate(false);
  auto carry = [](const byte_stream& from, const byte_stream& to) {
    while (auto content = from.read(100ms))
      if (!to.write(*content))
        return;
    to.end();
  };
  std::thread forth{carry, first, second};
  std::thread back{carry, second, first};
  CHECK(copy.download(0, 20, 20s));
  first.end();
  forth.join();
  back.join();
  CHECK_FALSE(second.read(0ms));
  CHECK(copy.verify().faults.empty());
}

TEST_CASE("two stores talk beside the log, and push blocks that nobody asked for") {
  temporary_directory here;
  temporary_directory there;
  auto writer = corestore::store::open(there.path);
  auto source = writer.get({.name = "log"});
  source.append("first");
  auto reader = corestore::store::open(here.path);
  auto copy = reader.get({.key = source.key()});
  diary heard;
  diary answered;
  auto at_source = source.on_extension("chat", [&](std::uint64_t session, byte_view payload) {
    heard.write(payload.size());
    source.send_extension("chat", payload, session); // back to where it came from
  });
  auto at_copy = copy.on_extension("chat", [&](std::uint64_t, byte_view payload) { answered.write(payload.size()); });
  copy.allow_push(true);
  auto link = reader.connect(writer.listen("127.0.0.1:0"));
  REQUIRE(copy.get(0, 20s));
  CHECK(copy.send_extension("chat", bytes(5)) == 1);
  CHECK(heard.comes_to_hold(5));
  CHECK(answered.comes_to_hold(5));
  CHECK_THROWS_AS(copy.send_extension("", bytes(5)), failure);
  source.set_transfers(false, false); // it answers no request any more
  source.append("second");
  CHECK(source.push(1) == 0); // nor does it push then
  CHECK_FALSE(copy.get(1, 200ms));
  source.set_transfers(true, true);
  CHECK(copy.get(1, 20s));
  CHECK_FALSE(copy.conflict());
  CHECK_THROWS_AS(check_conflict(bytes{1, 2, 3}), failure);
}

TEST_CASE("user data is kept beside a core, and its names are listed page by page in byte order") {
  temporary_directory directory;
  // more than the engine lists at once, and a byte that is negative as a char
  std::vector<std::string> expected{"title", "a/b", "\xff", "gr\xc3\xbcn", std::string(507, 'z')};
  for (int i = 0; i < 1100; ++i)
    expected.push_back("entry " + std::to_string(i));
  {
    auto store = corestore::store::open(directory.path, {.durability = sync_mode::none});
    auto log = store.get({.name = "log"});
    auto other = store.get({.name = "other"});
    CHECK(log.user_data_names().empty());
    for (const auto& name : expected)
      log.set_user_data(name, as_bytes(name));
    log.set_user_data("gone", as_bytes("soon"));
    log.set_user_data("gone", {}); // an empty value is none
    log.set_user_data("title", as_bytes("another"));
    CHECK(as_text(*log.user_data("title")) == "another");
    CHECK(as_text(*log.user_data(expected.back())) == expected.back());
    CHECK_FALSE(log.user_data("gone"));
    CHECK_FALSE(other.user_data("title"));
    CHECK(other.user_data_names().empty());
    CHECK(code_of([&] { log.set_user_data("", as_bytes("value")); }) == ec::bad_argument);
    CHECK(code_of([&] { log.set_user_data(std::string(508, 'z'), as_bytes("value")); }) == ec::bad_argument);
  }
  std::sort(expected.begin(), expected.end()); // std::string compares bytes
  auto store = corestore::store::open(directory.path);
  auto log = store.get({.name = "log"});
  CHECK(log.user_data_names() == expected);
  CHECK(log.length() == 0);
  store.close();
  CHECK(code_of([&] { (void)log.user_data_names(); }) == ec::store_closed);
}

TEST_CASE("a store may make manifests of another version, and then derives other keys") {
  temporary_directory one;
  temporary_directory two;
  corestore::primary_key primary;
  primary.data.fill(1);
  auto first = corestore::store::open(one.path, {.primary_key = primary});
  auto second = corestore::store::open(two.path, {.primary_key = primary, .manifest_version = 2});
  CHECK(first.get({.name = "log"}).key() != second.get({.name = "log"}).key());
  CHECK(second.get({.name = "log"}).info().manifest.at(0) == 2);
  CHECK_THROWS_AS(corestore::store::open(one.path, {.manifest_version = 3}), failure);
}

TEST_CASE("a view stays as it was, and a batch is seen by its holder until it is flushed") {
  temporary_directory directory;
  auto store = corestore::store::open(directory.path);
  auto log = store.get({.name = "log"});
  log.append({"a", "b", "c"});
  auto before = log.snapshot();
  auto shorter = log.checkout(1);
  log.append("d");
  log.truncate(2);
  CHECK(before.length() == 3);
  CHECK(as_text(*before.get(2)) == "c");
  std::string all;
  CHECK(before.read(0, 9, [&](std::uint64_t, byte_view block) {
    all += as_text(block);
    return true;
  }) == 3);
  CHECK(all == "abc");
  CHECK(shorter.length() == 1);
  CHECK_FALSE(shorter.get(1));
  CHECK_THROWS_AS(log.checkout(3), failure);

  auto batch = log.begin_batch();
  CHECK(batch.append("x") == 3);
  CHECK(batch.append(std::vector<bytes>{bytes{1}, bytes{2}}) == 5);
  CHECK(batch.truncate(4) == 4);
  CHECK(as_text(*batch.get(2)) == "x");
  CHECK(log.length() == 2);
  CHECK(batch.flush() == 4);
  CHECK(log.length() == 4);
  auto stale = log.begin_batch();
  stale.append("y");
  log.append("z");
  CHECK_THROWS_AS(stale.flush(), failure);

  auto other = store.get({.name = "other"});
  auto both = store.get({.name = "both", .generation = core_generation::both});
  std::vector<core_batch> several{log.begin_batch(), other.begin_batch(), both.begin_batch()};
  for (auto& one : several)
    one.append("together");
  CHECK(commit(several) == std::vector<std::uint64_t>{6, 1, 1});
  CHECK(other.has(0));
  CHECK(both.has(0));
}

TEST_CASE("a core is published in one generation or in both, and stores of each read it") {
  temporary_directory here;
  temporary_directory there;
  auto writer = corestore::store::open(there.path);
  auto source = writer.get({.name = "log", .generation = core_generation::both});
  source.append({"first", "second"});
  CHECK(writer.get({.name = "log"}).key() != source.key());
  CHECK(writer.get({.name = "log", .generation = core_generation::previous}).key() == source.key());
  CHECK_THROWS_AS(source.truncate(1), failure);
  auto address = writer.listen("127.0.0.1:0");
  auto reader = corestore::store::open(here.path, {.generation = core_generation::previous});
  auto link = reader.connect(address);
  auto nine = reader.get({.key = source.key()});
  CHECK(nine.download(0, 2, 20s));
  CHECK(nine.info().generation == 9);
  temporary_directory elsewhere;
  auto current = corestore::store::open(elsewhere.path);
  auto other_link = current.connect(address);
  auto ten = current.get({.key = source.key()});
  CHECK(ten.download(0, 2, 20s));
  CHECK(ten.info().generation == 10);
  source.append("third");
  CHECK(nine.get(2, 20s));
  CHECK(ten.get(2, 20s));
  temporary_directory nowhere;
  CHECK_THROWS_AS(corestore::store::open(nowhere.path, {.generation = core_generation::both}), failure);
}

TEST_CASE("threads append to one core at once and every block is there") {
  temporary_directory directory;
  auto store = corestore::store::open(directory.path, {.durability = sync_mode::none});
  auto log = store.get({.name = "log"});
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([log]() mutable {
      for (int n = 0; n < 50; ++n)
        log.append("block");
    });
  for (auto& thread : threads)
    thread.join();
  CHECK(log.length() == 200);
  CHECK(log.contiguous_length() == 200);
}

TEST_CASE("cores of a group are listed by their last change, and told, also after closing and opening") {
  temporary_directory directory;
  hash32 topic;
  topic.data.fill(1);
  core_key first_key;
  core_key second_key;
  std::uint64_t seen = 0;
  {
    auto store = corestore::store::open(directory.path);
    auto first = store.get({.name = "first", .group = topic});
    auto second = store.get({.name = "second"});
    first_key = first.key();
    second_key = second.key();
    CHECK(first.info().group == topic);
    CHECK_FALSE(second.info().group);
    second.join_group(topic);
    CHECK(second.info().group == topic);
    diary told;
    auto watch = store.on_group(topic, [&](const group_change& change) {
      if (change.key == first_key)
        told.write(change.length);
    });
    second.append("a");
    first.append({"b", "c"});
    CHECK(told.comes_to_hold(2));
    auto changes = store.group_changes(topic);
    REQUIRE(changes.size() == 2);
    CHECK(changes[0].key == second_key);
    CHECK(changes[1].key == first_key);
    CHECK(changes[1].length == 2);
    CHECK(changes[1].discovery_key == first.discovery_key());
    seen = changes[1].position;
    CHECK(store.group_changes(topic, {.since = seen + 1}).empty());
    hash32 other;
    CHECK(code_of([&] { first.join_group(other); }) == ec::conflict);
    CHECK(code_of([&] { (void)store.get({.name = "first", .group = other}); }) == ec::conflict);
    store.close();
  }
  auto store = corestore::store::open(directory.path);
  CHECK(store.group_changes(topic, {.reverse = true, .limit = 1}).front().key == first_key);
  auto second = store.get({.name = "second"});
  second.truncate(0);
  auto later = store.group_changes(topic, {.since = seen + 1});
  REQUIRE(later.size() == 1);
  CHECK(later[0].key == second_key);
  CHECK(later[0].fork == 1);
  CHECK(store.group_changes(topic, {.until = later[0].position}).size() == 1);
  second.leave_group();
  CHECK_FALSE(second.info().group);
  CHECK(store.group_changes(topic).size() == 1);
}

} // namespace corestore::tests
