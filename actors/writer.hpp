// The one actor that writes. Natural group commit: what arrives while a transaction is on its way to the disk is the
// next group; quiet makes groups small and immediate, load makes them large. No timer delays a commit.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include <caf/response_promise.hpp>
#include <caf/typed_event_based_actor.hpp>

#include "actors/local.hpp"
#include "actors/meters.hpp"
#include "storage/backend.hpp"

namespace corestore::actors {

struct writer_state {
  struct entry {
    change_set_ptr changes;
    open_change_ptr open; ///< where to take `changes` from
    caf::typed_response_promise<std::uint64_t> promise;
    std::chrono::steady_clock::time_point arrival;
    unsigned attempts = 0; ///< times that the quota was in its way
  };

  std::shared_ptr<storage::backend> backend;
  meters_ptr counted;
  std::vector<entry> queue;
  std::vector<entry> waiting;  ///< for room: the quota is used up, and somebody is asked to give data up
  room_maker_actor room_maker; ///< absent: nobody can
  bool is_making_room = false;
  bool has_quota = false;
  std::chrono::steady_clock::time_point compacted{}; ///< when the file was made smaller last
  bool is_armed = false;                             ///< a flush is behind everything that is in the mailbox now
  std::uint64_t commits = 0;
  std::uint64_t sync_interval_ms = 0; ///< with durability `interval`

  static inline const char* name = "writer";
};

/// Spawn detached in production (it blocks in sync), scheduled under the deterministic scheduler.
writer_actor::behavior_type writer(writer_actor::stateful_pointer<writer_state> self,
                                   const std::shared_ptr<storage::backend>& backend, std::uint64_t sync_interval_ms,
                                   const meters_ptr& counted);

} // namespace corestore::actors
