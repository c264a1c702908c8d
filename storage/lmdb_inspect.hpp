// Looks at a data file before LMDB maps it.
#pragma once

#include <filesystem>

#include "base/error.hpp"

namespace corestore::storage {

/// not_found when `directory` holds no data file, storage_damaged when the file in it cannot be an LMDB environment or
/// ends before its last page (LMDB would let the process die of SIGBUS), storage_format for another LMDB format.
/// With `may_repair`, a file that lacks only pages which were never written is extended to its full size.
result<void> inspect_data_file(const std::filesystem::path& directory, bool may_repair);

} // namespace corestore::storage
