#include "log/tree_batch.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/limits.hpp"
#include "log/flat_tree.hpp"
#include "log/hash_batches.hpp"
#include "log/hashes.hpp"

namespace corestore::log {

tree_batch::tree_batch(const tree_head& base, generation which)
    : generation_(which), roots_(base.roots), length_(base.length), byte_length_(base.byte_length) {
  // nop
}

void tree_batch::reserve(std::size_t blocks) {
  added_.reserve(added_.size() + 2 * blocks + 64);
}

bool tree_batch::append(byte_view block) {
  return push(leaf_node(length_, block, generation_));
}

bool tree_batch::push(const node& root) {
  if (root.index > flat_tree::index_max || flat_tree::left_span(root.index) != 2 * length_)
    return false;
  if (flat_tree::block_count(root.index) > flat_tree::length_max - length_ || root.size > limits::safe_integer_max ||
      byte_length_ > limits::safe_integer_max - root.size)
    return false;
  roots_.push_back(root);
  added_.push_back(root);
  length_ += flat_tree::block_count(root.index);
  byte_length_ += root.size;
  while (roots_.size() > 1) {
    const auto& right = roots_.back();
    const auto& left = roots_[roots_.size() - 2];
    if (flat_tree::sibling(left.index) != right.index)
      break;
    auto parent = parent_node(left, right, generation_);
    roots_.pop_back();
    roots_.back() = parent;
    added_.push_back(parent);
  }
  return true;
}

const node& tree_batch::root_at(unsigned depth, std::uint64_t number) const {
  auto index = flat_tree::index_of(depth, number);
  return *std::find_if(roots_.begin(), roots_.end(), [index](const node& root) { return root.index == index; });
}

/// A parent is complete when its right child is; a left child that the batch did not complete is a root.
tree_batch::level tree_batch::above(const level& below, unsigned depth) const {
  level parents{below.first / 2, {}};
  auto end = (below.first + below.nodes.size()) / 2;
  std::vector<std::pair<const node*, const node*>> siblings;
  for (auto number = parents.first; number < end; ++number) {
    auto left = 2 * number;
    const auto* one = below.holds(left) ? &below.nodes[left - below.first] : &root_at(depth, left);
    siblings.emplace_back(one, &below.nodes[left + 1 - below.first]);
  }
  parents.nodes = parent_nodes(siblings, generation_);
  return parents;
}

void tree_batch::take(const std::vector<level>& levels) {
  auto first = length_;
  length_ += levels.front().nodes.size();
  for (auto block = first; block < length_; ++block)
    for (unsigned depth = 0; depth <= static_cast<unsigned>(std::countr_one(block)); ++depth)
      added_.push_back(levels[depth].nodes[(block >> depth) - levels[depth].first]);
  std::vector<node> roots;
  for (unsigned depth = 64; depth-- > 0;) {
    if ((length_ >> depth & 1U) == 0)
      continue;
    auto number = (length_ >> depth) - 1;
    auto is_new = depth < levels.size() && levels[depth].holds(number);
    roots.push_back(is_new ? levels[depth].nodes[number - levels[depth].first] : root_at(depth, number));
  }
  roots_ = std::move(roots);
}

bool tree_batch::append_all(std::span<const shared_bytes> blocks) {
  if (blocks.size() > flat_tree::length_max - length_)
    return false;
  auto bytes_after = byte_length_;
  for (const auto& block : blocks) {
    if (block.size() > limits::safe_integer_max || bytes_after > limits::safe_integer_max - block.size())
      return false;
    bytes_after += block.size();
  }
  if (blocks.empty())
    return true;
  std::vector<level> levels;
  levels.push_back({length_, leaf_nodes(length_, blocks, generation_)});
  for (unsigned depth = 0; !levels.back().nodes.empty(); ++depth)
    levels.push_back(above(levels.back(), depth));
  take(levels);
  byte_length_ = bytes_after;
  return true;
}

tree_head tree_batch::head(std::uint64_t fork, bytes signature) const {
  return {fork, length_, byte_length_, roots_, std::move(signature)};
}

} // namespace corestore::log
