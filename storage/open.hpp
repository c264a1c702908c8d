// Opens the store in a directory.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>

#include "storage/backend.hpp"
#include "storage/fault_hook.hpp"
#include "storage/groups.hpp"

namespace corestore::storage {

/// How large the journal may grow before the oldest entries are folded out of it: a hundred appends of 1 KiB of each of
/// a thousand cores. The more of a core is folded at a time, the fewer pages are written for each append.
struct journal_limits {
  std::size_t entries_max = 131072; ///< 0: nothing is journalled
  std::size_t bytes_max = std::size_t{128} << 20U;
};

struct open_options {
  std::optional<primary_key> primary; ///< for a new store; an existing one must have the same
  storage::durability durability = durability::commit;
  bool is_read_only = false;                             ///< no lock is taken; works beside the owner
  bool may_create = true;                                ///< otherwise a missing store is not_found
  bool may_open_copy = false;                            ///< otherwise a backup is opened read-only, or not at all
  std::uint64_t map_bytes = std::uint64_t{1} << 40U;     ///< address space taken at first; grows up to the next
  std::uint64_t map_bytes_max = std::uint64_t{1} << 40U; ///< the quota: beyond it a group is storage_full
  std::uint64_t quota_bytes = 0;    ///< of the pages in use: past it what brings data is storage_full; 0 = none
  std::uint32_t readers_max = 1024; ///< snapshots at once, over all processes
  std::chrono::milliseconds growth_wait{5000}; ///< how long growing waits for the snapshots of this process to end
  journal_limits journal;
  std::shared_ptr<fault_hook> faults; ///< tests only
  position_clock clock;               ///< tests only
};

/// Errors: not_found (nothing there, read-only or not to be created), store_held (with the holder's pid), key_mismatch,
/// storage_format (another format number, or an LMDB environment of somebody else), storage_damaged (not a store, or a
/// truncated one), storage_failed (the system refused), read_only (a backup, which only restore_store() brings back to
/// life). Every detail names the path.
result<std::unique_ptr<backend>> open_store(const std::filesystem::path& path, const open_options& options = {});

} // namespace corestore::storage
