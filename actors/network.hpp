// The addresses that a store dials, one connector each until they are hung up; and the sessions that run over something
// else than a socket.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include <caf/typed_event_based_actor.hpp>

#include "actors/connections.hpp"
#include "actors/connector.hpp"
#include "actors/relay.hpp"

namespace corestore::actors {

class network_state {
public:
  using self_pointer = network_actor::stateful_pointer<network_state>;

  static inline const char* name = "network";

  void open(self_pointer self, context_ptr context);
  caf::result<peer_record> dial(const dial_request& request, scope_id scope);
  /// Over a stream whose other end is an actor.
  caf::result<stream_end> replicate(const replicate_request& request, const stream_end& other, scope_id scope);
  /// With another store.
  caf::result<peer_record> replicate(const replicate_partner& partner, scope_id scope);
  bool hang_up(std::uint64_t id);
  /// What may pass over the connections to a dialled address from the next one on.
  caf::result<peer_record> switch_to(const connection_switches& wanted);
  void pause(bool is_paused);
  void on_down(const caf::actor_addr& gone);
  void finish(caf::error reason);

private:
  struct dialled {
    dial_plan plan;
    connector_actor handle;
    peer_record record;
  };

  /// A session at one end of a pipe, and what carries the pipe's other end.
  struct piped {
    relay_actor relay;
    peer_record record;
  };

  [[nodiscard]] result<piped> start(const replicate_request& request, scope_id scope);
  void forget(std::uint64_t id);

  self_pointer self_ = nullptr;
  context_ptr context_;
  std::map<std::uint64_t, dialled> dialled_;
  std::map<caf::actor_addr, relay_actor> piped_;    ///< by session
  std::map<caf::actor_addr, std::uint64_t> ending_; ///< connectors and sessions that were told to end
  std::optional<caf::error> reason_;                ///< set when this actor ends after them
  bool is_paused_ = false;
};

network_actor::behavior_type network(network_state::self_pointer self, const context_ptr& context);

} // namespace corestore::actors
