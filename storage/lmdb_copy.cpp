// Copies of an environment: for a backup, and to take the place of the data file itself.
#include <cerrno>
#include <system_error>
#include <utility>

#include <unistd.h>

#include "storage/lmdb_env.hpp"
#include "storage/lmdb_files.hpp"
#include "storage/read_ahead.hpp"

namespace corestore::storage {

result<void> lmdb_env::copy(int descriptor, bool is_compact) {
  {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [this] { return !is_growing_; });
    if (handle_ == nullptr)
      return fail(ec::storage_failed, name_ + " is not open");
    ++readers_; // the copy reads the map for as long as it lasts
  }
  auto code = [&] {
    sequential_reading walk{std::filesystem::path{name_} / "data.mdb"};
    return mdb_env_copyfd2(handle_, descriptor, is_compact ? MDB_CP_COMPACT : 0U);
  }();
  if (code == 0 && ::fsync(descriptor) != 0)
    code = errno;
  std::lock_guard lock{mutex_};
  --readers_;
  changed_.notify_all();
  return code == 0 ? result<void>{} : fail(lmdb_error(code, "copy of " + name_));
}

result<void> lmdb_env::compact(const std::function<void()>& swapped) {
  if (auto synced = sync(); !synced)
    return synced;
  std::filesystem::path fresh = std::filesystem::path{name_} / "data.mdb.compact";
  auto written = [&]() -> result<void> {
    auto target = open_file::create(fresh);
    return target.is_open() ? copy(target.descriptor(), true) : file_error(fresh);
  }();
  std::unique_lock lock{mutex_, std::defer_lock};
  if (written) {
    lock.lock();
    if (!pause(lock))
      written = fail(ec::timed_out, name_ + " is being read by something that does not end, such as a backup");
  }
  if (written) {
    written = swap_in(fresh);
    swapped();
  }
  std::error_code ignored;
  if (!written)
    std::filesystem::remove(fresh, ignored);
  if (lock.owns_lock())
    resume();
  return written;
}

/// Nobody reads. The lock file goes first: it counts transactions, and those of the copy begin anew.
result<void> lmdb_env::swap_in(const std::filesystem::path& fresh) {
  std::filesystem::path directory = name_;
  result<void> outcome;
  {
    swap_guard alone{directory, LOCK_EX};
    pool_.clear();
    mdb_env_close(std::exchange(handle_, nullptr));
    std::error_code failed;
    std::filesystem::remove(directory / "lock.mdb", failed);
    if (!failed)
      std::filesystem::rename(fresh, directory / "data.mdb", failed);
    if (failed) // the old file is still there
      outcome = fail(ec::storage_failed, fresh.string() + ": " + failed.message());
    else if (auto synced = sync_directory(directory); !synced)
      is_poisoned_ = true; // which of the two files a power cut would leave is not known
  }
  if (auto code = create(directory); code != 0) {
    if (handle_ != nullptr)
      mdb_env_close(std::exchange(handle_, nullptr));
    is_poisoned_ = true;
    return fail(lmdb_error(code, name_));
  }
  auto opened = open_tables();
  return opened ? outcome : opened;
}

} // namespace corestore::storage
