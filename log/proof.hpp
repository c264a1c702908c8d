// What one peer asks another for, and what comes back: values only, see prove.hpp and verify.hpp for the mathematics.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "log/node.hpp"

namespace corestore::log {

struct block_request {
  std::uint64_t index = 0; ///< block index
  std::uint64_t nodes = 0; ///< levels to climb until a node that the requester has
  friend bool operator==(const block_request&, const block_request&) = default;
};

struct hash_request {
  std::uint64_t index = 0; ///< tree index
  std::uint64_t nodes = 0;
  friend bool operator==(const hash_request&, const hash_request&) = default;
};

struct seek_request {
  std::uint64_t bytes = 0;   ///< byte position in the payload
  std::uint64_t padding = 0; ///< bytes of every block that are not payload
  friend bool operator==(const seek_request&, const seek_request&) = default;
};

struct upgrade_request {
  std::uint64_t start = 0;  ///< length that the requester has
  std::uint64_t length = 0; ///< blocks that it wants to add
  friend bool operator==(const upgrade_request&, const upgrade_request&) = default;
};

struct proof_request {
  std::optional<block_request> block;
  std::optional<hash_request> hash;
  std::optional<seek_request> seek;
  std::optional<upgrade_request> upgrade;
  bool manifest = false;
  friend bool operator==(const proof_request&, const proof_request&) = default;
};

struct block_proof {
  std::uint64_t index = 0;
  shared_bytes value;
  std::vector<node> nodes; ///< siblings on the way up
  /// Leaf hash of `value` where fill_leaves() computed it here; never part of a message.
  std::optional<hash32> leaf = std::nullopt;
  friend bool operator==(const block_proof&, const block_proof&) = default;
};

struct hash_proof {
  std::uint64_t index = 0;
  std::vector<node> nodes; ///< the node itself, then siblings on the way up
  friend bool operator==(const hash_proof&, const hash_proof&) = default;
};

struct seek_proof {
  std::uint64_t bytes = 0;
  std::vector<node> nodes;
  friend bool operator==(const seek_proof&, const seek_proof&) = default;
};

struct upgrade_proof {
  std::uint64_t start = 0;
  std::uint64_t length = 0;
  std::vector<node> nodes;
  std::vector<node> additional_nodes; ///< from `start + length` up to the sender's length
  bytes signature;                    ///< as stored by the sender; empty for a tree that is exactly its prologue
  friend bool operator==(const upgrade_proof&, const upgrade_proof&) = default;
};

struct proof {
  std::uint64_t fork = 0;
  std::optional<block_proof> block;
  std::optional<hash_proof> hash;
  std::optional<seek_proof> seek;
  std::optional<upgrade_proof> upgrade;
  std::optional<bytes> manifest; ///< encoded, exactly as received
  friend bool operator==(const proof&, const proof&) = default;
};

} // namespace corestore::log
