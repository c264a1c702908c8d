// The hashes of many leaves or parents, side by side where the processor can.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "log/generation.hpp"
#include "log/node.hpp"

namespace corestore::log {

/// The leaves of consecutive blocks from block `first` on: what leaf_node() gives for each.
std::vector<node> leaf_nodes(std::uint64_t first, std::span<const shared_bytes> blocks, generation which);

/// Parents of (left, right): what parent_node() gives for each.
std::vector<node> parent_nodes(std::span<const std::pair<const node*, const node*>> siblings, generation which);

} // namespace corestore::log
