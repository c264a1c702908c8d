// The exact bytes that get signed for a head.
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.hpp"

namespace corestore::log {

using tree_signable = std::array<std::uint8_t, 112>;
using compat_signable = std::array<std::uint8_t, 80>;
using legacy_signable = std::array<std::uint8_t, 48>;

/// `TREE || context || tree hash || u64 length || u64 fork`; the context is the core key (manifest v1 on) or the
/// namespace of the signer (v0).
tree_signable signable_of(byte_view context, const hash32& tree_hash, std::uint64_t length, std::uint64_t fork);

/// The same without a context: cores whose key is a public key.
compat_signable compat_signable_of(const hash32& tree_hash, std::uint64_t length, std::uint64_t fork);

/// The same without domain and context: compat cores opened in the oldest mode.
legacy_signable legacy_signable_of(const hash32& tree_hash, std::uint64_t length, std::uint64_t fork);

} // namespace corestore::log
