// Byte ranges of RFC 9110, section 14: one range, `bytes` only.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/error.hpp"

namespace corestore::http {

struct byte_range {
  std::uint64_t start = 0;
  std::uint64_t end = 0; ///< exclusive

  friend bool operator==(const byte_range&, const byte_range&) = default;
};

/// What a `Range` header asks of `size` bytes. Nothing when the whole is to be sent: no header, another unit, or
/// several ranges (which a server may ignore). bad_argument for a malformed range and one that begins past the end:
/// status 416.
result<std::optional<byte_range>> parse_range(std::string_view header, std::uint64_t size);

} // namespace corestore::http
