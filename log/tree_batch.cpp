#include "log/tree_batch.hpp"

#include <utility>

#include "base/limits.hpp"
#include "log/flat_tree.hpp"
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

tree_head tree_batch::head(std::uint64_t fork, bytes signature) const {
  return {fork, length_, byte_length_, roots_, std::move(signature)};
}

} // namespace corestore::log
