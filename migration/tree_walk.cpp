#include "migration/tree_walk.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/limits.hpp"
#include "log/flat_tree.hpp"
#include "log/hashes.hpp"
#include "log/legacy/signing.hpp"
#include "log/merkle_tree.hpp"

namespace corestore::migration {

namespace {

using namespace log::flat_tree;

constexpr std::size_t gaps_max = 65536; ///< ranges that only earlier signatures prove

class walker {
public:
  walker(const core_source& source, walk_visitor& visitor) : source_(source), visitor_(visitor) {
    // nop
  }

  result<void> run();

private:
  [[nodiscard]] const core_facts& facts() const {
    return source_.facts();
  }
  [[nodiscard]] bool is_nine() const {
    return facts().header.generation == log::generation::g9;
  }

  result<void> visit(const log::node& node, std::uint64_t offset);
  result<void> visit_leaf(const log::node& leaf, std::uint64_t offset);
  void end_at(log::block_range blocks);
  result<void> close_gaps();
  result<bool> visit_earlier(std::uint64_t length, log::block_range gap);
  result<void> visit_signatures();
  [[nodiscard]] result<std::vector<log::node>> roots_of(std::uint64_t length) const;
  [[nodiscard]] bool is_signed(const std::vector<log::node>& roots, std::uint64_t length,
                               const signature64& signature) const {
    return log::legacy::is_signed(facts().header.key, roots, length, signature.view());
  }

  const core_source& source_;
  walk_visitor& visitor_;
  std::vector<log::block_range> gaps_; ///< below them the tree ends, although blocks are there
};

/// Recursion ends after 52 levels: each is one of the tree.
result<void> walker::visit(const log::node& node, std::uint64_t offset) {
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
  const auto first = first_block(node.index);
  const log::block_range blocks{first, first + block_count(node.index)};
  if (!*left || !*right) {
    end_at(blocks);
    return visitor_.on_node(node);
  }
  auto is_sum = (*left)->size <= limits::safe_integer_max && (*right)->size <= limits::safe_integer_max &&
                (*left)->size + (*right)->size == node.size;
  if (!is_sum || log::parent_node(**left, **right, facts().header.generation).hash != node.hash) {
    if (facts().bits.first_set(blocks))
      visitor_.on_damage(blocks, "tree node " + std::to_string(node.index) + " does not match its children");
    return visitor_.on_node(node);
  }
  if (auto done = visit(**left, offset); !done)
    return done;
  if (auto done = visit(**right, offset + (*left)->size); !done)
    return done;
  return visitor_.on_node(node);
}

void walker::end_at(log::block_range blocks) {
  if (!facts().bits.first_set(blocks))
    return;
  if (is_nine() && gaps_.size() < gaps_max)
    gaps_.push_back(blocks);
  else
    visitor_.on_damage(blocks, "tree nodes on the way to them are missing");
}

result<void> walker::visit_leaf(const log::node& leaf, std::uint64_t offset) {
  auto index = leaf.index / 2;
  if (!facts().bits.test(index))
    return visitor_.on_node(leaf);
  auto damaged = [&](const std::string& reason) {
    visitor_.on_damage({index, index + 1}, reason);
    return visitor_.on_node(leaf);
  };
  if (leaf.size > (is_nine() ? limits::legacy_block_bytes_max : limits::block_bytes_max))
    return damaged("it would have " + std::to_string(leaf.size) + " bytes");
  auto value = source_.block_bytes(index, offset, static_cast<std::size_t>(leaf.size));
  if (!value && value.error().code != ec::decoding_failed)
    return damaged(value.error().detail);
  if (!value)
    return damaged("its bytes are not all there");
  if (value->size() != leaf.size || log::leaf_hash(value->view(), facts().header.generation) != leaf.hash)
    return damaged("its bytes do not match its hash");
  if (auto done = visitor_.on_block(index, offset, *value); !done)
    return done;
  return visitor_.on_node(leaf);
}

result<std::vector<log::node>> walker::roots_of(std::uint64_t length) const {
  std::vector<log::node> roots;
  for (auto index : full_roots(length)) {
    auto root = log::require_node(source_, index);
    if (!root)
      return fail(root.error());
    roots.push_back(*root);
  }
  return roots;
}

/// Each gap is closed by the longest of the lengths that end in it whose signature holds; what is open below its roots
/// is a smaller gap.
result<void> walker::close_gaps() {
  while (!gaps_.empty()) {
    auto gap = gaps_.back();
    gaps_.pop_back();
    auto end = std::min(gap.end, facts().head.length);
    auto length = end - 1;
    for (; length > gap.start; --length) {
      auto is_closed = visit_earlier(length, gap);
      if (!is_closed)
        return fail(is_closed.error());
      if (*is_closed)
        break;
    }
    if (facts().bits.first_set({length, end}))
      visitor_.on_damage({length, end}, "no signature proves them");
  }
  return {};
}

result<bool> walker::visit_earlier(std::uint64_t length, log::block_range gap) {
  auto signature = source_.signature_at(length);
  if (!signature)
    return fail(signature.error());
  if (!*signature)
    return false;
  auto roots = roots_of(length);
  if (!roots && roots.error().code != ec::not_found)
    return fail(roots.error());
  if (!roots || !is_signed(*roots, length, **signature))
    return false;
  std::uint64_t offset = 0;
  for (const auto& root : *roots) {
    auto first = first_block(root.index);
    if (first >= gap.start && first < gap.end) {
      visitor_.on_root(false);
      if (auto done = visit(root, offset); !done)
        return fail(done.error());
    }
    offset += root.size;
  }
  return true;
}

/// One of them may be all that proves a block to somebody.
result<void> walker::visit_signatures() {
  for (std::uint64_t length = 1; length < facts().head.length; ++length) {
    auto signature = source_.signature_at(length);
    if (!signature)
      return fail(signature.error());
    if (!*signature)
      continue;
    auto roots = roots_of(length);
    if (!roots && roots.error().code != ec::not_found)
      return fail(roots.error());
    if (!roots)
      continue; // nothing can be proven with it here
    if (!is_signed(*roots, length, **signature)) {
      visitor_.on_fault("the signature of length " + std::to_string(length) + " does not hold");
      continue;
    }
    if (auto done = visitor_.on_signature({length, **signature}); !done)
      return done;
  }
  return {};
}

result<void> walker::run() {
  std::uint64_t offset = 0;
  for (const auto& root : facts().head.roots) {
    visitor_.on_root(true);
    if (auto done = visit(root, offset); !done)
      return done;
    offset += root.size;
  }
  if (!is_nine())
    return {};
  if (auto done = close_gaps(); !done)
    return done;
  return visit_signatures();
}

} // namespace

result<void> walk(const core_source& source, walk_visitor& visitor) {
  return walker{source, visitor}.run();
}

} // namespace corestore::migration
