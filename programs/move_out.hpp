// Writes cores of a store into directories that the JavaScript packages open: what `export --format` does.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "base/error.hpp"
#include "log/change_set.hpp"
#include "migration/core_writer.hpp"
#include "storage/backend.hpp"

namespace corestore::programs {

/// How it went with one core.
struct written_core {
  log::core_header header;
  std::uint64_t length = 0;
  std::filesystem::path place;
  migration::export_report report;
  std::optional<error> failure;
};

/// One core into a directory of its own. not_found, and what write_core() says.
result<written_core> write_core(storage::backend& store, const discovery_key& discovery,
                                const std::filesystem::path& directory, const migration::export_options& options);

/// Every core of a generation, below a directory laid out as that of corestore 5 or 6, with the primary key. What
/// becomes of each is told; one that cannot be written does not stop the others.
result<void> write_store(storage::backend& store, log::generation which, const std::filesystem::path& directory,
                         const migration::export_options& options,
                         const std::function<result<void>(const written_core&)>& visit);

} // namespace corestore::programs
