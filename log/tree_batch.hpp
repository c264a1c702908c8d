// A tree that grows in memory on top of a head, and remembers every node that it completed.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.hpp"
#include "log/generation.hpp"
#include "log/head.hpp"
#include "log/node.hpp"

namespace corestore::log {

class tree_batch {
public:
  /// An empty tree.
  tree_batch() = default;

  /// Starts at the roots of `base`.
  explicit tree_batch(const tree_head& base, generation which = generation::g10);

  void reserve(std::size_t blocks);

  /// Appends one block: its leaf, then the parents that it completes. False when the log would become too long.
  [[nodiscard]] bool append(byte_view block);

  /// Appends blocks: what append() does with one after the other, with many hashes at a time. False when the log would
  /// become too long; the tree is unchanged then.
  [[nodiscard]] bool append_all(std::span<const shared_bytes> blocks);

  /// Appends a complete subtree. False when its leftmost leaf is not the next leaf, or when blocks or bytes would go
  /// past what can be encoded; the tree is unchanged then.
  [[nodiscard]] bool push(const node& root);

  [[nodiscard]] std::span<const node> roots() const {
    return roots_;
  }
  [[nodiscard]] std::uint64_t length() const {
    return length_;
  }
  [[nodiscard]] std::uint64_t byte_length() const {
    return byte_length_;
  }

  /// Everything appended and every parent computed, in order of completion.
  [[nodiscard]] const std::vector<node>& added() const {
    return added_;
  }

  [[nodiscard]] tree_head head(std::uint64_t fork, bytes signature) const;

private:
  /// The nodes of one depth that a batch completes: consecutive, the first one is number `first` of its depth.
  struct level {
    std::uint64_t first = 0;
    std::vector<node> nodes;
    [[nodiscard]] bool holds(std::uint64_t number) const {
      return number >= first && number - first < nodes.size();
    }
  };
  [[nodiscard]] level above(const level& below, unsigned depth) const;
  [[nodiscard]] const node& root_at(unsigned depth, std::uint64_t number) const;
  void take(const std::vector<level>& levels);

  generation generation_ = generation::g10;
  std::vector<node> roots_;
  std::vector<node> added_;
  std::uint64_t length_ = 0;
  std::uint64_t byte_length_ = 0;
};

} // namespace corestore::log
