// The files of an environment: writing one durably, and who may look while one takes the place of another.
// Private to lmdb_*.cpp.
#pragma once

#include <filesystem>

#include <sys/file.h>

#include "base/error.hpp"

namespace corestore::storage {

/// storage_full or storage_failed with what the system said, and the path.
tl::unexpected<error> file_error(const std::filesystem::path& path);

/// A descriptor that is closed at the end of its scope.
class open_file {
public:
  explicit open_file(int descriptor) : descriptor_(descriptor) {
    // nop
  }
  open_file(const open_file&) = delete;
  open_file& operator=(const open_file&) = delete;
  ~open_file();

  /// A new file that nobody else may read, or one that takes the place of a leftover.
  static open_file create(const std::filesystem::path& path);

  [[nodiscard]] int descriptor() const {
    return descriptor_;
  }
  [[nodiscard]] bool is_open() const {
    return descriptor_ >= 0;
  }

private:
  int descriptor_;
};

/// Makes renames and new files in a directory durable.
result<void> sync_directory(const std::filesystem::path& path);

/// Data file and lock file of an environment belong together. Whoever opens both holds this shared, whoever replaces
/// both holds it alone. Where it cannot be had (a read-only file system), nobody replaces anything either.
class swap_guard {
public:
  swap_guard(const std::filesystem::path& directory, int operation);

private:
  open_file file_;
};

} // namespace corestore::storage
