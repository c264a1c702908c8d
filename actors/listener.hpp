// Accepts connections on one address, within the limits, and owns their sessions.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include <caf/typed_event_based_actor.hpp>

#include "actors/connections.hpp"

namespace corestore::actors {

struct listener_state {
  context_ptr context;
  std::shared_ptr<acceptor> socket;
  std::unordered_map<caf::actor_addr, std::string> sessions; ///< alive, with the host that each came from
  std::unordered_map<std::string, std::size_t> by_host;
  bool is_ending = false;

  static inline const char* name = "listener";
};

listener_actor::behavior_type listener(listener_actor::stateful_pointer<listener_state> self,
                                       const context_ptr& context, const std::shared_ptr<acceptor>& socket);

} // namespace corestore::actors
