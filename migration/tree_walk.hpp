// Goes through everything that is stored of a core: from the roots of its head down, each node against its children,
// each block against its leaf. What holds is handed on, what does not is named.
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

  /// Whether everything below that node is here already, blocks and nodes: then it is passed over.
  virtual result<bool> is_known(const log::node& node) = 0;

  /// A tree begins, whose root is one of the head (`is_newest`) or of an earlier length: blocks of the latter came when
  /// the log was shorter, and the nodes that lead to the head are not known.
  virtual void on_root(bool is_newest) = 0;

  /// A block that matches its leaf, and where its bytes begin; in ascending order below one root. Its leaf, and the
  /// parents that it completes, follow.
  virtual result<void> on_block(std::uint64_t index, std::uint64_t offset, const shared_bytes& value) = 0;

  /// A node that is verified: children before their parent, left before right.
  virtual result<void> on_node(const log::node& node) = 0;

  /// The signature of an earlier length that holds (generation 9).
  virtual result<void> on_signature(const log::length_signature& signature) = 0;

  /// Blocks of that range are said to be there, and are not: the tree above them or their bytes are damaged.
  virtual void on_damage(log::block_range blocks, const std::string& reason) = 0;

  /// Something else that is wrong.
  virtual void on_fault(const std::string& reason) = 0;
};

/// The head of `source` has been verified. Errors: what the visitor or the source answered.
result<void> walk(const core_source& source, walk_visitor& visitor);

} // namespace corestore::migration
