// A namespace of a store: the same interface, over the same storage. It adds its id and its scope to what it is asked,
// and hands it on: the store keeps the books.
#pragma once

#include <cstdint>

#include <caf/typed_event_based_actor.hpp>

#include "actors/local.hpp"

namespace corestore::actors {

struct name_space_state {
  name_space_state() = default; // no aggregate: CAF would initialise its first member with the actor itself

  local_store_actor store;
  scope_id scope{};
  namespace_id id;
  bool is_closed = false;

  static inline const char* name = "namespace";
};

store_actor::behavior_type name_space(store_actor::stateful_pointer<name_space_state> self,
                                      const local_store_actor& store, scope_id scope, const namespace_id& id);

} // namespace corestore::actors
