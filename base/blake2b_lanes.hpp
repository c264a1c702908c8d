// BLAKE2b-256 of many independent messages at a time. The function itself is serial, but eight messages fit side by
// side in the vector registers of a processor with AVX-512, four with AVX2; elsewhere libsodium takes them one after
// the other.
#pragma once

#include <cstddef>
#include <span>

#include "base/bytes.hpp"

namespace corestore::crypto {

/// A message: `head` followed by `body`.
struct two_parts {
  byte_view head;
  byte_view body;
};

/// The hash of each message; `target` is as long as `messages`. The same values as blake2b().
void blake2b_each(std::span<const two_parts> messages, std::span<hash32> target);

/// Messages that are hashed side by side here: 8, 4, or 1.
std::size_t blake2b_lanes();

} // namespace corestore::crypto
