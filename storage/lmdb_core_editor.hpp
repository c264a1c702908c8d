// Applies change sets to one core within a write transaction. Private to lmdb_*.cpp.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "log/change_set.hpp"
#include "storage/lmdb_bits.hpp"
#include "storage/lmdb_groups.hpp"
#include "storage/lmdb_txn.hpp"
#include "storage/records.hpp"

namespace corestore::storage {

class lmdb_core_editor {
public:
  /// Reads the head record.
  static result<std::unique_ptr<lmdb_core_editor>> open(lmdb_txn& txn, log::core_number number);
  lmdb_core_editor(lmdb_txn& txn, log::core_number number, core_record record)
      : txn_(txn), number_(number), record_(std::move(record)), bits_(txn, number, record_) {
    // nop
  }
  lmdb_core_editor(const lmdb_core_editor&) = delete;
  lmdb_core_editor& operator=(const lmdb_core_editor&) = delete;

  /// `changes` passed `check`.
  result<void> apply(const log::change_set& changes, lmdb_groups& groups);

  /// Before a purge: entries of the journal that may still be there belong to what is purged, not to a new core. Keeps
  /// a head record that says nothing but that.
  void remember_journal() {
    journal_mark_ = record_.journal_position;
  }
  [[nodiscard]] std::uint64_t journal_position() const {
    return record_.journal_position;
  }

  /// Drops everything that is filed under the core's number.
  result<void> purge(lmdb_groups& groups);
  [[nodiscard]] bool is_purged() const {
    return is_purged_;
  }

  /// Gathers sparse blocks below the contiguous length into runs, at most about `budget` bytes of them.
  result<void> fold(std::size_t& budget);

  /// Takes over what was journalled: a run at the end, the signatures that are kept of it, and the record after it.
  /// Before anything else.
  result<void> take_over(const log::block_run& run, std::span<const log::length_signature> signatures,
                         core_record record);

  /// The newest record of a core whose journalled part is not taken over, because all of it goes.
  void replace(core_record record) {
    record_ = std::move(record);
  }

  /// Writes the head record.
  result<void> finish();

private:
  enum class carving : std::uint8_t { drop, keep_nodes };

  result<void> put_signatures(std::span<const log::length_signature> signatures);
  result<void> truncate(std::uint64_t length);
  result<void> drop_nodes(std::uint64_t length);
  result<void> clear(log::block_range range);
  result<void> forget(log::block_range range);
  result<void> erase_completed(std::uint64_t block);
  result<void> put_runs(const log::change_set& changes);
  result<void> put_blocks(const std::vector<log::sparse_block>& blocks);
  result<void> put_user_data(const std::vector<log::user_entry>& entries);
  result<void> drop_sparse(log::block_range range);

  /// Takes `range` out of every run that overlaps it.
  result<void> carve(log::block_range range, carving mode);
  result<void> carve_one(log::block_range range, carving mode, std::uint64_t last, byte_view value);
  /// Where the husks of `range` and those beside it become one.
  result<void> join_husks(log::block_range range);
  result<std::vector<log::block_range>> plan_husks(log::block_range range);
  result<void> join_within(log::block_range range);

  /// A batch is cut into runs of bounded size. `explicit_nodes` may hold sizes that the runs lean on.
  result<void> put_run(std::uint64_t first, std::span<const shared_bytes> blocks, std::span<const hash32> hashes,
                       const std::vector<log::node>& explicit_nodes);
  result<void> put_portion(std::uint64_t first, std::span<const shared_bytes> blocks,
                           const std::vector<std::uint64_t>& ends, std::span<const hash32> hashes,
                           const std::vector<log::node>& explicit_nodes);

  result<std::optional<std::uint64_t>> size_of_node(std::uint64_t index, const std::vector<log::node>& explicit_nodes);

  struct stretch {
    std::uint64_t first = 0;
    std::vector<shared_bytes> blocks;
    std::vector<hash32> hashes;
    std::size_t content_bytes = 0;
    [[nodiscard]] std::uint64_t end() const {
      return first + blocks.size();
    }
  };
  result<stretch> collect(std::uint64_t first, std::size_t budget);
  result<void> collect_hashes(stretch& found);
  result<void> fold_stretch(stretch& found);

  lmdb_txn& txn_;
  log::core_number number_;
  core_record record_;
  bool is_purged_ = false;
  std::uint64_t journal_mark_ = 0;
  bool are_roots_current_ = true; ///< `record_.head.roots` are nodes of the tree as it is now
  lmdb_bits bits_;                ///< edits `record_`
};

} // namespace corestore::storage
