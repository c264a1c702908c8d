// Bytes of the ten messages of a hypercore/alpha channel, without the type that precedes them.
// docs/wire_current.md lists the fields; compact.hpp describes the primitives.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "replication/wire/messages.hpp"

namespace corestore::replication::wire {

/// Types from here on belong to nobody; a receiver skips them.
inline constexpr std::uint64_t message_types = std::variant_size_v<message>;

/// The type that goes before the payload.
inline std::uint64_t type_of(const message& source) {
  return source.index();
}

/// Bytes that encode() appends.
std::size_t encoded_size(const message& source);

/// Appends the payload in its shortest form. The value of a data message is copied once, straight into `target`.
void encode(const message& source, bytes& target);

/// Reads a payload; bytes after the last known field are ignored. decoding_failed when it is truncated, when a count
/// cannot be true for its length, when an integer is above 2^53 - 1, when a manifest is malformed, or when `type` is
/// not below message_types. The value of a data message is copied once; nothing of the result points into `payload`.
result<message> decode(std::uint64_t type, byte_view payload);

/// The same into a message that exists already; `target` is unspecified after an error.
result<void> decode(std::uint64_t type, byte_view payload, message& target);

/// What travels in the Open of a hypercore/alpha channel.
struct handshake {
  bool seeks = false; ///< the sender understands seek requests
  hash32 capability;  ///< proves that the sender knows the core key
  friend bool operator==(const handshake&, const handshake&) = default;
};

inline constexpr std::size_t handshake_bytes = 33;

void encode(const handshake& source, bytes& target);
result<handshake> decode_handshake(byte_view payload);

} // namespace corestore::replication::wire
