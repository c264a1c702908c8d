#include "log/flat_tree.hpp"

namespace corestore::log::flat_tree {

std::vector<std::uint64_t> full_roots(std::uint64_t length) {
  std::vector<std::uint64_t> roots;
  roots.reserve(static_cast<std::size_t>(std::popcount(length)));
  std::uint64_t start = 0;
  while (start < length) {
    auto blocks = std::bit_floor(length - start);
    roots.push_back(2 * start + blocks - 1);
    start += blocks;
  }
  return roots;
}

std::vector<std::uint64_t> needed_nodes(std::uint64_t from, std::uint64_t to) {
  std::vector<std::uint64_t> needed;
  for (auto root : full_roots(to)) {
    if (completing_block(root) < from)
      continue;
    if (from == 0 || !covers(root, 2 * (from - 1))) {
      needed.push_back(root);
      continue;
    }
    auto last = 2 * (from - 1); // the old tree grows into this root
    for (auto node = last; node != root; node = parent(node))
      if (sibling(node) > last)
        needed.push_back(sibling(node));
  }
  return needed;
}

std::uint64_t missing_nodes_max(std::uint64_t index, std::uint64_t length) {
  if (!is_within(index, length))
    return 0;
  std::uint64_t count = 0;
  for (auto node = parent(index); !covers(node, 2 * length); node = parent(node))
    ++count;
  return count;
}

} // namespace corestore::log::flat_tree
