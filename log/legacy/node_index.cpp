#include "log/legacy/node_index.hpp"

#include <algorithm>

#include "log/flat_tree.hpp"

namespace corestore::log::legacy {

bool stored_nodes::contains(std::uint64_t index) const {
  if (index > flat_tree::index_max)
    return false;
  if (flat_tree::is_within(index, complete_until_))
    return true;
  auto found = source_.node_at(index);
  if (!found && !failure_)
    failure_ = found.error();
  return found && found->has_value();
}

void index_set::insert(std::uint64_t index) {
  if (index > flat_tree::index_max)
    return;
  if (entries_.size() >= entries_max)
    entries_.clear();
  while (entries_.insert(index).second && entries_.contains(flat_tree::sibling(index)))
    index = flat_tree::parent(index);
}

std::uint64_t verified_length(const node_index& known, std::uint64_t index) {
  if (!known.contains(index))
    return 0;
  auto top = index;
  while (top < flat_tree::length_max && known.contains(flat_tree::parent(top)) &&
         known.contains(flat_tree::sibling(top)))
    top = flat_tree::parent(top);
  auto depth = flat_tree::depth(top);
  while (depth > 0) {
    top = flat_tree::left_child(flat_tree::index_of(depth, flat_tree::offset(top) + 1));
    --depth;
    for (; depth > 0 && !known.contains(top); --depth)
      top = flat_tree::left_child(top);
  }
  return (known.contains(top) ? top + 2 : top) / 2;
}

std::uint64_t digest_of(const node_index& known, std::uint64_t block, std::uint64_t limit) {
  auto leaf = 2 * block;
  if (known.contains(leaf))
    return 1;
  auto next = flat_tree::sibling(leaf);
  auto above = flat_tree::parent(leaf);
  limit = std::max(limit, next + 2);
  std::uint64_t digest = 0;
  for (std::uint64_t unit = 2;
       above <= flat_tree::length_max && (flat_tree::right_span(next) < limit || flat_tree::left_span(above) > 0);
       unit *= 2) {
    if (known.contains(next))
      digest += unit;
    if (known.contains(above)) {
      digest += 2 * unit;
      digest |= 1U;
      return digest + 1 == 4 * unit ? 1 : digest;
    }
    next = flat_tree::sibling(above);
    above = flat_tree::parent(above);
  }
  return digest;
}

void remember(index_set& remote, const node_index& known, std::uint64_t block, std::uint64_t digest) {
  auto add = [&](std::uint64_t index) {
    if (known.contains(index))
      remote.insert(index);
  };
  bool ends_in_path = (digest & 1U) != 0;
  auto current = 2 * block;
  for (auto left = digest >> 1U; left > 0 && current < flat_tree::length_max; left >>= 1U) {
    if (ends_in_path && left == 1) {
      add(current);
      current = std::min(current, flat_tree::sibling(current));
      for (auto root : flat_tree::full_roots(flat_tree::right_span(current) / 2 + 1))
        add(root);
      return;
    }
    if ((left & 1U) != 0)
      add(flat_tree::sibling(current));
    current = flat_tree::parent(current);
  }
}

} // namespace corestore::log::legacy
