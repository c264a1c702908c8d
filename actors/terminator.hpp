// Ends actors in an order: exit, wait until they are down, kill after a grace period.
#pragma once

#include <cstdint>
#include <vector>

#include <caf/actor.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/fwd.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include "messages/type_ids.hpp"

namespace corestore::actors {

/// How long an actor may take to finish its work before it is killed.
inline constexpr std::uint64_t grace_ms = 60000;

struct terminator_state {
  std::vector<caf::actor_addr> waiting;
  caf::response_promise promise;

  static inline const char* name = "terminator";
};

/// (shutdown, actors) -> true when all are down; false when some had to be killed. One request at a time.
caf::behavior terminator(caf::stateful_actor<terminator_state>* self, std::uint64_t grace);

} // namespace corestore::actors
