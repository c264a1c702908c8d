// Keeps one outgoing connection alive: dials, and dials again with back-off when it is lost.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <caf/typed_event_based_actor.hpp>

#include "actors/connections.hpp"

namespace corestore::actors {

struct connector_state {
  context_ptr context;
  endpoint where;
  std::uint64_t pause_ms = 0; ///< before the next attempt
  caf::actor_addr session;    ///< alive, if any
  bool is_dialling = false;
  bool is_ending = false;

  static inline const char* name = "connector";
};

connector_actor::behavior_type connector(connector_actor::stateful_pointer<connector_state> self,
                                         const context_ptr& context, const endpoint& where);

} // namespace corestore::actors
