// Accepts connections on one address, within the limits, and owns their sessions.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include <caf/typed_event_based_actor.hpp>

#include "actors/connections.hpp"

namespace corestore::actors {

struct listener_state {
  context_ptr context;
  std::shared_ptr<acceptor> socket;
  source_ptr counts;
  std::unordered_map<caf::actor_addr, std::string> sessions; ///< alive, with the addresses of their peers
  bool is_ending = false;

  static inline const char* name = "listener";
};

listener_actor::behavior_type listener(listener_actor::stateful_pointer<listener_state> self,
                                       const context_ptr& context, const std::shared_ptr<acceptor>& socket);

} // namespace corestore::actors
