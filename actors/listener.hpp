// Accepts connections on one address, within the limits, and owns their sessions.
#pragma once

#include <memory>
#include <unordered_set>

#include <caf/typed_event_based_actor.hpp>

#include "actors/connections.hpp"

namespace corestore::actors {

struct listener_state {
  context_ptr context;
  std::shared_ptr<acceptor> socket;
  source_ptr counts;
  std::unordered_set<caf::actor_addr> sessions; ///< alive
  bool is_ending = false;

  static inline const char* name = "listener";
};

listener_actor::behavior_type listener(listener_actor::stateful_pointer<listener_state> self,
                                       const context_ptr& context, const std::shared_ptr<acceptor>& socket);

} // namespace corestore::actors
