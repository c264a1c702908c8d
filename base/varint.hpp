// Unsigned LEB128, the integers of generation 9: seven bits per byte, lowest first, the high bit says that more follow.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"

namespace corestore::varint {

/// Bytes of the longest integer that is accepted: JavaScript numbers end at 53 bits.
inline constexpr std::size_t bytes_max = 8;

constexpr std::size_t size_of(std::uint64_t value) {
  std::size_t size = 1;
  for (; value > 0x7f; value >>= 7U)
    ++size;
  return size;
}

inline void append(bytes& target, std::uint64_t value) {
  for (; value > 0x7f; value >>= 7U)
    target.push_back(static_cast<std::uint8_t>(value | 0x80U));
  target.push_back(static_cast<std::uint8_t>(value));
}

/// Takes an integer off the front of `source`. Nothing, and `source` as it was, when it is not complete or longer than
/// bytes_max.
inline std::optional<std::uint64_t> read(byte_view& source) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < source.size() && i < bytes_max; ++i) {
    value |= (source[i] & std::uint64_t{0x7f}) << (7 * i);
    if ((source[i] & 0x80U) == 0) {
      source = source.subspan(i + 1);
      return value;
    }
  }
  return std::nullopt;
}

} // namespace corestore::varint
