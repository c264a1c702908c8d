// An archive of one core that becomes a core of the store, opened here or served by a node.
#pragma once

#include <filesystem>

#include "programs/cli.hpp"

namespace corestore::programs {

/// With `is_plan` only tells what the archive holds. Every block is verified before it is stored; what was taken over
/// stays when the rest fails, and the same import again goes on from there.
result<void> import_archive(const plan& all, const std::filesystem::path& path, bool is_plan);

} // namespace corestore::programs
