// Generation 9: how a store turns its master key into the key pairs of its cores. One flat name space: namespaces are
// names joined by colons, and the key of a core is its public key.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "log/namespaces.hpp"

namespace corestore::log::legacy {

/// Name of the default core of a store that was given no name.
inline constexpr std::string_view default_name = "default";

/// `Hk(master key; "9\ncorestore" || name)`; a name may be any bytes.
key_seed seed_of(const primary_key& master, std::string_view name);

key_pair derive_key_pair(const primary_key& master, std::string_view name);

/// The key is the public key; there is no manifest.
core_identity identity_of(const public_key& signer);

/// The alias space of the names of this generation in a store.
const namespace_id& alias_space();

/// Name of the default core behind a chain of namespaces, outermost first: `a:b`, or `default` for an empty chain.
std::string name_of_default(std::span<const std::string> chain);

} // namespace corestore::log::legacy
