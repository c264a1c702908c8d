// Builds proofs from a stored log.
#pragma once

#include <cstdint>

#include "base/error.hpp"
#include "log/change_set.hpp"
#include "log/head.hpp"
#include "log/manifest.hpp"
#include "log/node.hpp"
#include "log/proof.hpp"

namespace corestore::log {

/// Answers `request` from the log with `head` (spec 4.6, byte-exact). Neither the block value nor the encoded manifest
/// is filled in: the caller has them. `known` is the manifest or null (it matters for prologues). Errors:
/// invalid_operation when the request cannot be answered by anybody, not_found when a node is missing here.
result<proof> build_proof(const tree_head& head, const manifest* known, const node_source& source,
                          const proof_request& request);

/// `nodes` of a block or hash request for `index` (tree index): levels to climb to a node that is stored (spec 4.5).
result<std::uint64_t> missing_nodes(const tree_head& head, const node_source& source, std::uint64_t index);

/// Whether every full root of `length` is stored, so that a peer of that length can be upgraded (wire 5.3.1).
result<bool> has_roots_of(const tree_head& head, const node_source& source, std::uint64_t length);

struct seek_result {
  bool is_found = false;
  std::uint64_t index = 0;  ///< block, when found
  std::uint64_t offset = 0; ///< byte in that block, when found
  block_range candidates;   ///< when not found: the blocks among which the answer is
};

/// Local seek (spec 4.4). `candidates` starts at or past the length when the position lies beyond the end.
result<seek_result> seek(const tree_head& head, const node_source& source, std::uint64_t byte_position,
                         std::uint64_t padding = 0);

/// Byte offset of a block; `index` may equal the length.
result<std::optional<std::uint64_t>> byte_offset(const tree_head& head, const node_source& source, std::uint64_t index);

} // namespace corestore::log
