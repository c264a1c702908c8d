// Flat-tree arithmetic in terms of blocks and spans, as runs need it.
#pragma once

#include <cstdint>

#include "log/flat_tree.hpp"

namespace corestore::storage::tree {

using log::flat_tree::first_block;
using log::flat_tree::nodes_before;

/// Blocks and nodes above these are refused: every sum of them stays inside 64 bits.
inline constexpr std::uint64_t block_max = log::flat_tree::length_max - 1;
inline constexpr std::uint64_t node_max = log::flat_tree::index_max;

/// Last block below a node: the one that completes it.
constexpr std::uint64_t last_block(std::uint64_t index) {
  return log::flat_tree::completing_block(index);
}

constexpr unsigned depth_of(std::uint64_t index) {
  return log::flat_tree::depth(index);
}

/// Nodes that blocks `[start, end)` complete.
constexpr std::uint64_t nodes_within(std::uint64_t start, std::uint64_t end) {
  return nodes_before(end) - nodes_before(start);
}

/// Node of `depth` whose span begins at block `start`; `start` is a multiple of `2^depth`.
constexpr std::uint64_t node_at(unsigned depth, std::uint64_t start) {
  return log::flat_tree::index_of(depth, start >> depth);
}

static_assert(nodes_before(4) == 7 && nodes_within(4, 6) == 3);
static_assert(first_block(3) == 0 && last_block(3) == 3 && first_block(8) == 4 && last_block(8) == 4);
static_assert(node_at(1, 2) == 5 && depth_of(5) == 1);

} // namespace corestore::storage::tree
