// Of which blocks a peer wants to hear, and which of its wants still wait for an answer.
#pragma once

#include <cstdint>
#include <list>
#include <vector>

#include "base/limits.hpp"
#include "log/change_set.hpp"
#include "replication/wire/messages.hpp"

namespace corestore::replication {

/// Blocks of one want segment (wire 5.4); longer wants are ignored.
inline constexpr std::uint64_t segment_blocks = 2097152;

class want_set {
public:
  /// False when the want is too long to be answered. Wants past the bounds make the peer one that wants everything.
  bool add(const wire::want& wanted);
  void remove(const wire::unwant& released);

  /// Whether some want touches `range`.
  [[nodiscard]] bool covers(log::block_range range) const;

  /// Wants that need a bitfield wait here for room in the connection.
  [[nodiscard]] std::list<wire::want>& unanswered() {
    return unanswered_;
  }
  [[nodiscard]] std::size_t unanswered_count() const {
    return unanswered_.size();
  }

private:
  static constexpr std::size_t any_max = 16;

  bool is_everything_ = false;
  std::vector<log::block_range> ranges_;
  std::vector<log::block_range> any_;
  std::list<wire::want> unanswered_;
};

} // namespace corestore::replication
