// Two engines in one process, over real sockets.
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <thread>

#include <caf/all.hpp>
#include <catch2/catch.hpp>

#include "actors/engine.hpp"
#include "config/system_config.hpp"
#include "messages/errors.hpp"
#include "storage/memory_backend.hpp"
#include "storage/open.hpp"
#include "tests/support/temp_dir.hpp"

namespace corestore::tests {

namespace {

constexpr auto patience = std::chrono::seconds(20);
constexpr std::uint64_t wait_ms = 15000;

struct node {
  explicit node(caf::actor_system& system, actors::engine_settings settings = {})
      : backend(std::make_shared<storage::memory_backend>()), engine(system, backend, std::move(settings)) {
    // nop
  }

  std::shared_ptr<storage::memory_backend> backend;
  actors::engine engine;
};

template <class Answer, class Handle, class... Arguments>
Answer ask(caf::scoped_actor& self, const Handle& target, Arguments&&... arguments) {
  std::optional<Answer> answer;
  self->request(target, patience, std::forward<Arguments>(arguments)...)
    .receive([&](Answer& value) { answer = std::move(value); },
             [](const caf::error& reason) { FAIL(to_string(from_caf(reason))); });
  REQUIRE(answer.has_value());
  return *answer;
}

opened_core open_by_name(caf::scoped_actor& self, const node& where, const std::string& name) {
  core_selector selector;
  selector.name = name;
  return ask<opened_core>(self, where.engine.store(), open_atom_v, selector);
}

opened_core open_by_key(caf::scoped_actor& self, const node& where, const core_key& key) {
  core_selector selector;
  selector.kind = selector_kind::by_key;
  selector.id.data = key.data;
  return ask<opened_core>(self, where.engine.store(), open_atom_v, selector);
}

append_result append(caf::scoped_actor& self, const core_actor& core, std::size_t count, std::size_t size) {
  std::vector<shared_bytes> blocks;
  for (std::size_t i = 0; i < count; ++i)
    blocks.emplace_back(bytes(size, static_cast<std::uint8_t>(i)));
  return ask<append_result>(self, core, append_atom_v, blocks);
}

core_record wait_for_length(caf::scoped_actor& self, const core_actor& core, std::uint64_t length) {
  auto deadline = std::chrono::steady_clock::now() + patience;
  for (;;) {
    auto record = ask<core_record>(self, core, info_atom_v);
    if (record.contiguous_length >= length || std::chrono::steady_clock::now() > deadline)
      return record;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

void replicate_over(const actors::endpoint& where) {
  config::system_config config;
  caf::actor_system system{config};
  caf::scoped_actor self{system};
  node writer{system};
  node reader{system};
  auto bound = writer.engine.listen(where);
  REQUIRE(bound.has_value());
  auto source = open_by_name(self, writer, "log");
  append(self, source.handle, 1000, 100);
  auto copy = open_by_key(self, reader, source.record.key);
  reader.engine.connect(*bound);
  REQUIRE(ask<bool>(self, copy.handle, download_atom_v, std::uint64_t{0}, std::uint64_t{1000}, wait_ms));
  ask<core_record>(self, copy.handle, mirror_atom_v, true);
  append(self, source.handle, 10, 100000); // live
  auto record = wait_for_length(self, copy.handle, 1010);
  auto original = ask<core_record>(self, source.handle, info_atom_v);
  CHECK(record.contiguous_length == 1010);
  CHECK(record.tree_hash == original.tree_hash);
  CHECK(record.peers == 1);
  auto report = ask<verify_report>(self, copy.handle, verify_atom_v);
  CHECK(report.blocks == 1010);
  CHECK(report.faults.empty());
  reader.engine.close();
  writer.engine.close();
}

} // namespace

TEST_CASE("a reader follows a writer over TCP") {
  replicate_over({false, "127.0.0.1", 0});
}

TEST_CASE("a reader follows a writer over a Unix socket") {
  auto path = std::filesystem::temp_directory_path() / ("corestore-test-" + std::to_string(::getpid()) + ".sock");
  replicate_over({true, path.string(), 0});
  CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("a block comes from far away when somebody waits for it") {
  config::system_config config;
  caf::actor_system system{config};
  caf::scoped_actor self{system};
  node writer{system};
  node reader{system};
  auto bound = writer.engine.listen({false, "127.0.0.1", 0});
  REQUIRE(bound.has_value());
  auto source = open_by_name(self, writer, "log");
  append(self, source.handle, 5000, 10);
  auto copy = open_by_key(self, reader, source.record.key);
  reader.engine.connect(*bound);
  auto block = ask<shared_bytes>(self, copy.handle, fetch_atom_v, std::uint64_t{4321}, wait_ms);
  CHECK(block == shared_bytes{bytes(10, static_cast<std::uint8_t>(4321))});
  auto found = ask<seek_position>(self, copy.handle, seek_atom_v, std::uint64_t{12345}, wait_ms);
  CHECK(found.index == 1234);
  CHECK(found.offset == 5);
}

TEST_CASE("hundreds of cores asked for at random over several connections pass through caches of ten") {
  constexpr std::size_t cores_max = 10;
  constexpr std::size_t known = 300;
  const auto* longer = std::getenv("CORESTORE_LRU_SECONDS");
  auto seconds = longer == nullptr ? 3 : std::max(1, std::atoi(longer));
  config::system_config config;
  caf::actor_system system{config};
  caf::scoped_actor self{system};
  actors::engine_settings small;
  small.active_cores_max = small.passive_cores_max = cores_max;
  node writer{system, small};
  auto bound = writer.engine.listen({false, "127.0.0.1", 0});
  REQUIRE(bound.has_value());
  std::vector<core_key> keys;
  for (std::size_t i = 0; i < known; ++i) {
    auto core = open_by_name(self, writer, "core-" + std::to_string(i));
    append(self, core.handle, 2, 10);
    keys.push_back(core.record.key);
    REQUIRE(ask<bool>(self, writer.engine.store(), close_atom_v, core.record.discovery));
  }
  std::vector<std::unique_ptr<node>> readers;
  for (int i = 0; i < 3; ++i) {
    readers.push_back(std::make_unique<node>(system, small));
    readers.back()->engine.connect(*bound);
  }
  auto actors_before = ask<store_record>(self, writer.engine.store(), info_atom_v).actors;
  std::mt19937_64 chance{11};
  std::size_t asked = 0;
  auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  while (std::chrono::steady_clock::now() < end) {
    auto& reader = *readers[chance() % readers.size()];
    auto which = chance() % known;
    auto core = open_by_key(self, reader, keys[which]);
    auto index = chance() % 2;
    auto block = ask<shared_bytes>(self, core.handle, fetch_atom_v, index, wait_ms);
    CHECK(block == shared_bytes{bytes(10, static_cast<std::uint8_t>(index))});
    REQUIRE(ask<bool>(self, reader.engine.store(), close_atom_v, core.record.discovery));
    ++asked;
  }
  CHECK(asked > known / 10);
  auto record = ask<store_record>(self, writer.engine.store(), info_atom_v);
  auto deadline = std::chrono::steady_clock::now() + patience;
  while (record.cores_loaded > 3 * cores_max && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    record = ask<store_record>(self, writer.engine.store(), info_atom_v);
  }
  CHECK(record.cores_loaded <= 3 * cores_max);
  CHECK(record.evictions > 0);
  CHECK(record.cache_misses - record.evictions <= record.cores_loaded + 1);
  CHECK(record.references == 0);
  CHECK(record.actors <= actors_before + 4 * 4 * cores_max);
  for (auto& reader : readers) {
    auto theirs = ask<store_record>(self, reader->engine.store(), info_atom_v);
    CHECK(theirs.references == 0);
    CHECK(theirs.refusals == 0);
    reader->engine.close();
  }
}

TEST_CASE("a connection is dialled, listed and hung up by message") {
  config::system_config config;
  caf::actor_system system{config};
  caf::scoped_actor self{system};
  node writer{system};
  node reader{system};
  auto bound = writer.engine.listen({false, "127.0.0.1", 0});
  REQUIRE(bound.has_value());
  auto store = reader.engine.store();
  auto dialled = ask<peer_record>(self, store, dial_atom_v, to_string(*bound));
  CHECK(dialled.state == "dialling");
  CHECK(dialled.is_initiator);
  auto state_of = [&](std::uint64_t id) {
    for (const auto& peer : ask<std::vector<peer_record>>(self, store, peers_atom_v))
      if (peer.id == id)
        return peer.state;
    return std::string{};
  };
  auto wait_for = [&](const std::string& state) {
    auto deadline = std::chrono::steady_clock::now() + patience;
    while (state_of(dialled.id) != state && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return state_of(dialled.id) == state;
  };
  CHECK(wait_for("open"));
  CHECK(ask<peer_record>(self, store, dial_atom_v, to_string(*bound)).id == dialled.id);
  CHECK(ask<bool>(self, store, hangup_atom_v, dialled.id));
  CHECK(wait_for(""));
  CHECK_FALSE(ask<bool>(self, store, hangup_atom_v, dialled.id));
  for (const auto* wrong : {"nowhere", "host:0", "host:70000", "unix:", ":1"}) {
    auto is_refused = false;
    self->request(store, patience, dial_atom_v, std::string{wrong})
      .receive([](const peer_record&) {},
               [&](const caf::error& reason) { is_refused = from_caf(reason).code == ec::bad_argument; });
    INFO(wrong);
    CHECK(is_refused);
  }
}

TEST_CASE("a dialled address keeps its switches over its connections, and before the first one") {
  config::system_config config;
  caf::actor_system system{config};
  caf::scoped_actor self{system};
  node writer{system};
  node reader{system};
  auto bound = writer.engine.listen({false, "127.0.0.1", 0});
  REQUIRE(bound.has_value());
  auto store = reader.engine.store();
  auto peers_of = [&](const node& which) {
    return ask<std::vector<peer_record>>(self, which.engine.store(), peers_atom_v);
  };
  auto becomes = [&](auto condition) {
    auto deadline = std::chrono::steady_clock::now() + patience;
    while (!condition() && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return condition();
  };
  auto id = ask<peer_record>(self, store, dial_atom_v, to_string(*bound)).id;
  REQUIRE(becomes([&] {
    auto known = peers_of(writer);
    return !known.empty() && known.front().state == "open" && peers_of(reader).front().state == "open";
  }));
  CHECK_FALSE(
    ask<peer_record>(self, store, switch_atom_v, connection_switches{id, toggle::keep, toggle::off}).may_download);
  auto first = peers_of(writer).front().id;
  CHECK(ask<bool>(self, writer.engine.store(), hangup_atom_v, first));
  REQUIRE(becomes([&] {
    auto known = peers_of(writer);
    return !known.empty() && known.front().id != first && known.front().state == "open" &&
           peers_of(reader).front().state == "open";
  }));
  CHECK(peers_of(reader).front().id == id);
  CHECK_FALSE(peers_of(reader).front().may_download);
  CHECK(peers_of(reader).front().may_upload);

  auto nobody = ask<peer_record>(self, store, dial_atom_v, std::string{"127.0.0.1:1"}).id;
  auto waiting = ask<peer_record>(self, store, switch_atom_v, connection_switches{nobody, toggle::off});
  CHECK(waiting.state == "dialling");
  CHECK_FALSE(waiting.may_upload);
  CHECK(ask<store_record>(self, store, info_atom_v).sessions_without_upload == 0);
}

TEST_CASE("a connection of a namespace carries only what the namespace opened") {
  config::system_config config;
  caf::actor_system system{config};
  caf::scoped_actor self{system};
  node writer{system};
  node reader{system};
  auto bound = reader.engine.listen({false, "127.0.0.1", 0});
  REQUIRE(bound.has_value());
  auto space = ask<entered_store>(self, writer.engine.store(), enter_atom_v, std::string{"app"});
  core_selector selector;
  selector.name = "log";
  auto inside = ask<opened_core>(self, space.handle, open_atom_v, selector);
  append(self, inside.handle, 1, 10);
  auto outside = open_by_name(self, writer, "log");
  append(self, outside.handle, 1, 10);
  auto inside_copy = open_by_key(self, reader, inside.record.key);
  auto outside_copy = open_by_key(self, reader, outside.record.key);
  ask<peer_record>(self, space.handle, dial_atom_v, to_string(*bound));
  auto got = ask<shared_bytes>(self, inside_copy.handle, fetch_atom_v, std::uint64_t{0}, wait_ms);
  CHECK(got.size() == 10);
  CHECK(ask<core_record>(self, outside_copy.handle, info_atom_v).peers == 0);
  CHECK(ask<core_record>(self, outside_copy.handle, info_atom_v).length == 0);
  // what the namespace opens later follows by itself
  selector.name = "late";
  auto late = ask<opened_core>(self, space.handle, open_atom_v, selector);
  append(self, late.handle, 1, 10);
  auto late_copy = open_by_key(self, reader, late.record.key);
  CHECK(ask<shared_bytes>(self, late_copy.handle, fetch_atom_v, std::uint64_t{0}, wait_ms).size() == 10);
}

TEST_CASE("a dialler that comes first finds the listener later") {
  config::system_config config;
  caf::actor_system system{config};
  caf::scoped_actor self{system};
  node writer{system};
  node reader{system};
  auto bound = writer.engine.listen({false, "127.0.0.1", 0});
  REQUIRE(bound.has_value());
  auto source = open_by_name(self, writer, "log");
  append(self, source.handle, 3, 10);
  auto late = *bound;
  {
    node unlucky{system};
    auto taken = unlucky.engine.listen({false, "127.0.0.1", 0});
    REQUIRE(taken.has_value());
    late = *taken;
  }
  auto copy = open_by_key(self, reader, source.record.key);
  reader.engine.connect(late);
  auto deadline = std::chrono::steady_clock::now() + patience;
  while (reader.engine.last_dial_failure(late).empty() && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  CHECK_FALSE(reader.engine.last_dial_failure(late).empty());
  REQUIRE(writer.engine.listen(late).has_value());
  CHECK(ask<bool>(self, copy.handle, download_atom_v, std::uint64_t{0}, std::uint64_t{3}, wait_ms));
}

TEST_CASE("an address in use is an error that names it") {
  config::system_config config;
  caf::actor_system system{config};
  node one{system};
  auto bound = one.engine.listen({false, "127.0.0.1", 0});
  REQUIRE(bound.has_value());
  auto again = one.engine.listen(*bound);
  REQUIRE_FALSE(again.has_value());
  CHECK(again.error().detail.find(to_string(*bound)) != std::string::npos);
}

TEST_CASE("an engine starts and ends many times in one system") {
  config::system_config config;
  caf::actor_system system{config};
  caf::scoped_actor self{system};
  for (int round = 0; round < 50; ++round) {
    node one{system};
    REQUIRE(one.engine.listen({false, "127.0.0.1", 0}).has_value());
    auto core = open_by_name(self, one, "log");
    append(self, core.handle, 1, 1);
  }
}

TEST_CASE("a store that syncs nothing is written by the workers, even by a single one") {
  const test::temp_dir folder;
  storage::open_options options;
  options.durability = storage::durability::none;
  constexpr std::size_t cores = 20;
  constexpr std::size_t appends = 50;
  for (std::uint64_t round = 1; round <= 2; ++round) {
    config::system_config config{1};
    caf::actor_system system{config};
    caf::scoped_actor self{system};
    auto opened = storage::open_store(folder.path() / "store", options);
    REQUIRE(opened);
    actors::engine engine{system, std::move(*opened), {}};
    std::vector<opened_core> held;
    for (std::size_t i = 0; i < cores; ++i) {
      core_selector selector;
      selector.name = "log-" + std::to_string(i);
      held.push_back(ask<opened_core>(self, engine.store(), open_atom_v, selector));
    }
    for (std::size_t i = 0; i < appends; ++i)
      for (const auto& core : held)
        self->send(core.handle, append_atom_v, std::vector<shared_bytes>{shared_bytes{bytes(100, 1)}});
    ask<space_report>(self, engine.store(), compact_atom_v);
    for (const auto& core : held) {
      append(self, core.handle, 1, 100); // behind those that were only sent
      auto report = ask<verify_report>(self, core.handle, verify_atom_v);
      CHECK(report.blocks == round * (appends + 1));
      CHECK(report.faults.empty());
    }
    engine.close();
  }
}

} // namespace corestore::tests
