// Goes through everything that is stored below a tree node whose hash is trusted: each node against its children, each
// block against its leaf. What holds is handed on, what does not is named.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.hpp"
#include "log/change_set.hpp"
#include "log/node.hpp"
#include "migration/core_source.hpp"

namespace corestore::migration {

class walk_visitor {
public:
  virtual ~walk_visitor() = default;

  /// Whether everything below that node is here already, blocks and nodes.
  virtual result<bool> is_known(const log::node& node) = 0;

  /// A block that matches its leaf; in ascending order. Its leaf, and the parents that it completes, follow.
  virtual result<void> on_block(std::uint64_t index, shared_bytes value) = 0;

  /// A node that is verified: children before their parent, left before right.
  virtual result<void> on_node(const log::node& node) = 0;

  /// Blocks of that range are said to be there, and are not: the tree above them or their bytes are damaged.
  virtual void on_damage(log::block_range blocks, const std::string& reason) = 0;

  /// The tree below the node ends here, although blocks of that range are there: they were proven otherwise.
  virtual void on_gap(log::block_range blocks) = 0;
};

/// `offset`: bytes before the first block below `root`.
result<void> walk(const core_source& source, const log::node& root, std::uint64_t offset, walk_visitor& visitor);

} // namespace corestore::migration
