// Two signed histories of one log as one value that anybody can check without having the log.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "log/proof.hpp"

namespace corestore::replication {

/// Layout: version 1, 32 bytes of key, the encoded manifest as a buffer, then both full upgrade proofs as data messages
/// (docs/wire_current.md), each as a buffer.
struct conflict_proof {
  core_key key;
  bytes manifest; ///< encoded
  log::proof first;
  log::proof second;
  friend bool operator==(const conflict_proof&, const conflict_proof&) = default;
};

bytes encode(const conflict_proof& source);
result<conflict_proof> decode_conflict(byte_view value);

struct conflict_facts {
  std::uint64_t fork = 0;
  std::uint64_t length = 0; ///< length for which both histories are signed
  hash32 first_tree;        ///< tree hashes at that length
  hash32 second_tree;
};

/// Checks the evidence from nothing but itself: both heads are signed for the key, of one fork and length, and differ.
/// Errors: invalid_proof when they do not contradict each other, or what verifying one of them said.
result<conflict_facts> verify(const conflict_proof& source);

} // namespace corestore::replication
