// The journal: small appends of many cores go into one table in the order in which they are committed, where they
// share pages, and are moved into the tables of their cores later, many of one core at a time. Private to lmdb_*.cpp.
#pragma once

#include <cstdint>
#include <optional>

#include "storage/journal_index.hpp"
#include "storage/lmdb_core_editor.hpp"
#include "storage/lmdb_txn.hpp"
#include "storage/open.hpp"
#include "storage/run_format.hpp"

namespace corestore::storage {

/// Fills the index of a store that is being opened, or of a snapshot of a store that somebody else writes.
result<void> load_journal(lmdb_txn& txn, journal_index& index);

/// The record of a core as that view of the store has it; `index` may be null.
result<core_record> read_newest_record(lmdb_txn& txn, const journal_index* index, journal_index::transaction view,
                                       log::core_number number);

/// The run of a journal entry. Points into the map.
result<run_view> journalled_run(lmdb_txn& txn, const journal_index::place& where);

/// What an entry keeps for the length of its head; nothing when it keeps no signature.
result<std::optional<signature64>> journalled_signature(lmdb_txn& txn, const journal_index::place& where);

/// The writer's side of the journal within one transaction.
class lmdb_journal {
public:
  lmdb_journal(lmdb_txn& txn, journal_index& index, const journal_limits& limits)
      : txn_(txn), index_(index), limits_(limits), when_(txn.number()) {
    // nop
  }
  lmdb_journal(const lmdb_journal&) = delete;
  lmdb_journal& operator=(const lmdb_journal&) = delete;

  /// Whether it took the change set: an append that is small, leaves no gap, and changes nothing else.
  result<bool> take(const log::change_set& changes, lmdb_groups& groups);

  /// Moves what is journalled of the core of `editor` into its tables; `editor` has seen nothing else yet.
  result<void> fold(lmdb_core_editor& editor, log::core_number number);

  /// Forgets what is journalled of a core that is purged; `editor` is told what its newest record was.
  result<void> drop(lmdb_core_editor& editor, log::core_number number);

  /// Folds the oldest cores when the journal is larger than it may be: about twice what this transaction added.
  result<void> relieve();

private:
  /// The oldest entries only: as many as fit, at least one.
  result<void> fold_some(lmdb_core_editor& editor, log::core_number number, std::size_t entries_max,
                         std::size_t bytes_max);
  result<void> trim(std::size_t budget);

  lmdb_txn& txn_;
  journal_index& index_;
  const journal_limits& limits_;
  journal_index::transaction when_;
  std::size_t taken_ = 0;
};

} // namespace corestore::storage
