// A core that is published in both generations, as its owner sees it: two logs that get the same blocks in one commit.
#pragma once

#include <caf/actor_system.hpp>

#include "actors/local.hpp"
#include "messages/interfaces.hpp"

namespace corestore::actors {

/// Reads, views and events are those of the core `shown`; appends and batches go to both, or to none; what is done to
/// stored blocks, to user data and with peers is done to both. When one of the two is shorter (it was just made, or
/// written through an older handle) the other's blocks are appended to it first; records wait for that once. What
/// generation 9 has no form for is `unsupported`: truncation, encryption, foreign signatures. It lives as long as
/// somebody has its handle.
core_actor pair_up(caf::actor_system& system, const local_core_actor& shown, const local_core_actor& other);

} // namespace corestore::actors
