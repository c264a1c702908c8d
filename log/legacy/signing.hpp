// Generation 9: what is signed, and by whom. The signer is the core's key; there are no forks and no manifests.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "log/head.hpp"
#include "log/node.hpp"

namespace corestore::log::legacy {

using length_signable = std::array<std::uint8_t, hash32::size + 8>;

/// `tree hash || u64 length`
length_signable signable_of(const hash32& tree_hash, std::uint64_t length);

/// not_writable when `keys` is not the pair of `key`.
result<signature64> sign(const core_key& key, std::span<const node> roots, std::uint64_t length, const key_pair& keys);

/// Accepts also a signature over the bare tree hash, the form before the length was signed.
bool is_signed(const core_key& key, std::span<const node> roots, std::uint64_t length, byte_view signature);

/// invalid_signature unless the head carries a signature that holds.
result<void> verify_head(const core_key& key, const tree_head& head);

} // namespace corestore::log::legacy
