#include "storage/lmdb_txn.hpp"

#include <cerrno>
#include <utility>

namespace corestore::storage {

namespace {

MDB_val to_val(byte_view view) {
  return {view.size(), const_cast<std::uint8_t*>(view.data())}; // NOLINT: LMDB does not write through it
}

byte_view to_view(const MDB_val& value) {
  return {static_cast<const std::uint8_t*>(value.mv_data), value.mv_size};
}

std::size_t index_of(schema::table table) {
  return static_cast<std::size_t>(table);
}

std::string name_of_table(schema::table table) {
  return std::string{"table "} + schema::table_names[index_of(table)];
}

} // namespace

error lmdb_error(int code, const std::string& what) {
  auto cause = ec::storage_failed;
  switch (code) {
  case MDB_MAP_FULL:
  case MDB_TXN_FULL:
  case ENOSPC:
  case EDQUOT:
    cause = ec::storage_full;
    break;
  case MDB_CORRUPTED:
  case MDB_INVALID:
  case MDB_PAGE_NOTFOUND:
  case MDB_NOTFOUND:
  case MDB_BAD_VALSIZE:
  case MDB_INCOMPATIBLE:
    cause = ec::storage_damaged;
    break;
  case MDB_VERSION_MISMATCH:
    cause = ec::storage_format;
    break;
  case MDB_READERS_FULL:
    cause = ec::limit_exceeded;
    break;
  case MDB_PANIC:
    cause = ec::storage_poisoned;
    break;
  default:
    break;
  }
  return {cause, what + ": " + mdb_strerror(code)};
}

lmdb_txn::~lmdb_txn() {
  if (handle_ == nullptr)
    return;
  close_cursors();
  mdb_txn_abort(handle_);
}

void lmdb_txn::close_cursors() {
  for (auto& slot : cursors_) {
    if (slot.cursor != nullptr)
      mdb_cursor_close(slot.cursor);
    slot = {};
  }
}

int lmdb_txn::cursor_of(schema::table table, MDB_cursor*& cursor) {
  auto& slot = cursors_[index_of(table)];
  int code = 0;
  if (slot.cursor == nullptr)
    code = mdb_cursor_open(handle_, tables_[index_of(table)], &slot.cursor);
  else if (slot.is_stale)
    code = mdb_cursor_renew(handle_, slot.cursor);
  slot.is_stale = false;
  cursor = slot.cursor;
  return code;
}

result<std::optional<table_entry>> lmdb_txn::move(schema::table table, MDB_val key, MDB_cursor_op operation) {
  MDB_cursor* cursor = nullptr;
  MDB_val value{};
  auto code = cursor_of(table, cursor);
  if (code == 0)
    code = mdb_cursor_get(cursor, &key, &value, operation);
  if (code == MDB_NOTFOUND)
    return std::nullopt;
  if (code != 0)
    return fail(lmdb_error(code, name_of_table(table)));
  return table_entry{to_view(key), to_view(value)};
}

result<std::optional<byte_view>> lmdb_txn::get(schema::table table, byte_view key) {
  if (tables_[index_of(table)] == no_table)
    return std::nullopt;
  auto key_val = to_val(key);
  MDB_val value{};
  auto code = mdb_get(handle_, tables_[index_of(table)], &key_val, &value);
  if (code == MDB_NOTFOUND)
    return std::nullopt;
  if (code != 0)
    return fail(lmdb_error(code, name_of_table(table)));
  return to_view(value);
}

result<std::optional<table_entry>> lmdb_txn::seek(schema::table table, byte_view key) {
  return move(table, to_val(key), MDB_SET_RANGE);
}

result<std::optional<table_entry>> lmdb_txn::next(schema::table table) {
  return move(table, {}, MDB_NEXT);
}

result<std::optional<table_entry>> lmdb_txn::seek_before(schema::table table, byte_view key) {
  auto after = move(table, to_val(key), MDB_SET_RANGE);
  if (!after)
    return after;
  return move(table, {}, *after ? MDB_PREV : MDB_LAST);
}

result<std::optional<table_entry>> lmdb_txn::previous(schema::table table) {
  return move(table, {}, MDB_PREV);
}

tl::unexpected<error> lmdb_txn::write_failed(int code, schema::table table) {
  if (failure_ != nullptr)
    *failure_ = code;
  return fail(lmdb_error(code, name_of_table(table)));
}

result<void> lmdb_txn::store(schema::table table, byte_view key, MDB_val& value, unsigned flags) {
  MDB_cursor* cursor = nullptr;
  auto code = faults_ != nullptr ? faults_->before_put() : 0;
  if (code == 0)
    code = cursor_of(table, cursor);
  auto key_val = to_val(key);
  if (code == 0)
    code = mdb_cursor_put(cursor, &key_val, &value, flags);
  if (code != 0)
    return write_failed(code, table);
  return {};
}

result<void> lmdb_txn::put(schema::table table, byte_view key, byte_view value) {
  auto value_val = to_val(value);
  return store(table, key, value_val, 0);
}

result<std::span<std::uint8_t>> lmdb_txn::reserve_with(schema::table table, byte_view key, std::size_t size,
                                                       unsigned flags) {
  MDB_val value{size, nullptr};
  if (auto stored = store(table, key, value, MDB_RESERVE | flags); !stored)
    return fail(std::move(stored.error()));
  return std::span<std::uint8_t>{static_cast<std::uint8_t*>(value.mv_data), value.mv_size};
}

result<std::span<std::uint8_t>> lmdb_txn::reserve(schema::table table, byte_view key, std::size_t size) {
  return reserve_with(table, key, size, 0);
}

result<std::span<std::uint8_t>> lmdb_txn::reserve_last(schema::table table, byte_view key, std::size_t size) {
  return reserve_with(table, key, size, MDB_APPEND);
}

std::uint64_t lmdb_txn::number() const {
  return mdb_txn_id(handle_);
}

result<bool> lmdb_txn::erase(schema::table table, byte_view key) {
  auto key_val = to_val(key);
  auto code = faults_ != nullptr ? faults_->before_put() : 0;
  if (code == 0)
    code = mdb_del(handle_, tables_[index_of(table)], &key_val, nullptr);
  if (code == MDB_NOTFOUND)
    return false;
  if (code != 0)
    return write_failed(code, table);
  return true;
}

int lmdb_txn::commit() {
  close_cursors();
  return mdb_txn_commit(std::exchange(handle_, nullptr));
}

void lmdb_txn::reset() {
  mdb_txn_reset(handle_);
  for (auto& slot : cursors_)
    slot.is_stale = slot.cursor != nullptr;
}

int lmdb_txn::renew() {
  return mdb_txn_renew(handle_);
}

result<std::uint64_t> lmdb_txn::entries(schema::table table) const {
  if (tables_[index_of(table)] == no_table)
    return std::uint64_t{0};
  MDB_stat stat{};
  if (auto code = mdb_stat(handle_, tables_[index_of(table)], &stat); code != 0)
    return fail(lmdb_error(code, "counting entries"));
  return std::uint64_t{stat.ms_entries};
}

std::uint64_t lmdb_txn::pages_bytes() const {
  std::uint64_t total = 0;
  for (auto table : tables_) {
    MDB_stat stat{};
    if (mdb_stat(handle_, table, &stat) == 0)
      total += (stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages) * stat.ms_psize;
  }
  return total;
}

} // namespace corestore::storage
