// Questions about a stored tree, answered through a node_source.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/error.hpp"
#include "log/head.hpp"
#include "log/node.hpp"

namespace corestore::log {

/// The node, or not_found when it is not stored here.
result<node> require_node(const node_source& source, std::uint64_t index);

/// The full roots of `length`, which may be shorter than the log. not_found when one of them is missing.
result<std::vector<node>> roots_at(const tree_head& head, const node_source& source, std::uint64_t length);

/// Payload bytes below a node: its size less `padding` for each block, and never below zero.
std::uint64_t payload_size(const node& source, std::uint64_t padding);

/// Bytes (as stored) left of a node or block `first_block`; not_found when a node on the way is missing.
result<std::uint64_t> bytes_before(const tree_head& head, const node_source& source, std::uint64_t first_block);

/// Where a descent for a byte position ended.
struct descent {
  std::uint64_t index = 0;  ///< node reached
  std::uint64_t offset = 0; ///< bytes left inside it
  bool is_past = false;     ///< the position is where the node ends
};

/// Goes down from `root` to the node that holds payload byte `position` of it: stops at a leaf, at a node whose left
/// child is not stored, and (is_past) at a left child that ends exactly there.
result<descent> descend(const node_source& source, std::uint64_t root, std::uint64_t position, std::uint64_t padding);

} // namespace corestore::log
