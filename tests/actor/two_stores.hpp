// Two stores in one actor system that know nothing of each other, and what tests ask them.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <caf/all.hpp>
#include <catch2/catch.hpp>

#include "actors/engine.hpp"
#include "config/system_config.hpp"
#include "messages/errors.hpp"
#include "storage/memory_backend.hpp"

namespace corestore::tests {

inline constexpr auto patience = std::chrono::seconds(20);
inline constexpr std::uint64_t wait_ms = 15000;

struct pair_of_stores {
  explicit pair_of_stores(actors::engine_settings settings = {})
      : system(config), self(system), writer(system, std::make_shared<storage::memory_backend>(), settings),
        reader(system, std::make_shared<storage::memory_backend>(), settings) {
    // nop
  }

  template <class Answer, class Handle, class... Arguments>
  result<Answer> ask(const Handle& target, Arguments&&... arguments) {
    result<Answer> answer = fail(ec::internal, "no answer");
    self->request(target, patience, std::forward<Arguments>(arguments)...)
      .receive([&](Answer& value) { answer = std::move(value); },
               [&](const caf::error& reason) { answer = fail(from_caf(reason)); });
    return answer;
  }

  opened_core open(const store_actor& store, const core_selector& selector) {
    auto opened = ask<opened_core>(store, open_atom_v, selector);
    REQUIRE(opened.has_value());
    return *opened;
  }

  opened_core open(const store_actor& store, const std::string& name) {
    core_selector selector;
    selector.name = name;
    return open(store, selector);
  }

  opened_core open(const store_actor& store, const core_key& key) {
    core_selector selector;
    selector.kind = selector_kind::by_key;
    selector.id.data = key.data;
    return open(store, selector);
  }

  void append(const core_actor& core, std::size_t count, std::size_t size) {
    std::vector<shared_bytes> blocks;
    for (std::size_t i = 0; i < count; ++i)
      blocks.emplace_back(bytes(size, static_cast<std::uint8_t>(i)));
    REQUIRE(ask<append_result>(core, append_atom_v, blocks).has_value());
  }

  bool arrives(const core_actor& core, std::uint64_t length, std::uint64_t within_ms = wait_ms) {
    auto done = ask<bool>(core, download_atom_v, std::uint64_t{0}, length, within_ms);
    REQUIRE(done.has_value());
    return *done;
  }

  void append(const core_actor& core, std::initializer_list<std::string_view> texts) {
    std::vector<shared_bytes> blocks;
    for (auto text : texts)
      blocks.push_back(shared_bytes::copy_of(as_bytes(text)));
    REQUIRE(ask<append_result>(core, append_atom_v, blocks).has_value());
  }

  core_record record(const core_actor& core) {
    auto record = ask<core_record>(core, info_atom_v);
    REQUIRE(record.has_value());
    return *record;
  }

  /// The blocks of a core, fetched from wherever they are.
  std::vector<std::string> read(const core_actor& core, std::uint64_t count) {
    std::vector<std::string> texts;
    for (std::uint64_t index = 0; index < count; ++index) {
      auto block = ask<shared_bytes>(core, fetch_atom_v, index, wait_ms);
      REQUIRE(block.has_value());
      texts.emplace_back(as_text(block->view()));
    }
    return texts;
  }

  /// From the second store to the first one.
  peer_record replicate(const replicate_request& request = {}) {
    auto connected = ask<peer_record>(reader.store(), replicate_atom_v, replicate_partner{writer.store(), request});
    REQUIRE(connected.has_value());
    return *connected;
  }

  store_record counts(const actors::engine& of) {
    auto record = ask<store_record>(of.store(), info_atom_v);
    REQUIRE(record.has_value());
    return *record;
  }

  store_actor enter(const store_actor& store, const std::string& child) {
    auto entered = ask<entered_store>(store, enter_atom_v, child);
    REQUIRE(entered.has_value());
    return entered->handle;
  }

  std::vector<peer_record> peers(const actors::engine& of) {
    auto records = ask<std::vector<peer_record>>(of.store(), peers_atom_v);
    REQUIRE(records.has_value());
    return *records;
  }

  config::system_config config;
  caf::actor_system system;
  caf::scoped_actor self;
  actors::engine writer;
  actors::engine reader;
};

template <class Condition>
bool becomes_true(Condition condition) {
  auto deadline = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline)
      return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

} // namespace corestore::tests
