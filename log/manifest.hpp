// Who may sign a log: manifests v0 to v2, their encoding, and the key that they hash to.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"

namespace corestore::log {

struct signer {
  namespace_id name_space; ///< v0: what the signature is bound to; v1 on: only part of the hash
  public_key key;
  friend bool operator==(const signer&, const signer&) = default;
};

struct prologue {
  hash32 tree_hash;         ///< tree hash at `length`
  std::uint64_t length = 0; ///< blocks
  friend bool operator==(const prologue&, const prologue&) = default;
};

struct manifest {
  std::uint8_t version = 1;
  bool allow_patch = false;
  std::uint64_t quorum = 0;
  std::vector<signer> signers;
  std::optional<log::prologue> beginning;
  std::optional<std::vector<core_key>> linked; ///< version 2
  std::optional<bytes> user_data;              ///< version 2
  friend bool operator==(const manifest&, const manifest&) = default;
};

/// `{version, one ed25519 signer in the default namespace, quorum 1}`: what a plain core has.
manifest default_manifest(const public_key& key, std::uint8_t version = 1);

/// Decodes `encoded`, which may be followed by other bytes; `consumed` (if given) tells how many belong to it.
result<manifest> decode_manifest(byte_view encoded, std::size_t* consumed = nullptr);
bytes encode_manifest(const manifest& source);

/// Checks that a caller's manifest makes sense (quorum, prologue, version-bound fields).
result<void> validate(const manifest& source);

/// `H(MANIFEST || encoded)`
core_key key_of(byte_view encoded_manifest);

/// True when the key is the public key of the only signer: how keys worked before manifests.
bool is_compat(const core_key& key, const manifest& source);

/// Whether `encoded` belongs to `key`, by hash or as a compat core.
bool belongs_to(const core_key& key, byte_view encoded, const manifest& decoded);

} // namespace corestore::log
