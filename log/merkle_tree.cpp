#include "log/merkle_tree.hpp"

#include <string>

#include "log/flat_tree.hpp"

namespace corestore::log {

result<node> require_node(const node_source& source, std::uint64_t index) {
  auto found = source.node_at(index);
  if (!found)
    return fail(found.error());
  if (!*found)
    return fail(ec::not_found, "tree node " + std::to_string(index) + " is not stored");
  return **found;
}

result<std::vector<node>> roots_at(const tree_head& head, const node_source& source, std::uint64_t length) {
  if (length == head.length)
    return head.roots;
  std::vector<node> roots;
  for (auto index : flat_tree::full_roots(length)) {
    auto root = require_node(source, index);
    if (!root)
      return fail(root.error());
    roots.push_back(*root);
  }
  return roots;
}

std::uint64_t payload_size(const node& source, std::uint64_t padding) {
  auto blocks = flat_tree::block_count(source.index);
  if (padding > source.size / blocks)
    return 0; // also keeps the product from overflowing
  return source.size - padding * blocks;
}

result<std::uint64_t> bytes_before(const tree_head& head, const node_source& source, std::uint64_t first_block) {
  std::uint64_t total = 0;
  for (const auto& root : head.roots) {
    if (flat_tree::completing_block(root.index) < first_block) {
      total += root.size;
      continue;
    }
    auto index = root.index;
    while (flat_tree::first_block(index) != first_block) {
      auto left = flat_tree::left_child(index);
      if (flat_tree::completing_block(left) >= first_block) {
        index = left;
        continue;
      }
      auto skipped = require_node(source, left);
      if (!skipped)
        return fail(skipped.error());
      total += skipped->size;
      index = flat_tree::right_child(index);
    }
    return total;
  }
  return total;
}

result<descent> descend(const node_source& source, std::uint64_t root, std::uint64_t position, std::uint64_t padding) {
  auto index = root;
  while (!flat_tree::is_leaf(index)) {
    auto left = source.node_at(flat_tree::left_child(index));
    if (!left)
      return fail(left.error());
    if (!*left)
      break;
    auto size = payload_size(**left, padding);
    if (size == position)
      return descent{(*left)->index, position, true};
    if (size > position) {
      index = (*left)->index;
    } else {
      position -= size;
      index = flat_tree::right_child(index);
    }
  }
  return descent{index, position, false};
}

} // namespace corestore::log
