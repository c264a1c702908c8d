// Keeps one outgoing connection alive: dials, and dials again with back-off when it is lost.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <caf/typed_event_based_actor.hpp>

#include "actors/connections.hpp"

namespace corestore::actors {

/// What is dialled, for whom, and what may pass.
struct dial_plan {
  std::uint64_t id = 0; ///< of all its connections, one after the other
  endpoint where;
  scope_id scope{};
  bool may_upload = true;
  bool may_download = true;
};

struct connector_state {
  context_ptr context;
  dial_plan plan;
  std::uint64_t pause_ms = 0; ///< before the next attempt
  caf::actor_addr session;    ///< alive, if any
  bool is_dialling = false;
  bool is_ending = false;
  bool is_paused = false;

  static inline const char* name = "connector";
};

connector_actor::behavior_type connector(connector_actor::stateful_pointer<connector_state> self,
                                         const context_ptr& context, const dial_plan& plan);

} // namespace corestore::actors
