// One LMDB transaction with a cursor for each table that it touches. Private to lmdb_*.cpp.
#pragma once

#include <array>
#include <limits>
#include <optional>
#include <span>
#include <string>

#include <lmdb.h>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "storage/fault_hook.hpp"
#include "storage/schema.hpp"

namespace corestore::storage {

using lmdb_tables = std::array<MDB_dbi, schema::table_count>;

/// Stands for a table that an older store does not have, and that nobody may create: opened read-only.
inline constexpr MDB_dbi no_table = std::numeric_limits<MDB_dbi>::max();

/// What an LMDB or system code means for a caller. `what` names the path or the subject.
error lmdb_error(int code, const std::string& what);

struct table_entry {
  byte_view key;
  byte_view value;
};

/// Views that it returns point into the map: they die with the next write of this transaction, or with its end.
class lmdb_txn {
public:
  /// Takes over `handle`, which is aborted unless `commit` was called. `faults` may be null. The code of a failed write
  /// is left in `failure`, if there is one.
  lmdb_txn(MDB_txn* handle, const lmdb_tables& tables, fault_hook* faults = nullptr, int* failure = nullptr)
      : handle_(handle), tables_(tables), faults_(faults), failure_(failure) {
    // nop
  }
  lmdb_txn(const lmdb_txn&) = delete;
  lmdb_txn& operator=(const lmdb_txn&) = delete;
  ~lmdb_txn();

  [[nodiscard]] result<std::optional<byte_view>> get(schema::table table, byte_view key);

  /// First entry at or after `key`.
  [[nodiscard]] result<std::optional<table_entry>> seek(schema::table table, byte_view key);

  /// The entry after the one that `seek` or `next` found last in this table. Not after a write to the table.
  [[nodiscard]] result<std::optional<table_entry>> next(schema::table table);

  /// The same in the other direction: the last entry before `key`, and those before it.
  [[nodiscard]] result<std::optional<table_entry>> seek_before(schema::table table, byte_view key);
  [[nodiscard]] result<std::optional<table_entry>> previous(schema::table table);

  result<void> put(schema::table table, byte_view key, byte_view value);

  /// Puts a value of `size` bytes that the caller fills before anything else is done with the transaction.
  result<std::span<std::uint8_t>> reserve(schema::table table, byte_view key, std::size_t size);

  /// The same for a key after all that the table holds: pages are filled, and nothing is searched.
  result<std::span<std::uint8_t>> reserve_last(schema::table table, byte_view key, std::size_t size);

  /// Whether there was one.
  result<bool> erase(schema::table table, byte_view key);

  /// Of a read transaction the last one that it sees, of a write transaction its own.
  [[nodiscard]] std::uint64_t number() const;

  /// The raw code; the transaction has ended either way.
  [[nodiscard]] int commit();

  /// For a pooled read transaction: lets go of the view, keeps the reader slot and the cursors.
  void reset();
  [[nodiscard]] int renew();

  /// Number of entries of a table, as the table itself knows it.
  [[nodiscard]] result<std::uint64_t> entries(schema::table table) const;

  /// Bytes of all pages of all tables.
  [[nodiscard]] std::uint64_t pages_bytes() const;

private:
  struct cursor_slot {
    MDB_cursor* cursor = nullptr;
    bool is_stale = false; ///< of a transaction that was renewed since
  };

  [[nodiscard]] int cursor_of(schema::table table, MDB_cursor*& cursor);
  [[nodiscard]] result<std::optional<table_entry>> move(schema::table table, MDB_val key, MDB_cursor_op operation);
  result<std::span<std::uint8_t>> reserve_with(schema::table table, byte_view key, std::size_t size, unsigned flags);
  result<void> store(schema::table table, byte_view key, MDB_val& value, unsigned flags);
  [[nodiscard]] tl::unexpected<error> write_failed(int code, schema::table table);
  void close_cursors();

  MDB_txn* handle_;
  const lmdb_tables& tables_;
  fault_hook* faults_;
  int* failure_;
  std::array<cursor_slot, schema::table_count> cursors_{};
};

} // namespace corestore::storage
