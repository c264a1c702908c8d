// Writes a core into a directory that the JavaScript packages open: verified on the way, like everything that comes in.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "migration/core_source.hpp"

namespace corestore::migration {

struct export_options {
  /// The root secret lies beside the core, and derives its key pair from its name: the name is written instead of the
  /// secret key (generation 9), or with it.
  bool has_root_secret = false;
  std::function<bool()> is_ending;                                         ///< the user wishes the end
  std::function<void(std::uint64_t blocks, std::uint64_t bytes)> progress; ///< of this core so far
};

struct export_report {
  std::uint64_t blocks = 0;
  std::uint64_t bytes = 0;
  std::uint64_t damaged = 0;
  std::vector<std::string> faults; ///< what was left out, and why; at most transfer_report::faults_max
};

/// Into `directory`, which is made and must be empty: a core of hypercore 9 or 10, according to its generation. The
/// file that makes it a core comes last, so that half of one is none. unsupported: the manifest is newer than hypercore
/// 10; bad_argument: the directory is not empty; cancelled, storage_full, storage_failed.
result<export_report> write_core(const core_source& source, const std::filesystem::path& directory,
                                 const export_options& options);

/// `AA/BB/DISCOVERY-KEY`, where a store keeps the core.
std::filesystem::path place_of(const discovery_key& discovery);

} // namespace corestore::migration
