// What lies in a directory: which implementation wrote it, its root secret, and where its cores are.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "migration/core_source.hpp"

namespace corestore::migration {

enum class layout : std::uint8_t {
  unknown,
  corestore_5,  ///< master_key, AA/BB/DISCOVERY-KEY/ with cores of hypercore 9
  hypercore_9,  ///< one such core
  corestore_6,  ///< primary-key, cores/AA/BB/DISCOVERY-KEY/ with cores of hypercore 10
  hypercore_10, ///< one such core
  corestore_7,  ///< RocksDB: only the JavaScript package reads it
  native        ///< a store of ours
};

/// `corestore 5`, for people.
std::string_view describe(layout kind);

struct survey {
  layout kind = layout::unknown;
  std::filesystem::path root;
  std::optional<primary_key> secret;        ///< master key or primary key
  std::vector<std::filesystem::path> cores; ///< in byte order
  std::vector<std::string> complaints;      ///< directories that should hold a core and do not
};

/// Looks at names and sizes. not_found when `path` is no directory; limit_exceeded above a million cores;
/// storage_failed. A directory that is of no known kind is no error.
result<survey> look_at(const std::filesystem::path& path);

/// Opens one of `found.cores`. `secret` is used where the directory has no root secret of its own.
result<std::unique_ptr<core_source>> open_core(const survey& found, const std::filesystem::path& core,
                                               const std::optional<primary_key>& secret);

} // namespace corestore::migration
