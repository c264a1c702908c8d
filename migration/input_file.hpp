// A file of somebody else's: opened for reading only, every read bounded, nothing believed of its size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"

namespace corestore::migration {

class input_file {
public:
  /// Nothing when there is no such file. storage_failed: it is no regular file, or the system refused.
  static result<std::optional<input_file>> open(const std::filesystem::path& path);

  input_file(input_file&& other) noexcept;
  input_file& operator=(input_file&& other) noexcept;
  input_file(const input_file&) = delete;
  input_file& operator=(const input_file&) = delete;
  ~input_file();

  [[nodiscard]] std::uint64_t size() const {
    return size_;
  }
  /// What the file takes on the disk: less than its size when it has holes.
  [[nodiscard]] std::uint64_t allocated() const {
    return allocated_;
  }
  [[nodiscard]] const std::filesystem::path& path() const {
    return path_;
  }

  /// What there is of `[offset, offset + size)`.
  [[nodiscard]] result<bytes> read_some(std::uint64_t offset, std::size_t size) const;

  /// Exactly that many bytes. decoding_failed when the file ends before.
  [[nodiscard]] result<bytes> read(std::uint64_t offset, std::size_t size) const;

  /// The whole file. limit_exceeded when it is larger.
  [[nodiscard]] result<bytes> read_all(std::size_t bytes_max) const;

  /// store_held when another process has it locked, in one of the two ways of the JavaScript packages. The lock of ours
  /// is a shared one, and ends with this object.
  [[nodiscard]] result<void> lock_shared() const;

private:
  input_file() = default;

  int descriptor_ = -1;
  std::uint64_t size_ = 0;
  std::uint64_t allocated_ = 0;
  std::filesystem::path path_;
};

/// Reads small entries of a file through a few chunks that are kept.
class chunked_file {
public:
  explicit chunked_file(input_file file);

  [[nodiscard]] const input_file& file() const {
    return file_;
  }

  /// Bytes `[offset, offset + target.size())`, zeros where the file has ended.
  result<void> read(std::uint64_t offset, std::span<std::uint8_t> target) const;

private:
  struct chunk {
    std::uint64_t number = ~std::uint64_t{0};
    bytes content;
  };

  static constexpr std::size_t chunk_bytes = 32768;
  static constexpr std::size_t chunks_kept = 64;

  result<const bytes*> load(std::uint64_t number) const;

  input_file file_;
  mutable std::vector<chunk> chunks_;
};

} // namespace corestore::migration
