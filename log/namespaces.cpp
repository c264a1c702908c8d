#include "log/namespaces.hpp"

#include "base/crypto.hpp"
#include "log/hashes.hpp"
#include "log/legacy/keys.hpp"
#include "log/manifest.hpp"

namespace corestore::log {

namespace_id child_namespace(const namespace_id& parent, byte_view name) {
  return {crypto::blake2b({parent.view(), name}).data};
}

key_seed seed_of(const primary_key& primary, const namespace_id& name_space, std::string_view name) {
  return {crypto::blake2b_keyed(primary.view(), {derivation_domain().view(), name_space.view(), as_bytes(name)}).data};
}

key_pair derive_key_pair(const primary_key& primary, const namespace_id& name_space, std::string_view name) {
  auto seed = seed_of(primary, name_space, name);
  auto pair = crypto::ed25519_key_pair(seed);
  crypto::wipe(seed.data);
  return pair;
}

key_pair derive_key_pair(const primary_key& primary, const core_header& header) {
  if (header.generation == generation::g9)
    return legacy::derive_key_pair(primary, header.name);
  return derive_key_pair(primary, header.name_space, header.name);
}

core_identity identity_of(const public_key& signer, std::uint8_t manifest_version) {
  core_identity identity;
  identity.manifest = encode_manifest(default_manifest(signer, manifest_version));
  identity.key = key_of(identity.manifest);
  identity.discovery = discovery_key_of(identity.key);
  return identity;
}

} // namespace corestore::log
