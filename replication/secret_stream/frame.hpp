// Framing of the secret stream, in both directions:
//   3 bytes  length of the body, little endian
//   n bytes  body
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/bytes.hpp"
#include "base/error.hpp"

namespace corestore::replication {

inline constexpr std::size_t frame_length_bytes = 3;

/// Writes the length in front of a body.
void put_frame_length(std::size_t body_bytes, std::span<std::uint8_t, frame_length_bytes> target);

/// Appends a whole frame.
void put_frame(byte_view body, bytes& target);

/// Cuts a byte stream of any fragmentation into bodies. A body that lies whole in the input is handed out where it is;
/// only one that spans several inputs is collected, in storage that grows with the bytes that really arrived.
class frame_reader {
public:
  /// The next body, valid until the next call; `input` shrinks to what follows it. Nothing when all of `input` was
  /// taken without completing one. limit_exceeded as soon as a length above `body_bytes_max` was read.
  result<std::optional<std::span<std::uint8_t>>> next(std::span<std::uint8_t>& input, std::size_t body_bytes_max);

  /// True between frames: the stream may end here.
  [[nodiscard]] bool is_between_frames() const {
    return length_have_ == 0 || body_done_;
  }

private:
  std::optional<std::span<std::uint8_t>> take_body(std::span<std::uint8_t>& input);

  std::array<std::uint8_t, frame_length_bytes> length_{};
  std::size_t length_have_ = 0; ///< bytes of `length_` that arrived
  std::size_t body_bytes_ = 0;
  bool body_done_ = false; ///< `partial_` was handed out and is over
  bytes partial_;
};

} // namespace corestore::replication
