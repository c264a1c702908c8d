// What all cores of one store have in common.
#pragma once

#include <memory>

#include "actors/group_board.hpp"
#include "actors/local.hpp"
#include "actors/meters.hpp"
#include "replication/replicator.hpp"
#include "storage/backend.hpp"

namespace corestore::actors {

struct core_surroundings {
  std::shared_ptr<storage::backend> backend;
  writer_actor writer;
  replication::replicator_settings replication;
  meters_ptr counted;
  std::shared_ptr<group_board> changed; ///< what the store tells of groups
  caf::actor_addr store;                ///< weak: the store outlives its cores
};

using surroundings_ptr = std::shared_ptr<const core_surroundings>;

} // namespace corestore::actors
