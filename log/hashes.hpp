// Hashes of the tree and of keys (spec: BLAKE2b-256, types 0 leaf, 1 parent, 2 roots).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/bytes.hpp"
#include "log/generation.hpp"
#include "log/node.hpp"

namespace corestore::log {

/// Domain constant: `H(H(name) || index)`.
hash32 domain_constant(std::string_view name, std::uint8_t index);

const hash32& tree_domain();             ///< bound into every signature
const hash32& manifest_domain();         ///< bound into every key
const namespace_id& default_namespace(); ///< of a signer when none is given
const hash32& encryption_domain();       ///< bound into every block encryption key
const hash32& derivation_domain();       ///< bound into every derived seed
const hash32& initiator_domain();        ///< bound into the capability of a stream's initiator
const hash32& responder_domain();        ///< bound into the capability of a stream's responder

/// `H(0 || u64 size || data)`
hash32 leaf_hash(byte_view data, generation which = generation::g10);
node leaf_node(std::uint64_t block, byte_view data, generation which = generation::g10);

/// The parent of two siblings, given in any order: `H(1 || u64 (left size + right size) || left hash || right hash)`
node parent_node(const node& one, const node& other, generation which = generation::g10);

/// `H(2 || for each root: hash || u64 index || u64 size)`
hash32 tree_hash(std::span<const node> roots, generation which = generation::g10);

discovery_key discovery_key_of(const core_key& key);

/// Proof of knowing a core key, bound to one connection by its 64-byte handshake hash; `is_initiator` is about the
/// sender of the proof.
hash32 capability(byte_view handshake_hash, const core_key& key, bool is_initiator);

} // namespace corestore::log
