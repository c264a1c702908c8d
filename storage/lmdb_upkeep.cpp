// What keeps a store in good order besides writing to it: copies, compaction, and the marks of copies.
#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

#include "storage/lmdb_backend.hpp"
#include "storage/lmdb_env.hpp"
#include "storage/lmdb_files.hpp"
#include "storage/lmdb_snapshot.hpp"
#include "storage/new_directory.hpp"

namespace corestore::storage {

using schema::table;

namespace {

/// le64, as other marks may carry more behind it.
bytes now_mark() {
  auto seconds = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
  auto value = static_cast<std::uint64_t>(seconds.count());
  bytes encoded(8);
  for (std::size_t i = 0; i < encoded.size(); ++i)
    encoded[i] = static_cast<std::uint8_t>(value >> (8 * i));
  return encoded;
}

} // namespace

result<void> lmdb_backend::load_marks(lmdb_txn& view) {
  auto copy = view.get(table::meta, as_bytes(schema::meta_copy));
  auto restored = view.get(table::meta, as_bytes(schema::meta_restored));
  if (!copy || !restored)
    return fail(std::move(copy ? restored.error() : copy.error()));
  if (*copy && !options_.is_read_only && !options_.may_open_copy)
    return fail(ec::read_only,
                env_->name() + " is a backup: `corestore --storage DIR restore " + env_->name() +
                  "` makes a store of it; opened as it is, it could sign what peers have seen another version of");
  std::lock_guard guard{mutex_};
  is_restored_ = restored->has_value();
  return {};
}

result<void> lmdb_backend::set_mark(mark what) {
  auto txn = env_->begin_write();
  if (!txn)
    return fail(std::move(txn.error()));
  for (auto [name, kind] :
       {std::pair{schema::meta_copy, mark::copy}, std::pair{schema::meta_restored, mark::restored}}) {
    auto step = kind == what ? (*txn)->put(table::meta, as_bytes(name), now_mark())
                             : (*txn)->erase(table::meta, as_bytes(name)).map([](bool) {});
    if (!step)
      return step;
  }
  auto committed = env_->commit(std::move(*txn));
  if (committed) {
    std::lock_guard guard{mutex_};
    is_restored_ = what == mark::restored;
  }
  return committed ? env_->sync() : committed;
}

/// What gives data up passes always, and so does what is small: names, marks, heads.
result<void> lmdb_backend::check_quota(const lmdb_txn& txn, std::span<const log::change_set> group) const {
  auto brings_data = [](const log::change_set& changes) {
    return !changes.runs.empty() || !changes.blocks.empty();
  };
  if (options_.quota_bytes == 0 || std::none_of(group.begin(), group.end(), brings_data))
    return {};
  auto used = txn.pages_bytes();
  if (used <= options_.quota_bytes)
    return {};
  return fail(ec::storage_full, "the quota of " + std::to_string(options_.quota_bytes) +
                                  " bytes is used up: this commit would make it " + std::to_string(used));
}

bool lmdb_backend::is_restored() const {
  std::lock_guard guard{mutex_};
  return is_restored_;
}

result<void> lmdb_backend::end_restoration() {
  return is_restored() ? set_mark(mark::none) : result<void>{};
}

result<void> lmdb_backend::compact() {
  if (options_.is_read_only)
    return fail(ec::read_only, env_->name());
  return env_->compact([this] { journal_->renumber(); });
}

result<std::uint64_t> lmdb_backend::copy_to(const std::filesystem::path& directory, bool is_compact) {
  auto target = new_directory::create(directory);
  if (!target)
    return fail(std::move(target.error()));
  {
    auto file = open_file::create(target->path() / "data.mdb");
    if (!file.is_open())
      return file_error(target->path() / "data.mdb");
    if (auto copied = env_->copy(file.descriptor(), is_compact); !copied)
      return fail(std::move(copied.error()));
  }
  open_options options;
  options.may_open_copy = true;
  auto lock = directory_lock::acquire(target->path(), directory_lock::kind::reader);
  if (!lock)
    return fail(std::move(lock.error()));
  auto copy = open(target->path(), options, std::move(*lock));
  if (!copy)
    return fail(std::move(copy.error()));
  if (auto marked = static_cast<lmdb_backend&>(**copy).set_mark(mark::copy); !marked)
    return fail(std::move(marked.error()));
  copy->reset();
  return target->keep();
}

} // namespace corestore::storage
