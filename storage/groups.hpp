// Groups: cores that belong together under a topic, listed in the order in which their logs changed last.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>

#include "base/bytes.hpp"
#include "base/limits.hpp"
#include "log/head.hpp"

namespace corestore::storage {

/// Where a core stands in its group.
struct group_place {
  hash32 topic;
  std::uint64_t position = 0; ///< of its last change; 0 = none since it joined, and it is not listed
  friend bool operator==(const group_place&, const group_place&) = default;
};

/// Changes at positions of [since, until), the oldest first or the newest.
struct group_range {
  std::uint64_t since = 0;
  std::uint64_t until = std::numeric_limits<std::uint64_t>::max();
  bool is_reverse = false;
};

/// Whether a log became another one; a head that is only signed anew is no change.
inline bool is_change(const log::tree_head& before, const log::tree_head& after) {
  return before.fork != after.fork || before.length != after.length;
}

/// Where the positions of a store come from when a test does not say: microseconds since 1970.
using position_clock = std::function<std::uint64_t()>;

/// A clock that says more than that (in 2112) is not believed: positions have to fit into a number of JSON for ever.
inline constexpr std::uint64_t believable_position_max = limits::safe_integer_max / 2;

/// The position of a change: the time, and past every position before it, whatever the clock of the machine does.
inline std::uint64_t next_position(std::uint64_t last, const position_clock& clock) {
  auto now = clock ? clock()
                   : static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(
                                                  std::chrono::system_clock::now().time_since_epoch())
                                                  .count());
  return std::max(last + 1, now <= believable_position_max ? now : 0);
}

} // namespace corestore::storage
