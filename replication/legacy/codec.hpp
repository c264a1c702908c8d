// Frames of generation 9: `varint(size of the rest) varint(channel * 16 + type) body`. A frame of size 0 is a
// keep-alive.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "replication/legacy/messages.hpp"

namespace corestore::replication::legacy {

/// Bytes of a frame's body.
inline constexpr std::size_t body_bytes_max = std::size_t{8} << 20U;

/// Channel numbers of a remote that are accepted.
inline constexpr std::uint64_t channel_max = (std::uint64_t{1} << 27U) - 1;

/// Appends one frame.
void encode(std::uint64_t channel, const any_message& source, bytes& target);
void encode(std::uint64_t channel, const message& source, bytes& target);

/// Nothing for a type that this generation does not use. decoding_failed for a body that does not follow its format.
result<std::optional<any_message>> decode(std::uint64_t type, byte_view body);

struct frame {
  std::uint64_t channel = 0;
  std::uint64_t type = 0;
  byte_view body;
};

/// Cuts decrypted bytes into frames; keeps what is incomplete, and grows only with what arrived.
class frame_reader {
public:
  /// Takes over what one read brought.
  void push(byte_view plain);

  /// The next frame, valid until the next push(); nothing when none is complete. Keep-alives are skipped.
  /// limit_exceeded for a body above body_bytes_max, protocol_violation for a malformed header.
  result<std::optional<frame>> next();

  [[nodiscard]] bool is_between_frames() const {
    return position_ == buffer_.size();
  }

private:
  bytes buffer_;
  std::size_t position_ = 0;
};

} // namespace corestore::replication::legacy
