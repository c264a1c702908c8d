// The one actor that writes. Natural group commit: what arrives while a transaction is on its way to the disk is the
// next group; quiet makes groups small and immediate, load makes them large. No timer delays a commit.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <caf/response_promise.hpp>
#include <caf/typed_event_based_actor.hpp>

#include "actors/local.hpp"
#include "actors/meters.hpp"
#include "storage/backend.hpp"

namespace corestore::actors {

struct writer_arguments {
  std::shared_ptr<storage::backend> backend;
  std::uint64_t sync_interval_ms = 0; ///< with durability `interval`
  meters_ptr counted;
  std::function<void(const char* severity, const std::string& line)> log;
};

struct writer_state {
  struct entry {
    change_set_ptr changes;
    open_change_ptr open; ///< where to take `changes` from
    caf::typed_response_promise<std::uint64_t> promise;
    std::chrono::steady_clock::time_point arrival;
    unsigned attempts = 0; ///< times that the quota was in its way
  };

  writer_arguments with;
  std::vector<entry> queue;
  std::vector<entry> waiting;  ///< for room: the quota is used up, and somebody is asked to give data up
  room_maker_actor room_maker; ///< absent: nobody can
  bool is_making_room = false;
  bool has_quota = false;
  std::chrono::steady_clock::time_point compacted{};  ///< when the file was made smaller last
  std::chrono::steady_clock::time_point shrink_due{}; ///< when that is looked at again, whatever comes in
  std::chrono::steady_clock::time_point told{};       ///< when the log heard last that nothing can be written
  bool is_armed = false;                              ///< a flush is behind everything that is in the mailbox now
  std::uint64_t commits = 0;

  static inline const char* name = "writer";
};

/// Spawn detached where it blocks in a sync, scheduled where nothing is synced and under the deterministic scheduler.
writer_actor::behavior_type writer(writer_actor::stateful_pointer<writer_state> self, writer_arguments arguments);

} // namespace corestore::actors
