// Generation 9: which nodes of a tree are known, how far they prove the log, and the number ("digest") that tells a
// peer which nodes on the way from a block to the roots need not be sent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_set>

#include "base/error.hpp"
#include "log/node.hpp"

namespace corestore::log::legacy {

/// Which nodes are known. Answers false after a failed read; see stored_nodes::failure().
class node_index {
public:
  virtual ~node_index() = default;
  [[nodiscard]] virtual bool contains(std::uint64_t index) const = 0;
};

/// The nodes that a source holds.
class stored_nodes final : public node_index {
public:
  /// Every node that is complete below `complete_until` blocks is there, and not looked up.
  explicit stored_nodes(const node_source& source, std::uint64_t complete_until = 0)
      : source_(source), complete_until_(complete_until) {
    // nop
  }

  [[nodiscard]] bool contains(std::uint64_t index) const override;

  /// The first failed read.
  [[nodiscard]] const std::optional<error>& failure() const {
    return failure_;
  }

private:
  const node_source& source_;
  std::uint64_t complete_until_;
  mutable std::optional<error> failure_;
};

/// A set of its own, bounded: what a peer was told to have, or said that it has.
class index_set final : public node_index {
public:
  /// One that becomes larger is emptied: more nodes than needed are sent then, never less.
  static constexpr std::size_t entries_max = 65536;

  [[nodiscard]] bool contains(std::uint64_t index) const override {
    return entries_.contains(index);
  }

  /// Adds a node, and every parent both of whose children are known now.
  void insert(std::uint64_t index);

  [[nodiscard]] std::size_t count() const {
    return entries_.size();
  }

private:
  std::unordered_set<std::uint64_t> entries_;
};

/// Blocks of the longest log that can be proven for `index` with the known nodes; 0 when it is not known itself.
std::uint64_t verified_length(const node_index& known, std::uint64_t index);

/// What is known on the way up from `block`. 1: everything that is needed. Otherwise bit 0 says that the highest bit,
/// at position `k`, is about the node of the path itself at depth `k - 1`; bit `k >= 1` is about the sibling of that
/// node. Nodes from index `limit` on are not looked at.
std::uint64_t digest_of(const node_index& known, std::uint64_t block, std::uint64_t limit);

/// Reads a digest: adds what the peer has, among the nodes known here, to `remote`.
void remember(index_set& remote, const node_index& known, std::uint64_t block, std::uint64_t digest);

} // namespace corestore::log::legacy
