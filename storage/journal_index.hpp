// Where the journalled blocks of each core are. The journal itself is in the order in which appends were committed, so
// that many cores share a page; this index, in memory only, is what makes a block of one core findable.
//
// Entries are versioned by the transactions that add and fold them, so that each snapshot finds what its view of the
// store holds: an entry is visible to snapshots of transactions `[added, folded)`. Any thread may read; only the
// writer changes it, before its transaction commits, when no snapshot can have that transaction's number yet.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <shared_mutex>
#include <unordered_map>
#include <vector>

#include "log/change_set.hpp"

namespace corestore::storage {

class journal_index {
public:
  using transaction = std::uint64_t;

  /// One entry: blocks `[first, end)` of its core.
  struct place {
    std::uint64_t sequence = 0;
    std::uint64_t first = 0;
    std::uint64_t end = 0;
    friend bool operator==(const place&, const place&) = default;
  };

  // -- for snapshots

  /// Without a lock: nothing is journalled for anybody, so there is nothing to look for.
  [[nodiscard]] bool is_empty() const {
    return entries_.load(std::memory_order_acquire) == 0;
  }

  /// The entry that holds `block`.
  [[nodiscard]] std::optional<place> find(log::core_number number, std::uint64_t block, transaction view) const;

  /// The first entry that ends after `block`.
  [[nodiscard]] std::optional<place> find_from(log::core_number number, std::uint64_t block, transaction view) const;

  /// The entry that has the core's head.
  [[nodiscard]] std::optional<place> newest(log::core_number number, transaction view) const;

  // -- for the writer

  /// What is not folded, in order.
  [[nodiscard]] std::vector<place> live(log::core_number number) const;

  /// Number that the next entry gets.
  [[nodiscard]] std::uint64_t next_sequence() const {
    return base_ + order_.size();
  }

  /// A transaction begins: undo() comes back to here.
  void begin() {
    mark_ = next_sequence();
  }

  /// An entry at next_sequence(), of `size` bytes.
  void add(log::core_number number, std::uint64_t first, std::uint64_t end, std::size_t size, transaction when);

  /// Sequence numbers before `sequence` are used up; the index is empty.
  void start_at(std::uint64_t sequence);

  /// Counts a sequence number that belongs to nobody.
  void skip();

  /// The first `count` live entries of the core are in its tables from `when` on.
  void fold(log::core_number number, transaction when, std::size_t count = std::numeric_limits<std::size_t>::max());

  /// Takes back what that transaction changed: it failed.
  void undo(transaction when);

  /// It committed: what is folded at the front is not looked at any more.
  void settle();

  /// Drops what no snapshot of `oldest` or a later transaction can see.
  void forget(transaction oldest);

  /// The transactions were numbered anew: everything live is visible to all, nothing else is kept. Nobody reads.
  void renumber();

  /// The core whose entry is the oldest one.
  [[nodiscard]] std::optional<log::core_number> oldest_core();

  /// Entries before this one are folded.
  [[nodiscard]] std::uint64_t first_live();

  [[nodiscard]] std::size_t live_entries() const {
    return live_entries_;
  }
  [[nodiscard]] std::size_t live_bytes() const {
    return live_bytes_;
  }

private:
  static constexpr transaction never = std::numeric_limits<transaction>::max();

  struct versioned {
    place where;
    std::uint32_t size = 0;
    transaction added = 0;
    transaction folded = never;
  };
  /// In order of their sequence; those that are folded come first.
  using entries = std::vector<versioned>;

  /// The visible ones: consecutive, and so are their blocks.
  struct view_range {
    entries::const_iterator first;
    entries::const_iterator end;
  };
  static view_range visible(const entries& all, transaction view);
  void take_from_order(const versioned& entry);
  void pass_folded();

  mutable std::shared_mutex mutex_;
  std::atomic<std::size_t> entries_ = 0; ///< live and folded
  std::unordered_map<std::uint32_t, entries> cores_;

  // The writer alone looks at the rest.
  std::uint64_t base_ = 0;               ///< sequence number of the front of `order_`
  std::deque<log::core_number> order_;   ///< whose entry it is; nobodys_core: folded
  std::size_t front_ = 0;                ///< everything before it in `order_` is folded
  std::uint64_t mark_ = 0;               ///< next_sequence() when the transaction began
  std::vector<log::core_number> folded_; ///< cores with entries that are kept for old snapshots
  std::size_t live_entries_ = 0;
  std::size_t live_bytes_ = 0;
};

} // namespace corestore::storage
