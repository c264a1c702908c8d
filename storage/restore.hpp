// A store made from a backup. What the lost store signed after the backup is not in it: signing something else in its
// place would be a fork for ever. So every writable core comes back fenced at the head that it has, and cores that are
// created later begin fenced, until somebody has shown that there is nothing more, or says so.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/error.hpp"

namespace corestore::storage {

struct restored_store {
  std::uint64_t cores = 0;
  std::uint64_t fenced = 0;
  std::uint64_t bytes = 0; ///< of the new database
};

/// Makes a store at `to`, where there is nothing or an empty directory, of the backup `from`, or of the copy of the
/// folder of a store that was stopped. `is_forced` leaves the fences out. All or nothing. The errors of open_store()
/// for `from`; store_held when that is a store at work; bad_argument, storage_failed and storage_full for `to`.
result<restored_store> restore_store(const std::filesystem::path& from, const std::filesystem::path& to,
                                     bool is_forced);

} // namespace corestore::storage
