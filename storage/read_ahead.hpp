// What the system is told about the order in which a map is read. A store is opened without the system's own reading
// ahead, which fetches megabytes around every page that a random read misses; so whoever reads in order says so here.
// Nothing of this changes what is read, and the system may ignore all of it.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/bytes.hpp"

namespace corestore::storage {

/// Follows the reads of one snapshot. Only for the thread that reads.
class read_ahead {
public:
  /// Bytes that are asked for beyond a value that is read in order.
  static constexpr std::size_t window_bytes = std::size_t{1} << 20U;

  /// Values of this size and more are asked for as a whole before somebody walks through their pages.
  static constexpr std::size_t large_bytes = std::size_t{16} << 10U;

  /// `value` is where block `index` of core `number` is in the map, and nobody looked at it yet. Returns what the
  /// system was asked for, rounded to pages; empty when nothing.
  byte_view note(std::uint32_t number, std::uint64_t index, byte_view value);

private:
  std::uint32_t number_ = 0;
  std::uint64_t next_ = 0; ///< 0 = nothing was read yet
  std::uintptr_t asked_from_ = 0;
  std::uintptr_t asked_until_ = 0;
};

/// While it lives, the system reads ahead in every map of a file that this process has: for walks over the whole file
/// that LMDB does by itself. The first of two at a time that ends, ends it for both; that costs time only.
class sequential_reading {
public:
  explicit sequential_reading(const std::filesystem::path& file);
  sequential_reading(const sequential_reading&) = delete;
  sequential_reading& operator=(const sequential_reading&) = delete;
  ~sequential_reading();

  /// Maps that were found.
  [[nodiscard]] std::size_t maps() const {
    return maps_;
  }

private:
  std::filesystem::path file_;
  std::size_t maps_;
};

} // namespace corestore::storage
