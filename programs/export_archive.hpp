// A core as an archive in a file, from a store opened here or served by a node.
#pragma once

#include <string>

#include "programs/cli.hpp"

namespace corestore::programs {

/// Writes what is stored of the core to a new file. bad_argument when there is one, not_found for an empty core.
result<void> export_archive(const plan& all, const std::string& core, const std::string& path);

} // namespace corestore::programs
