#include "migration/tree_walk.hpp"

#include <utility>

#include "base/limits.hpp"
#include "log/flat_tree.hpp"
#include "log/hashes.hpp"

namespace corestore::migration {

namespace {

using namespace log::flat_tree;

class walker {
public:
  walker(const core_source& source, walk_visitor& visitor) : source_(source), visitor_(visitor) {
    // nop
  }

  /// Recursion ends after 52 levels: each is one of the tree.
  result<void> visit(const log::node& node, std::uint64_t offset) {
    const auto first = first_block(node.index);
    const log::block_range blocks{first, first + block_count(node.index)};
    auto is_known = visitor_.is_known(node);
    if (!is_known)
      return fail(is_known.error());
    if (*is_known)
      return {};
    if (is_leaf(node.index))
      return visit_leaf(node, offset);
    auto left = source_.node_at(left_child(node.index));
    auto right = source_.node_at(right_child(node.index));
    if (!left || !right)
      return fail(left ? right.error() : left.error());
    auto is_inside = source_.facts().bits.first_set(blocks).has_value();
    if (!*left || !*right) {
      if (is_inside)
        visitor_.on_gap(blocks);
      return visitor_.on_node(node);
    }
    auto sum = (*left)->size <= limits::safe_integer_max && (*right)->size <= limits::safe_integer_max &&
               (*left)->size + (*right)->size == node.size;
    if (!sum || log::parent_node(**left, **right, source_.facts().header.generation).hash != node.hash) {
      if (is_inside)
        visitor_.on_damage(blocks, "tree node " + std::to_string(node.index) + " does not match its children");
      return visitor_.on_node(node);
    }
    if (auto done = visit(**left, offset); !done)
      return done;
    if (auto done = visit(**right, offset + (*left)->size); !done)
      return done;
    return visitor_.on_node(node);
  }

private:
  result<void> visit_leaf(const log::node& leaf, std::uint64_t offset) {
    auto index = leaf.index / 2;
    if (!source_.facts().bits.test(index))
      return visitor_.on_node(leaf);
    auto damaged = [&](const std::string& reason) {
      visitor_.on_damage({index, index + 1}, reason);
      return visitor_.on_node(leaf);
    };
    auto which = source_.facts().header.generation;
    if (leaf.size > (which == log::generation::g9 ? limits::legacy_block_bytes_max : limits::block_bytes_max))
      return damaged("it would have " + std::to_string(leaf.size) + " bytes");
    auto value = source_.block_bytes(offset, static_cast<std::size_t>(leaf.size));
    if (!value && value.error().code != ec::decoding_failed)
      return damaged(value.error().detail);
    if (!value)
      return damaged("its bytes are not all there");
    if (log::leaf_hash(*value, which) != leaf.hash)
      return damaged("its bytes do not match its hash");
    if (auto done = visitor_.on_block(index, shared_bytes{std::move(*value)}); !done)
      return done;
    return visitor_.on_node(leaf);
  }

  const core_source& source_;
  walk_visitor& visitor_;
};

} // namespace

result<void> walk(const core_source& source, const log::node& root, std::uint64_t offset, walk_visitor& visitor) {
  return walker{source, visitor}.visit(root, offset);
}

} // namespace corestore::migration
