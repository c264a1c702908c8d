// Two engines in one process, over real sockets.
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include <caf/all.hpp>
#include <catch2/catch.hpp>

#include "actors/engine.hpp"
#include "config/system_config.hpp"
#include "messages/errors.hpp"
#include "storage/memory_backend.hpp"

namespace corestore::tests {

namespace {

constexpr auto patience = std::chrono::seconds(20);
constexpr std::uint64_t wait_ms = 15000;

struct node {
  explicit node(caf::actor_system& system)
      : backend(std::make_shared<storage::memory_backend>()), engine(system, backend, {}) {
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
    blocks.push_back(shared_bytes{bytes(size, static_cast<std::uint8_t>(i))});
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

} // namespace corestore::tests
