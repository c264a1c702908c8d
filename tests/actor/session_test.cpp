// One session between a peer that is moved by hand and a store that answers when the test says so.
#include <algorithm>
#include <array>
#include <vector>

#include "deterministic.hpp"

#include "actors/pipe.hpp"
#include "actors/session.hpp"
#include "base/crypto.hpp"
#include "log/hashes.hpp"
#include "replication/connection.hpp"

namespace corestore::tests {

namespace {

/// Owes its answer to every session that asks for a core.
struct slow_store {
  std::vector<caf::response_promise> owed;
  static inline const char* name = "slow_store";
};

caf::behavior slow_store_behavior(caf::stateful_actor<slow_store>* self) {
  return {
    [](sync_atom, const actors::session_actor&, const peer_record&) {
      // how the connection does
    },
    [](join_atom, const actors::session_actor&, actors::scope_id) { return std::vector<actors::local_core>{}; },
    [self](wake_atom, const discovery_key&, actors::scope_id) {
      self->state.owed.push_back(self->make_response_promise());
      return self->state.owed.back();
    },
    [self](open_atom, const actors::local_core& core) {
      for (auto& promise : self->state.owed)
        promise.deliver(core);
      self->state.owed.clear();
    },
  };
}

/// A core that takes every peer and says nothing.
caf::behavior silent_core() {
  return {
    [](attach_atom, const actors::peer_link&) { return true; },
    [](flush_atom, std::uint64_t, std::uint64_t) {
      // it has nothing to send
    },
    [](detach_atom, std::uint64_t) {
      // nor anything to forget
    },
  };
}

replication::connection_options initiator() {
  replication::connection_options options;
  options.is_initiator = true;
  options.static_keys = crypto::ed25519_key_pair();
  return options;
}

class peer_and_session {
public:
  peer_and_session()
      : scheduler(dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler())), self(system),
        peer(initiator(), 0) {
    auto [near, far] = actors::make_pipe("pipe");
    end = far;
    store = system.spawn(slow_store_behavior);
    core.handle = caf::actor_cast<actors::local_core_actor>(system.spawn(silent_core));
    core.key.data.fill(7);
    core.discovery = log::discovery_key_of(core.key);
    actors::session_arguments arguments;
    arguments.id = 1;
    arguments.stream = near;
    arguments.store = caf::actor_cast<actors::local_store_actor>(store);
    arguments.settings = std::make_shared<actors::engine_settings>();
    arguments.identity = crypto::ed25519_key_pair();
    session = system.spawn(actors::session, arguments);
    move();
  }

  ~peer_and_session() {
    self->send_exit(session, caf::exit_reason::user_shutdown);
    self->send_exit(store, caf::exit_reason::user_shutdown);
    self->send_exit(core.handle, caf::exit_reason::user_shutdown);
    scheduler.run();
  }

  peer_and_session(const peer_and_session&) = delete;
  peer_and_session& operator=(const peer_and_session&) = delete;

  /// Bytes go to and fro until neither side has anything to say.
  void move() {
    std::array<std::uint8_t, 65536> buffer{};
    for (int quiet = 0; quiet < 3; ++quiet) {
      scheduler.run();
      auto output = peer.take_output();
      if (!output.empty())
        REQUIRE(end->write(output) == output.size());
      auto count = end->read(buffer);
      REQUIRE(count.has_value());
      if (*count == 0)
        continue;
      REQUIRE(peer.feed({buffer.data(), *count}, 0, events).has_value());
      quiet = -1;
    }
  }

  [[nodiscard]] std::size_t openings() const {
    return static_cast<std::size_t>(std::count_if(events.begin(), events.end(), [](const auto& event) {
      return std::holds_alternative<replication::channel_opened>(event);
    }));
  }

  /// The core found that neither side wants anything: the session closes the first of its channels.
  void find_idle() {
    actors::peer_output output;
    output.peer = (std::uint64_t{1} << 32U) | 1U;
    output.is_idle = true;
    self->send(session, output);
    move();
  }

  void answer_what_is_owed() {
    self->send(store, open_atom_v, core);
    move();
  }

  deterministic_config config;
  caf::actor_system system{config};
  caf::scheduler::test_coordinator& scheduler;
  caf::scoped_actor self;
  replication::connection peer;
  std::vector<replication::connection_event> events;
  actors::stream_ptr end;
  caf::actor store;
  actors::local_core core;
  actors::session_actor session;
};

} // namespace

TEST_CASE("a request that an offer of ours answered is not answered again when the store gets round to it") {
  peer_and_session world;
  world.peer.open(world.core.key, world.core.discovery);
  world.move();
  CHECK(world.openings() == 0); // the store owes its answer
  world.self->send(world.session, open_atom_v, world.core);
  world.move();
  REQUIRE(world.openings() == 1);
  world.find_idle();
  world.answer_what_is_owed();
  world.peer.open(world.core.key, world.core.discovery);
  world.move();
  world.answer_what_is_owed();
  CHECK(world.openings() == 2);
}

} // namespace corestore::tests
