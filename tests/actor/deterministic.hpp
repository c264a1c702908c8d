// A store on the memory backend under CAF's test scheduler: one thread, simulated time, nothing runs unless told to.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include <caf/all.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <catch2/catch.hpp>

#include "actors/store.hpp"
#include "actors/writer.hpp"
#include "messages/errors.hpp"
#include "messages/type_ids.hpp"
#include "storage/memory_backend.hpp"

namespace corestore::tests {

struct deterministic_config : caf::actor_system_config {
  deterministic_config() {
    set("scheduler.policy", caf::atom("testing"));
    messages::register_types(*this);
  }
};

class deterministic_store {
public:
  explicit deterministic_store(actors::cache_limits cache = {})
      : system(config), scheduler(dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler())), self(system),
        backend(std::make_shared<storage::memory_backend>()) {
    auto counted = std::make_shared<actors::meters>();
    writer = system.spawn(actors::writer, actors::writer_arguments{backend, 1000, counted, {}});
    store = system.spawn(actors::store, actors::store_arguments{backend, writer, {}, cache, counted});
    scheduler.run();
  }

  ~deterministic_store() {
    self->send_exit(store, caf::exit_reason::user_shutdown);
    scheduler.run();
    self->send_exit(writer, caf::exit_reason::user_shutdown);
    scheduler.run();
  }

  deterministic_store(const deterministic_store&) = delete;
  deterministic_store& operator=(const deterministic_store&) = delete;

  /// Sends a request, runs everything until idle, and returns the answer.
  template <class Answer, class Handle, class... Arguments>
  result<Answer> ask(const Handle& target, Arguments&&... arguments) {
    auto request = self->request(target, caf::infinite, std::forward<Arguments>(arguments)...);
    scheduler.run();
    result<Answer> outcome = fail(ec::internal, "no answer");
    request.receive([&](Answer& answer) { outcome = std::move(answer); },
                    [&](const caf::error& reason) { outcome = fail(from_caf(reason)); });
    return outcome;
  }

  opened_core open(const core_selector& selector) {
    auto opened = ask<opened_core>(store, open_atom_v, selector);
    REQUIRE(opened.has_value());
    return *opened;
  }

  opened_core open(const std::string& name) {
    core_selector selector;
    selector.name = name;
    return open(selector);
  }

  deterministic_config config;
  caf::actor_system system;
  caf::scheduler::test_coordinator& scheduler;
  caf::scoped_actor self;
  std::shared_ptr<storage::memory_backend> backend;
  actors::writer_actor writer;
  actors::local_store_actor store;
};

inline std::vector<shared_bytes> blocks_of(std::initializer_list<std::string_view> texts) {
  std::vector<shared_bytes> blocks;
  for (auto text : texts)
    blocks.push_back(shared_bytes::copy_of(as_bytes(text)));
  return blocks;
}

} // namespace corestore::tests
