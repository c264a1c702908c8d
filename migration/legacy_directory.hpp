// Reads a core of hypercore 9 (corestore 5) from its directory.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "migration/core_source.hpp"

namespace corestore::migration::legacy {

/// Whether a file `key` of 32 bytes is there.
bool is_core_directory(const std::filesystem::path& directory);

/// Reads what there is. `master` derives the key pairs of named cores. Errors: not_found (no key: no core), store_held
/// (another process has it open), storage_failed. Everything else that is wrong is a complaint, and as much of the core
/// as can still be verified is offered.
result<std::unique_ptr<core_source>> open_directory(const std::filesystem::path& directory,
                                                    const std::optional<primary_key>& master);

} // namespace corestore::migration::legacy
