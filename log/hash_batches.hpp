// The hashes of many leaves or parents, side by side where the processor can.
#pragma once

#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "log/generation.hpp"
#include "log/node.hpp"

namespace corestore::log {

/// The leaves of consecutive blocks from block `first` on: what leaf_node() gives for each.
std::vector<node> leaf_nodes(std::uint64_t first, std::span<const shared_bytes> blocks, generation which);

/// A block whose leaf hash is not known yet.
struct open_leaf {
  byte_view value;
  std::optional<hash32>* leaf;
};

/// Computes the leaf hashes of blocks that need not be neighbours: what leaf_hash() gives for each.
void fill_leaves(std::span<const open_leaf> open, generation which);

/// Parents of (left, right): what parent_node() gives for each.
std::vector<node> parent_nodes(std::span<const std::pair<const node*, const node*>> siblings, generation which);

} // namespace corestore::log
