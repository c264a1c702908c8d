// Signatures of heads: one signer, or a quorum of several that may have signed different lengths.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "log/head.hpp"
#include "log/manifest.hpp"
#include "log/node.hpp"

namespace corestore::log {

/// One signer's part of a multi-signature.
struct signature_part {
  std::uint64_t signer = 0; ///< position in the manifest
  signature64 signature;
  std::uint64_t patch = 0; ///< blocks by which the tree that was signed is longer
  friend bool operator==(const signature_part&, const signature_part&) = default;
};

struct multi_signature {
  std::vector<signature_part> parts;
  std::vector<node> nodes; ///< pool for all patches
  friend bool operator==(const multi_signature&, const multi_signature&) = default;
};

/// `manifest_version` 0 has a form of its own. Trailing bytes are ignored.
result<multi_signature> decode_multi_signature(byte_view encoded, std::uint8_t manifest_version);

/// Version 0 needs the length that was signed first (`length`) to name the nodes of each patch.
bytes encode_multi_signature(const multi_signature& source, std::uint8_t manifest_version, std::uint64_t length);

/// What one signer contributes: its signature over a tree of `length + patch` blocks and the nodes that lead there.
struct contribution {
  signature_part part;
  std::vector<node> nodes; ///< needed_nodes(length, length + patch)
};

/// Pools the nodes of all contributions, once each, in the order first seen.
multi_signature assemble(std::span<const contribution> contributions);

/// The longest length that `quorum` of the signers signed or passed (with patches); 0 when there are not enough.
std::uint64_t signable_length(std::vector<std::uint64_t> lengths, std::uint64_t quorum);

/// Whether the signature (or prologue) of `head` holds under the manifest, spec 2.8. `encoded` is the manifest as
/// received: its hash is what v1 and v2 signatures are bound to.
bool is_signed(const core_key& key, const manifest& decoded, byte_view encoded, const tree_head& head);

/// Signs `head` with `keys` and returns what belongs into tree_head::signature. A manifest with several signers
/// gets the bare 64 bytes: raw material for assemble(). `not_writable` when `keys` is not among the signers.
result<bytes> sign(const core_key& key, const manifest& decoded, byte_view encoded, const tree_head& head,
                   const key_pair& keys);

} // namespace corestore::log
