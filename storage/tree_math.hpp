// Where the nodes of a flat tree become complete: the arithmetic behind runs. Block `b` completes its leaf `2 b` and
// one parent for each trailing one bit of `b`, bottom first, so that `2 b - popcount(b)` nodes are complete before it.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace corestore::storage::tree {

/// Blocks and nodes above these are refused: every sum below stays inside 64 bits.
inline constexpr std::uint64_t block_max = (std::uint64_t{1} << 52U) - 1;
inline constexpr std::uint64_t node_max = 2 * block_max;

/// Nodes complete when blocks `[0, block)` are there.
constexpr std::uint64_t nodes_before(std::uint64_t block) {
  return 2 * block - static_cast<std::uint64_t>(std::popcount(block));
}

/// Nodes that blocks `[start, end)` complete.
constexpr std::uint64_t nodes_within(std::uint64_t start, std::uint64_t end) {
  return nodes_before(end) - nodes_before(start);
}

constexpr unsigned depth_of(std::uint64_t index) {
  return static_cast<unsigned>(std::countr_one(index));
}

/// Node of `depth` whose span begins at block `start`; `start` is a multiple of `2^depth`.
constexpr std::uint64_t node_at(unsigned depth, std::uint64_t start) {
  return 2 * start + (std::uint64_t{1} << depth) - 1;
}

/// First block below the node.
constexpr std::uint64_t first_block(std::uint64_t index) {
  return (index + 1 - (std::uint64_t{1} << depth_of(index))) / 2;
}

/// Last block below the node: the one that completes it.
constexpr std::uint64_t last_block(std::uint64_t index) {
  return (index - 1 + (std::uint64_t{1} << depth_of(index))) / 2;
}

static_assert(nodes_before(4) == 7 && nodes_within(4, 6) == 3);
static_assert(first_block(3) == 0 && last_block(3) == 3 && first_block(8) == 4 && last_block(8) == 4);
static_assert(node_at(1, 2) == 5 && depth_of(5) == 1);

} // namespace corestore::storage::tree
