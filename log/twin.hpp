// A core that is published in both generations is two logs of one store, with the same blocks, key and key pair. They
// share a discovery key too: the one that came second is kept under an id of its own.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"
#include "log/change_set.hpp"

namespace corestore::log {

/// What a caller names as the generation of a core to have it in both.
inline constexpr std::uint8_t both_generations = 19;

/// Where a store keeps the second of the two logs; peers know both by the discovery key itself.
discovery_key twin_id(const discovery_key& discovery);

/// Header of the log of the other generation, without a number, for a core whose pair is `keys`. It is stored with the
/// pair: in generation 10 the name would derive another one.
core_header twin_of(const core_header& first, const key_pair& keys);

/// Whether the core's key is the public key of its only signer, as both generations need it.
bool may_have_twin(const core_header& header);

} // namespace corestore::log
