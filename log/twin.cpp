#include "log/twin.hpp"

#include "base/crypto.hpp"
#include "log/hashes.hpp"
#include "log/manifest.hpp"

namespace corestore::log {

discovery_key twin_id(const discovery_key& discovery) {
  discovery_key id;
  id.data = crypto::blake2b_keyed(discovery.view(), {as_bytes("corestore/twin")}).data;
  return id;
}

core_header twin_of(const core_header& first, const key_pair& keys) {
  core_header twin;
  twin.key = first.key;
  twin.discovery = twin_id(discovery_key_of(first.key));
  twin.origin = key_origin::foreign;
  twin.pair = keys;
  twin.generation = first.generation == generation::g9 ? generation::g10 : generation::g9;
  if (twin.generation == generation::g10)
    twin.manifest = encode_manifest(default_manifest(keys.public_part, 0));
  return twin;
}

bool may_have_twin(const core_header& header) {
  if (header.generation == generation::g9)
    return true;
  auto manifest = decode_manifest(header.manifest);
  return manifest && is_compat(header.key, *manifest);
}

} // namespace corestore::log
