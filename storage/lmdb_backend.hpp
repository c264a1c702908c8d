// The backend on LMDB. This header does not need lmdb.h.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>

#include "storage/backend.hpp"
#include "storage/directory_lock.hpp"
#include "storage/open.hpp"

namespace corestore::storage {

class lmdb_env;
class lmdb_txn;
class journal_index;

class lmdb_backend final : public backend {
public:
  /// The directory exists, is locked and passed the inspection.
  static result<std::unique_ptr<backend>> open(const std::filesystem::path& path, const open_options& options,
                                               directory_lock lock);
  ~lmdb_backend() override;
  lmdb_backend(const lmdb_backend&) = delete;
  lmdb_backend& operator=(const lmdb_backend&) = delete;

  result<void> apply(std::span<const log::change_set> group) override;
  result<void> sync() override;
  [[nodiscard]] result<std::unique_ptr<snapshot>> open_snapshot() override;
  [[nodiscard]] result<log::core_number> next_number() override;
  result<std::uint64_t> copy_to(const std::filesystem::path& directory, bool is_compact) override;
  result<void> compact() override;
  [[nodiscard]] bool is_restored() const override;
  result<void> end_restoration() override;
  [[nodiscard]] primary_key root_key() const override;
  [[nodiscard]] statistics stats() const override;
  [[nodiscard]] durability mode() const override;

  /// For a copy before it gets its name: what it is from now on.
  enum class mark : std::uint8_t { none, copy, restored };
  result<void> set_mark(mark what);

private:
  lmdb_backend(open_options options, directory_lock lock, std::shared_ptr<lmdb_env> env);
  result<void> load_meta();
  result<void> create_meta();
  result<void> take_over_format();
  result<void> apply_once(std::span<const log::change_set> group);

  /// What `meta` counts; a group of change sets works on a copy until it is committed.
  struct counters {
    std::uint32_t next = 0;     ///< number of the next new core
    std::uint64_t position = 0; ///< last one of a change of a group
    bool has_groups = false;    ///< the store has schema::format_with_groups
    friend bool operator==(const counters&, const counters&) = default;
  };
  result<void> apply_group(lmdb_txn& txn, std::span<const log::change_set> group, counters& counted);
  result<void> put_counters(lmdb_txn& txn, const counters& counted) const;

  /// For a snapshot: the index that the writer keeps, or beside another owner one of what is there now.
  result<std::shared_ptr<const journal_index>> journal_for(lmdb_txn& view);
  result<void> load_marks(lmdb_txn& view);
  [[nodiscard]] result<void> check_quota(const lmdb_txn& txn, std::span<const log::change_set> group) const;
  static result<void> purge_names(lmdb_txn& txn, log::core_number number);
  static result<void> apply_names(lmdb_txn& txn, const log::change_set& changes, std::uint32_t& next);

  open_options options_;
  directory_lock lock_; ///< released last
  std::shared_ptr<lmdb_env> env_;
  primary_key root_key_;
  mutable std::mutex mutex_; ///< of what follows
  bool is_restored_ = false;
  counters counters_;
  std::shared_ptr<journal_index> journal_; ///< of an owner: always the same; else replaced when the store has changed
  bool is_journal_stuck_ = false;          ///< a core cannot be folded, its tables are damaged: the journal only grows
  std::uint64_t journal_view_ = 0;         ///< the transaction that it is of, beside another owner
  statistics statistics_;
};

} // namespace corestore::storage
