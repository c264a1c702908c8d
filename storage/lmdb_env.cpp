#include "storage/lmdb_env.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <limits>
#include <string_view>
#include <utility>

#include <sys/stat.h>
#include <sys/statvfs.h>

#include "storage/lmdb_files.hpp"

namespace corestore::storage {

namespace {

/// One line of LMDB's table of readers: process, thread, transaction (`-` when it is at rest). Keeps the smallest
/// transaction.
int note_reader(const char* line, void* context) {
  std::string_view left{line};
  for (int column = 0; column < 2; ++column) {
    left.remove_prefix(std::min(left.find_first_not_of(' '), left.size()));
    left.remove_prefix(std::min(left.find(' '), left.size()));
  }
  left.remove_prefix(std::min(left.find_first_not_of(' '), left.size()));
  std::uint64_t number = 0;
  auto& oldest = *static_cast<std::uint64_t*>(context);
  if (auto read = std::from_chars(left.data(), left.data() + left.size(), number); read.ec == std::errc{})
    oldest = std::min(oldest, number);
  return 0;
}

/// Room for tables of later formats.
constexpr MDB_dbi tables_max = 16;

unsigned flags_of(const open_options& options) {
  unsigned flags = MDB_NOTLS | MDB_NORDAHEAD; // whoever reads in order says so: storage/read_ahead.hpp
  if (options.is_read_only)
    flags |= MDB_RDONLY;
  if (options.durability != durability::commit)
    flags |= MDB_NOSYNC;
  return flags;
}

std::uint64_t to_map_size(std::uint64_t size) {
  constexpr std::uint64_t step = 65536; // a multiple of every page size
  return std::max(step, size / step * step);
}

/// Bytes that the file system of `path` has left for us; plenty when it does not tell.
std::uint64_t free_bytes(const std::string& path) {
  struct statvfs space {};
  if (::statvfs(path.c_str(), &space) != 0)
    return std::numeric_limits<std::uint64_t>::max();
  return std::uint64_t{space.f_bavail} * space.f_frsize;
}

} // namespace

error explain_full_disk(int code, std::uint64_t free_bytes, error plain) {
  constexpr std::uint64_t nearly_full = std::uint64_t{1} << 20U;
  if (code != EIO || free_bytes >= nearly_full)
    return plain;
  return {ec::storage_full, plain.detail + " (no space left on the device; make room and restart)"};
}

lmdb_env::lmdb_env(std::string name, open_options options) : name_(std::move(name)), options_(std::move(options)) {
  options_.map_bytes_max = to_map_size(std::max(options_.map_bytes_max, options_.map_bytes));
  options_.map_bytes = to_map_size(options_.map_bytes);
}

lmdb_env::~lmdb_env() {
  if (handle_ == nullptr)
    return; // it never opened, or a compaction could not open it again
  pool_.clear();
  if (has_unsynced_ && !is_poisoned_)
    mdb_env_sync(handle_, 1);
  mdb_env_close(handle_);
}

int lmdb_env::create(const std::filesystem::path& path) {
  auto code = mdb_env_create(&handle_);
  if (code != 0)
    return code;
  code = mdb_env_set_maxdbs(handle_, tables_max);
  if (code == 0)
    code = mdb_env_set_maxreaders(handle_, options_.readers_max);
  if (code == 0)
    code = mdb_env_set_mapsize(handle_, options_.map_bytes);
  if (code == 0) {
    swap_guard guard{path, LOCK_SH};
    code = mdb_env_open(handle_, path.c_str(), flags_of(options_), 0600);
  }
  int dead = 0;
  if (code == 0)
    code = mdb_reader_check(handle_, &dead); // slots of processes that died pin pages
  return code;
}

result<std::unique_ptr<lmdb_env>> lmdb_env::open(const std::filesystem::path& path, const open_options& options) {
  std::unique_ptr<lmdb_env> env{new lmdb_env{path.string(), options}};
  if (auto code = env->create(path); code != 0)
    return fail(lmdb_error(code, env->name_));
  if (auto opened = env->open_tables(); !opened)
    return fail(std::move(opened.error()));
  return env;
}

/// A new environment gets all tables; one that holds something has to have those of the first version already.
result<void> lmdb_env::open_tables() {
  MDB_txn* txn = nullptr;
  MDB_stat content{};
  auto code = mdb_txn_begin(handle_, nullptr, options_.is_read_only ? MDB_RDONLY : 0U, &txn);
  if (code == MDB_MAP_RESIZED) {
    code = adopt_map_size();
    if (code == 0)
      code = mdb_txn_begin(handle_, nullptr, options_.is_read_only ? MDB_RDONLY : 0U, &txn);
  }
  MDB_dbi main = 0;
  if (code != 0)
    return fail(lmdb_error(code, name_));
  code = mdb_dbi_open(txn, nullptr, 0, &main);
  if (code == 0)
    code = mdb_stat(txn, main, &content);
  bool is_new = content.ms_entries == 0;
  if (code == 0 && is_new && options_.is_read_only) {
    mdb_txn_abort(txn);
    return fail(ec::not_found, name_ + " holds no store yet");
  }
  for (std::size_t i = 0; code == 0 && i < tables_.size(); ++i) {
    auto is_later = i >= schema::first_table_count;
    auto may_create = is_new || (is_later && !options_.is_read_only);
    code = mdb_dbi_open(txn, schema::table_names[i], may_create ? MDB_CREATE : 0U, &tables_[i]);
    if (code == MDB_NOTFOUND && is_later) {
      tables_[i] = no_table;
      code = 0;
    }
    if (code == MDB_NOTFOUND || code == MDB_INCOMPATIBLE) {
      mdb_txn_abort(txn);
      return fail(ec::storage_format, name_ + " is an LMDB environment, but not a store: it has no table " +
                                        std::string{schema::table_names[i]});
    }
  }
  if (code != 0) {
    mdb_txn_abort(txn);
    return fail(lmdb_error(code, name_));
  }
  code = mdb_txn_commit(txn);
  return code == 0 ? result<void>{} : fail(lmdb_error(code, name_));
}

int lmdb_env::adopt_map_size() {
  return mdb_env_set_mapsize(handle_, 0); // another process made the map larger
}

result<std::unique_ptr<lmdb_txn>> lmdb_env::begin_write() {
  if (is_poisoned_ || handle_ == nullptr)
    return fail(ec::storage_poisoned, name_);
  MDB_txn* handle = nullptr;
  failure_ = 0;
  auto code = mdb_txn_begin(handle_, nullptr, 0, &handle);
  if (code != 0)
    return fail(lmdb_error(code, name_));
  return std::make_unique<lmdb_txn>(handle, tables_, faults(), &failure_);
}

result<void> lmdb_env::commit(std::unique_ptr<lmdb_txn> txn) {
  auto code = faults() != nullptr ? faults()->before_commit() : 0;
  if (code == 0)
    code = txn->commit();
  if (code != 0) {
    failure_ = code;
    auto failed = lmdb_error(code, name_);
    // Pages that found no room belong to nobody: the meta page still names the old tree.
    is_poisoned_ = failed.code != ec::storage_full;
    return fail(explain_full_disk(code, free_bytes(name_), std::move(failed)));
  }
  if (options_.durability == durability::commit)
    ++syncs_;
  else
    has_unsynced_ = true;
  return {};
}

result<void> lmdb_env::sync() {
  if (is_poisoned_ || handle_ == nullptr)
    return fail(ec::storage_poisoned, name_);
  if (!has_unsynced_)
    return {};
  auto code = faults() != nullptr ? faults()->before_sync() : 0;
  if (code == 0)
    code = mdb_env_sync(handle_, 1);
  if (code != 0) {
    is_poisoned_ = true; // whatever the cause: the kernel may have dropped the pages
    return fail(lmdb_error(code, name_));
  }
  has_unsynced_ = false;
  ++syncs_;
  return {};
}

bool lmdb_env::grow() {
  MDB_envinfo info{};
  mdb_env_info(handle_, &info);
  if (failure_ != MDB_MAP_FULL || info.me_mapsize >= options_.map_bytes_max)
    return false;
  std::unique_lock lock{mutex_};
  bool has_grown = false;
  if (pause(lock)) {
    auto size = std::min<std::uint64_t>(options_.map_bytes_max, 2 * info.me_mapsize);
    has_grown = mdb_env_set_mapsize(handle_, size) == 0;
  }
  resume();
  return has_grown;
}

bool lmdb_env::pause(std::unique_lock<std::mutex>& lock) {
  is_growing_ = true;
  return changed_.wait_for(lock, options_.growth_wait, [this] { return readers_ == 0; });
}

void lmdb_env::resume() {
  is_growing_ = false;
  changed_.notify_all();
}

result<std::unique_ptr<lmdb_txn>> lmdb_env::begin_read() {
  std::unique_lock lock{mutex_};
  changed_.wait(lock, [this] { return !is_growing_; });
  if (handle_ == nullptr)
    return fail(ec::storage_failed, name_ + " could not be opened again after a compaction");
  if (!pool_.empty()) {
    auto txn = std::move(pool_.back());
    pool_.pop_back();
    if (txn->renew() == 0) {
      ++readers_;
      ++readers_at_[txn->number()];
      return txn;
    }
  } // otherwise another process made the map larger, or the pool was empty
  MDB_txn* handle = nullptr;
  auto code = mdb_txn_begin(handle_, nullptr, MDB_RDONLY, &handle);
  if (code == MDB_MAP_RESIZED && readers_ == 0) {
    code = adopt_map_size();
    if (code == 0)
      code = mdb_txn_begin(handle_, nullptr, MDB_RDONLY, &handle);
  }
  int dead = 0;
  if (code == MDB_READERS_FULL && mdb_reader_check(handle_, &dead) == 0 && dead != 0)
    code = mdb_txn_begin(handle_, nullptr, MDB_RDONLY, &handle);
  if (code != 0)
    return fail(lmdb_error(code, name_));
  ++readers_;
  auto txn = std::make_unique<lmdb_txn>(handle, tables_);
  ++readers_at_[txn->number()];
  return txn;
}

std::uint64_t lmdb_env::oldest_reader(std::uint64_t otherwise) {
  std::lock_guard guard{mutex_};
  return readers_at_.empty() ? otherwise : std::min(otherwise, readers_at_.begin()->first);
}

void lmdb_env::give_back(std::unique_ptr<lmdb_txn> txn) {
  auto number = txn->number();
  txn->reset();
  std::lock_guard guard{mutex_};
  --readers_;
  if (auto at = readers_at_.find(number); at != readers_at_.end() && --at->second == 0)
    readers_at_.erase(at);
  pool_.push_back(std::move(txn));
  if (is_growing_)
    changed_.notify_all();
}

lmdb_env::usage lmdb_env::measure() {
  usage current;
  current.syncs = syncs_;
  {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [this] { return !is_growing_; });
    int dead = 0;
    int descriptor = -1;
    struct stat file {};
    if (handle_ != nullptr) {
      mdb_reader_check(handle_, &dead); // whoever measures does so now and then: pages pinned by the dead come free
      mdb_env_get_fd(handle_, &descriptor);
    }
    if (descriptor >= 0 && ::fstat(descriptor, &file) == 0)
      current.file_bytes = static_cast<std::uint64_t>(file.st_size);
  }
  if (auto txn = begin_read()) {
    current.used_bytes = (*txn)->pages_bytes();
    give_back(std::move(*txn));
  }
  std::unique_lock lock{mutex_};
  changed_.wait(lock, [this] { return !is_growing_; }); // a compaction opens another environment
  MDB_envinfo info{};
  MDB_stat stat{};
  if (handle_ != nullptr && mdb_env_info(handle_, &info) == 0 && mdb_env_stat(handle_, &stat) == 0) {
    auto in_file = (static_cast<std::uint64_t>(info.me_last_pgno) + 1) * stat.ms_psize;
    current.free_bytes = in_file - std::min(in_file, current.used_bytes);
    auto oldest = std::numeric_limits<std::uint64_t>::max();
    mdb_reader_list(handle_, note_reader, &oldest);
    current.oldest_reader_lag = info.me_last_txnid - std::min<std::uint64_t>(oldest, info.me_last_txnid);
  }
  current.readers = readers_;
  return current;
}

} // namespace corestore::storage
