// Copies a store to another folder, in a thread of its own: it takes as long as writing all of it.
#pragma once

#include <memory>
#include <string>

#include <caf/typed_event_based_actor.hpp>

#include "actors/local.hpp"
#include "storage/backend.hpp"

namespace corestore::actors {

using backup_actor = caf::typed_actor<caf::replies_to<backup_atom, std::string, bool>::with<space_report>>;

backup_actor::behavior_type backup(backup_actor::pointer self, const std::shared_ptr<storage::backend>& backend);

} // namespace corestore::actors
