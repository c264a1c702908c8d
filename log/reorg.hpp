// Where two histories of one log part: the search for the length that a verified fork proof shares with what is stored.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>

#include "base/error.hpp"
#include "log/change_set.hpp"
#include "log/node.hpp"
#include "log/proof.hpp"
#include "log/verify.hpp"

namespace corestore::log {

/// What to ask a peer of the new fork for: `hash {2 * block, nodes}` for any one block of the range.
struct reorg_request {
  block_range blocks;
  std::uint64_t nodes = 0;
  friend bool operator==(const reorg_request&, const reorg_request&) = default;
};

/// Feeds on hash answers until the shared length is known (spec 4.11). Reads the stored log through the source given
/// with each call; the log must not change while a search runs.
class reorg_search {
public:
  /// `fork_proof` comes from verify_fork(); `local_length` is the length of the log as it is.
  static result<reorg_search> start(verification fork_proof, std::uint64_t local_length, const node_source& local);

  /// Nothing once the search is done.
  [[nodiscard]] const std::optional<reorg_request>& wanted() const {
    return wanted_;
  }
  [[nodiscard]] bool is_done() const {
    return !wanted_;
  }

  /// Blocks that both histories share; final when the search is done.
  [[nodiscard]] std::uint64_t ancestors() const {
    return ancestors_;
  }

  [[nodiscard]] std::uint64_t fork() const {
    return collected_.head->fork;
  }

  /// Takes one answer. `invalid_checksum` when it does not lead to the node in question (ignore it and ask again),
  /// otherwise what the source reported.
  result<void> accept(const proof& answer, const node_source& local);

  /// The fork proof together with every node collected, for stage_reorg().
  [[nodiscard]] verification take() {
    return std::move(collected_);
  }

private:
  reorg_search(verification fork_proof, std::uint64_t local_length);

  using known_nodes = std::unordered_map<std::uint64_t, node>;
  result<void> descend(const known_nodes& known, const node_source& local);
  void aim_at(const node& difference);

  verification collected_;
  std::uint64_t local_length_;
  node difference_; ///< of the new tree: the leftmost node found so far that differs from ours
  std::uint64_t ancestors_ = 0;
  std::optional<reorg_request> wanted_;
};

} // namespace corestore::log
