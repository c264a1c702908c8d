// The LMDB environment of one store: opening with all checks, the map, pooled readers, and the sync that poisons.
// Private to lmdb_*.cpp.
#pragma once

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "storage/lmdb_txn.hpp"
#include "storage/open.hpp"

namespace corestore::storage {

/// LMDB reports a write that the system cut short, as it does on a full disk, as an input/output error: says what it
/// is when the disk has next to nothing left. The environment stays poisoned either way, because a failed sync looks
/// the same.
error explain_full_disk(int code, std::uint64_t free_bytes, error plain);

class lmdb_env {
public:
  static result<std::unique_ptr<lmdb_env>> open(const std::filesystem::path& path, const open_options& options);
  lmdb_env(const lmdb_env&) = delete;
  lmdb_env& operator=(const lmdb_env&) = delete;
  ~lmdb_env(); ///< every reader has to be gone

  [[nodiscard]] const std::string& name() const {
    return name_;
  }
  [[nodiscard]] fault_hook* faults() const {
    return options_.faults.get();
  }

  /// Only for the writer, on its own thread. storage_poisoned after a failed commit or sync.
  result<std::unique_ptr<lmdb_txn>> begin_write();

  /// storage_full when the disk or the map is full: nothing was written, and the next one may succeed. Any other
  /// failure poisons, because nobody knows what reached the disk.
  result<void> commit(std::unique_ptr<lmdb_txn> txn);
  result<void> sync();

  /// Doubles the map when the last write transaction found it full, once no snapshot of this process is open: LMDB
  /// moves it, and nothing may look at it meanwhile. False when that was not the cause, when the map has its full size,
  /// or when the snapshots did not end in time.
  bool grow();

  /// Writes a consistent copy of everything committed to a file that is open for writing, and syncs it. From any
  /// thread.
  result<void> copy(int descriptor, bool is_compact);

  /// Puts a copy without free pages in the place of the data file, once no snapshot of this process is open. Only for
  /// the writer. timed_out when they did not end in time; without effect then.
  /// `swapped` is called before anybody reads again: transactions are numbered anew from there.
  result<void> compact(const std::function<void()>& swapped);

  /// A pooled read transaction; goes back with `give_back`. From any thread.
  result<std::unique_ptr<lmdb_txn>> begin_read();
  void give_back(std::unique_ptr<lmdb_txn> txn);

  /// The transaction of the oldest snapshot of this process; without one, `otherwise`.
  [[nodiscard]] std::uint64_t oldest_reader(std::uint64_t otherwise);

  struct usage {
    std::uint64_t used_bytes = 0;
    std::uint64_t file_bytes = 0;
    std::uint64_t syncs = 0;
    std::uint32_t readers = 0;
    std::uint64_t free_bytes = 0;
    std::uint64_t oldest_reader_lag = 0;
  };
  usage measure();

private:
  lmdb_env(std::string name, open_options options);
  /// Waits until nobody reads and keeps it so until the lock is given back with resume().
  [[nodiscard]] bool pause(std::unique_lock<std::mutex>& lock);
  void resume();
  result<void> swap_in(const std::filesystem::path& fresh);
  int create(const std::filesystem::path& path);
  result<void> open_tables();
  int adopt_map_size();

  std::string name_; ///< of the directory, for error texts
  open_options options_;
  MDB_env* handle_ = nullptr;
  lmdb_tables tables_{};
  bool is_poisoned_ = false;
  bool has_unsynced_ = false;
  int failure_ = 0; ///< code that ended the last write transaction
  std::atomic<std::uint64_t> syncs_ = 0;

  // Readers and the map: nobody reads while it grows.
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::unique_ptr<lmdb_txn>> pool_;
  std::uint32_t readers_ = 0;
  std::map<std::uint64_t, std::uint32_t> readers_at_; ///< by transaction
  bool is_growing_ = false;
};

} // namespace corestore::storage
