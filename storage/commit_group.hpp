// How many queued change sets one transaction takes.
#pragma once

#include <cstddef>
#include <span>

#include "base/limits.hpp"
#include "log/change_set.hpp"

namespace corestore::storage {

struct group_limits {
  std::size_t bytes_max = limits::group_bytes_max; ///< payload as log::size_of counts it
  std::size_t count_max = limits::group_count_max;
};

/// Grows a group one member at a time. The first member is always admitted, so that a change set above the cap still
/// gets through, alone.
class commit_group {
public:
  explicit commit_group(group_limits caps = {}) : caps_(caps) {
    // nop
  }

  /// Whether a further member of `bytes` belongs to the group; counts it when it does. After a refusal the group is
  /// closed: later members must not overtake the refused one.
  bool admit(std::size_t bytes);

  [[nodiscard]] std::size_t count() const {
    return count_;
  }
  [[nodiscard]] std::size_t bytes() const {
    return bytes_;
  }

private:
  group_limits caps_;
  std::size_t count_ = 0;
  std::size_t bytes_ = 0;
  bool is_closed_ = false;
};

/// Length of the longest prefix of `queue` that stays within the caps; at least 1 unless the queue is empty.
std::size_t group_length(std::span<const log::change_set> queue, group_limits caps = {});

} // namespace corestore::storage
