// A batch on a core that is published in both generations: one batch on each of the two logs, flushed in one commit.
#pragma once

#include <cstdint>

#include <caf/actor_system.hpp>

#include "actors/local.hpp"
#include "messages/interfaces.hpp"

namespace corestore::actors {

/// The batches that it is made of, both without a change.
struct batch_pair {
  core_actor core; ///< commits
  local_checkout_actor shown;
  local_checkout_actor other;
  append_result begun; ///< the size of both
};

/// As a batch of one core, but it can be shortened to the length that it began with at most, and is signed here only
/// (`unsupported`). It ends when it is flushed or closed, with either core, or when nobody has its handle any more.
checkout_actor pair_up(caf::actor_system& system, const batch_pair& batches);

} // namespace corestore::actors
