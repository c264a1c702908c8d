// A commit of several cores: every batch is staged and held by its core, all go to the disk in one transaction, then
// every core hears how it went. Cores are taken in the order of their discovery keys, so that two such commits never
// wait for each other.
#pragma once

#include <cstddef>
#include <vector>

#include <caf/typed_event_based_actor.hpp>

#include "actors/local.hpp"

namespace corestore::actors {

using group_commit_actor = caf::typed_actor<
  // sizes in the order of the batches; once
  caf::replies_to<commit_atom, std::vector<checkout_actor>>::with<std::vector<append_result>>>;

struct group_commit_state {
  struct member {
    std::size_t position = 0; ///< in the order of the caller
    local_checkout_actor batch;
    staged_batch_ptr staged;
    change_set_ptr changes;
  };

  static inline const char* name = "group_commit";

  group_commit_state() = default; // no aggregate: CAF would make its first member of the actor's address

  writer_actor writer;
  std::vector<member> members;
  std::size_t prepared = 0;
  std::size_t missing = 0; ///< answers that this phase waits for
  std::vector<append_result> sizes;
  caf::typed_response_promise<std::vector<append_result>> promise;
};

group_commit_actor::behavior_type group_commit(group_commit_actor::stateful_pointer<group_commit_state> self,
                                               const writer_actor& writer);

} // namespace corestore::actors
