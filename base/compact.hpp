// Compact encoding (npm compact-encoding 3.5): the primitives of every record and message of generation 10.
// Integers are little endian; `uint` is 1, 3, 5 or 9 bytes, always written in its shortest form.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/error.hpp"

namespace corestore::compact {

/// Bytes that `uint` takes for `value`.
constexpr std::size_t uint_size(std::uint64_t value) {
  if (value <= 0xfc)
    return 1;
  if (value <= 0xffff)
    return 3;
  return value <= 0xffffffff ? 5 : 9;
}

/// Appends to a byte vector; cannot fail.
class writer {
public:
  explicit writer(bytes& target) : target_(target) {
    // nop
  }

  void uint(std::uint64_t value);
  void byte(std::uint8_t value);
  void uint32(std::uint32_t value); ///< fixed 4 bytes
  void uint64(std::uint64_t value); ///< fixed 8 bytes
  void raw(byte_view view);         ///< no length
  void buffer(byte_view view);      ///< uint length, then the bytes
  void string(std::string_view text);

private:
  bytes& target_;
};

/// Reads from a view. The first failure sticks: every later read returns a zero value, and `failed()` says so.
/// Nothing is ever read past the end, and no length is trusted before it was compared with what is left.
class reader {
public:
  explicit reader(byte_view source) : source_(source) {
    // nop
  }

  std::uint64_t uint(); ///< longer forms than needed are accepted; above 2^53 - 1 is a failure
  std::uint8_t byte();
  std::uint32_t uint32();
  std::uint64_t uint64();
  byte_view raw(std::size_t size);
  byte_view rest();
  byte_view buffer();
  std::string_view string();

  template <std::size_t Size, class Tag>
  void fixed(fixed_bytes<Size, Tag>& target) {
    auto view = raw(Size);
    if (!failed_)
      std::copy(view.begin(), view.end(), target.data.begin());
  }

  /// Element count of an array whose elements take at least `element_bytes_min` bytes: fails when they cannot all be
  /// there, or above limits::array_elements_max, so that the caller may reserve.
  std::size_t array(std::size_t element_bytes_min);

  void fail_now() {
    failed_ = true;
  }
  [[nodiscard]] bool failed() const {
    return failed_;
  }
  [[nodiscard]] std::size_t position() const {
    return position_;
  }
  [[nodiscard]] std::size_t left() const {
    return source_.size() - position_;
  }

  /// decoding_failed with `what` when a read failed.
  [[nodiscard]] result<void> finish(std::string_view what) const;

private:
  byte_view source_;
  std::size_t position_ = 0;
  bool failed_ = false;
};

} // namespace corestore::compact
