// Numbers that the actors of one store count together, and the one flag that all its cores read.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/core_totals.hpp"
#include "messages/types.hpp"

namespace corestore::actors {

class meters : public core_totals {
public:
  counter blocks_appended{0};
  counter bytes_appended{0};
  counter blocks_downloaded{0};
  counter bytes_downloaded{0};
  counter blocks_uploaded{0};
  counter bytes_uploaded{0};

  /// Searches for peers under way: while there is one, an update waits for peers that are not here yet.
  counter searches{0};

  // upkeep
  counter blocks_evicted{0};
  counter bytes_evicted{0};
  counter scrub_passes{0};
  counter scrub_blocks{0};
  counter scrub_bytes{0};
  counter scrub_faults{0};
  counter scrub_repaired{0};
  counter scrub_damaged{0}; ///< not a sum: how many are known right now

  /// One group of `members` reached the disk.
  void committed(std::uint64_t members, std::chrono::microseconds commit) {
    group_count.add(members);
    commit_us.add(static_cast<std::uint64_t>(commit.count()));
  }

  void fill(store_record& record) const {
    record.blocks_appended = blocks_appended;
    record.bytes_appended = bytes_appended;
    record.blocks_downloaded = blocks_downloaded;
    record.bytes_downloaded = bytes_downloaded;
    record.blocks_uploaded = blocks_uploaded;
    record.bytes_uploaded = bytes_uploaded;
    record.blocks_evicted = blocks_evicted;
    record.bytes_evicted = bytes_evicted;
    record.scrub_passes = scrub_passes;
    record.scrub_blocks = scrub_blocks;
    record.scrub_bytes = scrub_bytes;
    record.scrub_faults = scrub_faults;
    record.scrub_repaired = scrub_repaired;
    record.scrub_damaged = scrub_damaged;
    record.change_sets = group_count.sum;
    record.queue_us = queue_us.sum;
    record.commit_us = commit_us.sum;
    record.commit_latency.assign(commit_us.buckets.begin(), commit_us.buckets.end());
  }
};

using meters_ptr = std::shared_ptr<meters>;

/// What one core in memory adds to the totals, for as long as it is there.
class core_share {
public:
  core_share() = default;
  core_share(const core_share&) = delete;
  core_share& operator=(const core_share&) = delete;
  ~core_share() {
    if (totals_ != nullptr)
      set(0, false, 0);
  }

  /// They must outlive this.
  void join(meters& totals) {
    totals_ = &totals;
  }

  void set(std::uint64_t blocks, bool is_complete, std::uint64_t peers) {
    // Unsigned differences wrap around as the sums do.
    totals_->blocks += blocks - std::exchange(blocks_, blocks);
    totals_->peers += peers - std::exchange(peers_, peers);
    std::uint64_t complete = is_complete ? 1 : 0;
    totals_->complete += complete - std::exchange(complete_, complete);
  }

private:
  meters* totals_ = nullptr;
  std::uint64_t blocks_ = 0;
  std::uint64_t peers_ = 0;
  std::uint64_t complete_ = 0;
};

} // namespace corestore::actors
