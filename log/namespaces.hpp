// How a store turns one primary key into the key pairs of any number of named cores.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.hpp"
#include "log/change_set.hpp"

namespace corestore::log {

/// `H(parent || name)`; the root namespace is 32 zero bytes. A name may be any bytes.
namespace_id child_namespace(const namespace_id& parent, byte_view name);

/// `Hk(primary key; NS || name space || name)`
key_seed seed_of(const primary_key& primary, const namespace_id& name_space, std::string_view name);

key_pair derive_key_pair(const primary_key& primary, const namespace_id& name_space, std::string_view name);

/// The pair of a core whose header says that it is derived, in either generation.
key_pair derive_key_pair(const primary_key& primary, const core_header& header);

/// What a plain core of one key pair is called.
struct core_identity {
  bytes manifest; ///< encoded default manifest
  core_key key;
  discovery_key discovery;
};

core_identity identity_of(const public_key& signer, std::uint8_t manifest_version = 1);

} // namespace corestore::log
