// Exclusive ownership of a store directory, across processes and within this one.
#pragma once

#include <filesystem>
#include <memory>

#include "base/error.hpp"

namespace corestore::storage {

/// Held until destroyed. The kernel releases the lock of a process that dies; what its lock file says then counts for
/// nothing.
class directory_lock {
public:
  enum class kind : std::uint8_t {
    owner, ///< flock on `owner.lock`, which carries the pid, and the entry in the registry
    reader ///< the entry in the registry only: LMDB must not be opened twice by one process
  };

  /// store_held with the holder's pid in the detail: `./data is held by process 123`; storage_failed.
  static result<directory_lock> acquire(const std::filesystem::path& directory, kind wanted);

  directory_lock(directory_lock&& other) noexcept;
  directory_lock& operator=(directory_lock&& other) noexcept;
  directory_lock(const directory_lock&) = delete;
  directory_lock& operator=(const directory_lock&) = delete;
  ~directory_lock();

private:
  struct entry;
  explicit directory_lock(std::unique_ptr<entry> held);
  std::unique_ptr<entry> held_;
};

} // namespace corestore::storage
