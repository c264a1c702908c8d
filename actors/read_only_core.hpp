// A core's handle that refuses every change; everything else it hands on under the name of whoever asked.
#pragma once

#include "messages/interfaces.hpp"

namespace corestore::actors {

/// Ends with the core, or when nobody has the handle any more.
core_actor read_only(caf::actor_system& system, const core_actor& core);

} // namespace corestore::actors
