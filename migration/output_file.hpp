// A new file for somebody else: never an existing one, readable by its owner alone, on the disk when it is closed.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/bytes.hpp"
#include "base/error.hpp"

namespace corestore::migration {

class output_file {
public:
  /// storage_failed when it exists, or the system refuses.
  static result<output_file> create(const std::filesystem::path& path);

  output_file(output_file&& other) noexcept;
  output_file& operator=(output_file&& other) noexcept;
  output_file(const output_file&) = delete;
  output_file& operator=(const output_file&) = delete;
  ~output_file();

  /// Anywhere; what is left out in between is a hole of zeros. storage_full, storage_failed.
  result<void> write(std::uint64_t offset, byte_view content);

  /// Makes the file that long.
  result<void> resize(std::uint64_t size);

  /// Writes what is buffered and syncs.
  result<void> finish();

private:
  output_file() = default;

  result<void> flush();
  result<void> put(std::uint64_t offset, byte_view content);

  int descriptor_ = -1;
  std::filesystem::path path_;
  std::uint64_t buffered_at_ = 0; ///< where `buffer_` belongs
  bytes buffer_;
};

/// Writes a whole file.
result<void> write_file(const std::filesystem::path& path, byte_view content);

/// A directory that is new or empty, mode 0700, with its parents. bad_argument when there is anything in it.
result<void> make_empty_directory(const std::filesystem::path& path);

} // namespace corestore::migration
