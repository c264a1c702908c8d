// What to ask next: the blocks, ranges and positions that somebody waits for, and who was asked for which block.
// Nothing here grows with the length of the log, and no step looks at more than the runs of bits that it skips.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "log/bitfield.hpp"
#include "log/change_set.hpp"
#include "replication/remote_bitfield.hpp"

namespace corestore::replication {

/// One request at one peer.
struct request_place {
  std::uint64_t peer = 0;
  std::uint64_t id = 0;
  friend bool operator==(const request_place&, const request_place&) = default;
};

/// Where one peer stands in one download.
struct scan {
  bool is_begun = false;
  std::uint64_t cursor = 0;  ///< next block to look at
  std::uint64_t left = 0;    ///< blocks still to be looked at before the round is over
  std::uint64_t end = 0;     ///< end of the range in this round
  std::uint64_t version = 0; ///< knowledge with which the round began
};

class request_plan {
public:
  struct download {
    log::block_range range;
    bool is_linear = false;
  };
  struct seek {
    std::uint64_t bytes = 0;
    std::uint64_t padding = 0;
    std::uint64_t attempts = 0;
    request_place place;      ///< who was asked; `id` 0 = nobody
    bool is_verified = false; ///< the answer is there and not committed yet
  };
  struct arrival {
    std::uint64_t peer = 0;
    std::uint64_t size = 0;
  };

  explicit request_plan(const log::bitfield& bits) : bits_(bits) {
    // nop
  }

  // -- single blocks

  void want(std::uint64_t index);
  /// True when nobody waits for that block any more.
  bool drop(std::uint64_t index);
  [[nodiscard]] bool is_wanted(std::uint64_t index) const {
    return wanted_.contains(index);
  }
  /// Wanted blocks that nobody was asked for, ascending.
  [[nodiscard]] const std::set<std::uint64_t>& unassigned() const {
    return unassigned_;
  }
  /// Grows whenever `unassigned()` does.
  [[nodiscard]] std::uint64_t wanted_version() const {
    return wanted_version_;
  }

  // -- ranges and positions

  std::map<std::uint64_t, download> downloads;
  std::map<std::uint64_t, seek> seeks;

  /// Whether a download reaches `index`.
  [[nodiscard]] bool is_downloaded(std::uint64_t index) const;
  [[nodiscard]] bool is_idle() const {
    return wanted_.empty() && downloads.empty() && seeks.empty();
  }

  /// The next block of `range` that is not here, not under way, and at the peer. `start_share` in [0, 1) says where in
  /// the range a new scan begins; `knowledge` restarts the round whenever it differs from the last call's.
  std::optional<std::uint64_t> next_block(scan& at, const download& wanted, std::uint64_t end,
                                          const remote_bitfield& theirs, double start_share,
                                          std::uint64_t knowledge) const;

  /// First segment of [start, end) that misses a block here which the peer is not known to have.
  [[nodiscard]] std::optional<std::uint64_t> unknown_segment(log::block_range range, const remote_bitfield& theirs,
                                                             const std::set<std::uint64_t>& told) const;

  // -- blocks under way

  /// Neither asked for nor verified and waiting for its commit.
  [[nodiscard]] bool is_free(std::uint64_t index) const {
    return !asked_.contains(index) && !arrived_.contains(index);
  }
  void asked(std::uint64_t index, request_place where);
  /// The request is over without the block: it may be asked for again.
  void lost(std::uint64_t index, request_place where);
  /// Verified; returns the other places that were asked for it.
  std::vector<request_place> arrived(std::uint64_t index, request_place where, std::uint64_t size);
  /// Durable now; tells who brought it, if it came from a peer.
  std::optional<arrival> committed(std::uint64_t index);
  /// Verified, but not to be committed.
  void rejected(std::uint64_t index);
  [[nodiscard]] std::vector<request_place> places(std::uint64_t index) const;
  [[nodiscard]] bool is_asked_at(std::uint64_t index, std::uint64_t peer) const;
  [[nodiscard]] bool has_arrived(std::uint64_t index) const {
    return arrived_.contains(index);
  }
  [[nodiscard]] std::size_t arrived_bytes() const {
    return arrived_bytes_;
  }
  [[nodiscard]] std::size_t arrived_count() const {
    return arrived_.size();
  }

  /// Bits of ours went away (clear, truncate, another fork), or everything under way is void.
  void reset_arrived();
  void refresh_wanted();

  /// Grows whenever a block may be asked for again.
  [[nodiscard]] std::uint64_t loss_version() const {
    return loss_version_;
  }

private:
  void release(std::uint64_t index);
  [[nodiscard]] std::optional<std::uint64_t> candidate(log::block_range range, const remote_bitfield& theirs) const;

  const log::bitfield& bits_;
  std::map<std::uint64_t, std::uint32_t> wanted_;
  std::set<std::uint64_t> unassigned_;
  std::unordered_map<std::uint64_t, std::vector<request_place>> asked_;
  std::unordered_map<std::uint64_t, arrival> arrived_;
  std::size_t arrived_bytes_ = 0;
  std::uint64_t wanted_version_ = 1;
  std::uint64_t loss_version_ = 0;
};

} // namespace corestore::replication
