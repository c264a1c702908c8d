// A store of another node: two actor systems in one process, with CAF's node protocol between them on loopback.
#include <chrono>
#include <memory>
#include <optional>
#include <thread>

#include <caf/all.hpp>
#include <caf/io/middleman.hpp>
#include <catch2/catch.hpp>

#include "actors/engine.hpp"
#include "actors/remote.hpp"
#include "config/system_config.hpp"
#include "messages/errors.hpp"
#include "storage/memory_backend.hpp"

namespace corestore::tests {

namespace {

constexpr auto patience = std::chrono::seconds(20);

struct networked_config : config::system_config {
  networked_config() {
    load<caf::io::middleman>();
  }
};

/// A server whose storage outlives it.
struct server {
  server(std::shared_ptr<storage::backend> backend, std::uint16_t wanted)
      : system(config), engine(system, std::move(backend), {}) {
    auto bound = system.middleman().publish(engine.store(), wanted, "127.0.0.1", true);
    REQUIRE(bound);
    port = *bound;
  }

  networked_config config;
  caf::actor_system system;
  actors::engine engine;
  std::uint16_t port = 0;
};

struct client {
  explicit client(std::uint16_t port) : system(config), self(system) {
    auto connected = actors::connect_node(system, {"127.0.0.1", port, false});
    REQUIRE(connected);
    store = *connected;
  }

  template <class Answer, class Handle, class... Content>
  result<Answer> ask(const Handle& target, Content&&... content) {
    result<Answer> answer = fail(ec::internal, "no answer");
    self->request(target, patience, std::forward<Content>(content)...)
      .receive([&](Answer& value) { answer = std::move(value); },
               [&](const caf::error& reason) { answer = fail(from_caf(reason)); });
    return answer;
  }

  result<opened_core> open(const std::string& name) {
    core_selector selector;
    selector.name = name;
    return ask<opened_core>(store, open_atom_v, selector);
  }

  networked_config config;
  caf::actor_system system;
  caf::scoped_actor self;
  store_actor store;
};

std::vector<shared_bytes> block(std::string_view text) {
  return {shared_bytes{to_bytes(text)}};
}

struct recorder_state {
  std::vector<std::uint64_t> lengths;
  static inline const char* name = "recorder";
};

using recorder_actor = event_sink::extend<caf::replies_to<info_atom>::with<std::vector<std::uint64_t>>>;

} // namespace

TEST_CASE("a remote store answers like the store itself") {
  server there{std::make_shared<storage::memory_backend>(), 0};
  client here{there.port};
  auto opened = here.open("log");
  REQUIRE(opened);
  CHECK(opened->record.writable);
  auto appended = here.ask<append_result>(opened->handle, append_atom_v, block("hello"));
  REQUIRE(appended);
  CHECK(appended->length == 1);
  auto value = here.ask<shared_bytes>(opened->handle, fetch_atom_v, std::uint64_t{0}, std::uint64_t{0});
  REQUIRE(value);
  CHECK(as_text(value->view()) == "hello");
  auto absent = here.ask<shared_bytes>(opened->handle, fetch_atom_v, std::uint64_t{7}, std::uint64_t{0});
  REQUIRE_FALSE(absent);
  CHECK(absent.error().code == ec::block_not_available);
  auto listed = here.ask<record_page>(here.store, list_atom_v, list_request{});
  REQUIRE(listed);
  CHECK(listed->records.size() == 1);
  core_selector unknown;
  unknown.kind = selector_kind::by_discovery;
  unknown.id.data.fill(9);
  auto missing = here.ask<opened_core>(here.store, open_atom_v, unknown);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == ec::not_found);
}

TEST_CASE("nobody at the address is an error that names it") {
  networked_config config;
  caf::actor_system system{config};
  auto connected = actors::connect_node(system, {"127.0.0.1", 1, false});
  REQUIRE_FALSE(connected);
  CHECK(connected.error().code == ec::connection_closed);
  CHECK(connected.error().detail.find("127.0.0.1:1") != std::string::npos);
}

TEST_CASE("a lost node fails what is under way and is dialled again") {
  auto backend = std::make_shared<storage::memory_backend>();
  auto there = std::make_unique<server>(backend, 0);
  auto port = there->port;
  client here{port};
  auto opened = here.open("log");
  REQUIRE(opened);
  auto core = opened->handle;
  REQUIRE(here.ask<append_result>(core, append_atom_v, block("before")));

  // waits for a block that nobody has, until the node is gone
  std::optional<error> outcome;
  std::thread waiting{[&] {
    caf::scoped_actor self{here.system};
    self->request(core, caf::infinite, fetch_atom_v, std::uint64_t{5}, std::uint64_t{60000})
      .receive(
        [](const shared_bytes&) {
          // nobody appends it
        },
        [&](const caf::error& reason) { outcome = from_caf(reason); });
  }};
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  there.reset();
  waiting.join();
  REQUIRE(outcome);
  INFO(to_string(*outcome));
  CHECK((outcome->code == ec::connection_closed || outcome->code == ec::store_closed));

  auto refused = here.ask<append_result>(core, append_atom_v, block("while it is gone"));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ec::connection_closed);

  there = std::make_unique<server>(backend, port);
  auto appended = here.ask<append_result>(core, append_atom_v, block("after"));
  REQUIRE(appended);
  CHECK(appended->length == 2);
  auto again = here.open("log");
  REQUIRE(again);
  CHECK(again->record.length == 2);
}

TEST_CASE("subscribers on another node get the events, also after a restart of the server") {
  auto backend = std::make_shared<storage::memory_backend>();
  auto there = std::make_unique<server>(backend, 0);
  auto port = there->port;
  client here{port};
  auto opened = here.open("log");
  REQUIRE(opened);
  auto recorder = here.system.spawn([](recorder_actor::stateful_pointer<recorder_state> self) {
    return recorder_actor::behavior_type{
      [self](const core_event& event) {
        if (event.kind == event_kind::append)
          self->state.lengths.push_back(event.length);
      },
      [self](info_atom) { return self->state.lengths; },
    };
  });
  auto seen = [&](std::uint64_t length) {
    auto deadline = std::chrono::steady_clock::now() + patience;
    while (std::chrono::steady_clock::now() < deadline) {
      auto lengths = here.ask<std::vector<std::uint64_t>>(recorder, info_atom_v);
      if (lengths && !lengths->empty() && lengths->back() == length)
        return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
  };
  REQUIRE(here.ask<core_record>(opened->handle, subscribe_atom_v, caf::actor_cast<event_sink>(recorder)));
  REQUIRE(here.ask<append_result>(opened->handle, append_atom_v, block("one")));
  CHECK(seen(1));

  there.reset();
  there = std::make_unique<server>(backend, port);
  {
    client other{port};
    auto same = other.open("log");
    REQUIRE(same);
    REQUIRE(other.ask<append_result>(same->handle, append_atom_v, block("two")));
  }
  CHECK(seen(2));
}

} // namespace corestore::tests
