// Index arithmetic of the flat in-order tree: block `i` is leaf `2 i`, a node of depth `d` and offset `o` is
// `(2 o + 1) 2^d - 1`. No state, no I/O.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace corestore::log::flat_tree {

/// Longest log that is handled. Every index of such a tree, and every span below, stays exact in JavaScript numbers.
inline constexpr std::uint64_t length_max = std::uint64_t{1} << 52U;

/// Highest index that may be passed to the functions below: the root of a log of `length_max` blocks.
inline constexpr std::uint64_t index_max = length_max - 1 + length_max;

/// Levels above the leaves: the number of trailing one bits.
constexpr unsigned depth(std::uint64_t index) {
  return static_cast<unsigned>(std::countr_one(index));
}

constexpr bool is_leaf(std::uint64_t index) {
  return (index & 1U) == 0;
}

/// Position among the nodes of the same depth.
constexpr std::uint64_t offset(std::uint64_t index) {
  return index >> (depth(index) + 1);
}

constexpr std::uint64_t index_of(unsigned node_depth, std::uint64_t node_offset) {
  return ((2 * node_offset + 1) << node_depth) - 1;
}

constexpr std::uint64_t parent(std::uint64_t index) {
  return index_of(depth(index) + 1, offset(index) >> 1U);
}

constexpr std::uint64_t sibling(std::uint64_t index) {
  return index_of(depth(index), offset(index) ^ 1U);
}

/// Not for leaves.
constexpr std::uint64_t left_child(std::uint64_t index) {
  return index - (std::uint64_t{1} << (depth(index) - 1));
}

/// Not for leaves.
constexpr std::uint64_t right_child(std::uint64_t index) {
  return index + (std::uint64_t{1} << (depth(index) - 1));
}

/// Leftmost leaf below, as a tree index.
constexpr std::uint64_t left_span(std::uint64_t index) {
  return offset(index) << (depth(index) + 1);
}

/// Rightmost leaf below, as a tree index.
constexpr std::uint64_t right_span(std::uint64_t index) {
  return ((offset(index) + 1) << (depth(index) + 1)) - 2;
}

/// Whether `other` lies at or below `index`.
constexpr bool covers(std::uint64_t index, std::uint64_t other) {
  return left_span(index) <= other && other <= right_span(index);
}

/// Number of blocks below.
constexpr std::uint64_t block_count(std::uint64_t index) {
  return std::uint64_t{1} << depth(index);
}

constexpr std::uint64_t first_block(std::uint64_t index) {
  return left_span(index) / 2;
}

/// The block whose arrival makes a node complete: the last one below it.
constexpr std::uint64_t completing_block(std::uint64_t index) {
  return right_span(index) / 2;
}

/// Whether the node is complete in a log of `length` blocks.
constexpr bool is_within(std::uint64_t index, std::uint64_t length) {
  return completing_block(index) < length;
}

/// Nodes that appending `block` completes: its leaf and one parent for each trailing one bit.
constexpr std::uint64_t completed_by(std::uint64_t block) {
  return 1U + static_cast<std::uint64_t>(std::countr_one(block));
}

/// Nodes that are complete before `block` is appended.
constexpr std::uint64_t nodes_before(std::uint64_t block) {
  return 2 * block - static_cast<std::uint64_t>(std::popcount(block));
}

/// Where the hash of a node stands among the hashes of a block_run that starts at block `first`.
/// The completing block of `index` has to be `first` or later.
constexpr std::uint64_t position_in_run(std::uint64_t first, std::uint64_t index) {
  return nodes_before(completing_block(index)) - nodes_before(first) + depth(index);
}

/// The roots of the complete subtrees that make up a log, left to right.
std::vector<std::uint64_t> full_roots(std::uint64_t length);

/// The nodes that turn the roots of length `from` into the roots of length `to`, in the order of the wire (spec 4.6).
std::vector<std::uint64_t> needed_nodes(std::uint64_t from, std::uint64_t to);

/// Levels from a node to a full root, for a peer of which only the length is known (spec 4.5).
std::uint64_t missing_nodes_max(std::uint64_t index, std::uint64_t length);

} // namespace corestore::log::flat_tree
