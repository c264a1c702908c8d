// Protocol buffers, as far as generation 9 uses them: varints and byte strings, unknown fields skipped.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.hpp"

namespace corestore::replication::legacy {

struct field {
  std::uint64_t number = 0;
  bool is_bytes = false;
  std::uint64_t value = 0; ///< of a varint
  byte_view content;       ///< of a byte string
};

/// Reads the fields of one message. Groups, field number 0, integers above 2^53 - 1 and lengths past the end are
/// failures; fixed-width fields, which no message has, are skipped.
class field_reader {
public:
  explicit field_reader(byte_view source) : left_(source) {
    // nop
  }

  /// Nothing at the end, or after a failure.
  std::optional<field> next();

  [[nodiscard]] bool failed() const {
    return failed_;
  }

private:
  std::optional<std::uint64_t> read_integer();

  byte_view left_;
  bool failed_ = false;
};

void write_integer(bytes& target, std::uint64_t number, std::uint64_t value);
void write_bytes(bytes& target, std::uint64_t number, byte_view content);

} // namespace corestore::replication::legacy
