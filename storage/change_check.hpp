// What every backend demands of a change set before it writes anything, and the node sizes that a run leaves implicit.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/error.hpp"
#include "log/change_set.hpp"

namespace corestore::storage {

/// The checks that need no stored state. bad_argument: a run without blocks or with another number of hashes than its
/// blocks complete, a range that ends before it starts, an index out of range, a block above limits::block_bytes_max, a
/// header of another core number; limit_exceeded: an alias name above schema::alias_name_bytes_max.
result<void> check(const log::change_set& changes);

/// Size of a node that is already known; nothing when it is not.
using size_lookup = std::function<result<std::optional<std::uint64_t>>(std::uint64_t node_index)>;

/// Depths of the nodes that blocks `[first, end)` complete and that reach to the left of `first`: a contiguous range
/// of depths, at most one node for each.
struct depth_range {
  unsigned start = 0;
  unsigned end = 0;
};
depth_range crossing_depths(std::uint64_t first, std::uint64_t end);

/// Sizes of those nodes, lowest depth first. `block_ends[i]` = bytes of the blocks `[first, first + i]`. A size comes
/// from the parts left of the run, or from the node itself when it was known before; bad_argument when neither is
/// known.
result<std::vector<std::uint64_t>> crossing_sizes(std::uint64_t first, const std::vector<std::uint64_t>& block_ends,
                                                  const size_lookup& known);

/// The nodes of a run, with their sizes, in the order of `run.hashes`. `run` has passed `check`.
result<std::vector<log::node>> nodes_of(const log::block_run& run, const size_lookup& known);

} // namespace corestore::storage
