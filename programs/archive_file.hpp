// Archives on disk: frames with their lengths (log/archive.hpp says what is in them).
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/error.hpp"

namespace corestore::programs {

struct file_closer {
  void operator()(std::FILE* file) const {
    std::fclose(file); // a written file was flushed and synced before
  }
};
using file_handle = std::unique_ptr<std::FILE, file_closer>;

/// Whether a file begins as archives do.
bool is_archive(const std::filesystem::path& path);

/// Writes under another name, and takes the right one when it is complete.
class archive_writer {
public:
  /// bad_argument when there is something already.
  static result<archive_writer> create(const std::filesystem::path& path);

  archive_writer(archive_writer&&) = default;
  archive_writer& operator=(archive_writer&&) = delete;
  archive_writer(const archive_writer&) = delete;
  archive_writer& operator=(const archive_writer&) = delete;
  ~archive_writer(); ///< removes what was not finished

  /// storage_full, storage_failed
  result<void> put(byte_view payload);
  /// Bytes of the file, which is on disk then.
  result<std::uint64_t> finish();

private:
  archive_writer(file_handle file, std::filesystem::path path, std::filesystem::path partial);

  file_handle file_;
  std::filesystem::path path_;
  std::filesystem::path partial_;
  std::uint64_t bytes_ = 0;
};

class archive_reader {
public:
  /// not_found, decoding_failed when it is no archive.
  static result<archive_reader> open(const std::filesystem::path& path);

  /// The payload of the next frame; nothing at the end of the file. decoding_failed for a frame that is cut short or
  /// too long.
  result<std::optional<bytes>> next();

  /// To the first frame.
  void rewind();

  /// Bytes of the file that were read, and all of them.
  [[nodiscard]] std::uint64_t position() const;
  [[nodiscard]] std::uint64_t size() const {
    return size_;
  }

private:
  archive_reader(file_handle file, std::string name, std::uint64_t size);

  file_handle file_;
  std::string name_;
  std::uint64_t size_;
};

} // namespace corestore::programs
