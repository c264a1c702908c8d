#include "log/legacy/keys.hpp"

#include "base/crypto.hpp"
#include "log/hashes.hpp"

namespace corestore::log::legacy {

key_seed seed_of(const primary_key& master, std::string_view name) {
  constexpr std::string_view domain = "9\ncorestore"; // its length in decimal, a line feed, and the word
  key_seed seed;
  seed.data = crypto::blake2b_keyed(master.view(), {as_bytes(domain), as_bytes(name)}).data;
  return seed;
}

key_pair derive_key_pair(const primary_key& master, std::string_view name) {
  return crypto::ed25519_key_pair(seed_of(master, name));
}

core_identity identity_of(const public_key& signer) {
  core_identity identity;
  identity.key.data = signer.data;
  identity.discovery = discovery_key_of(identity.key);
  return identity;
}

const namespace_id& alias_space() {
  static const auto space = child_namespace(namespace_id{}, as_bytes("corestore/generation-9"));
  return space;
}

std::string name_of_default(std::span<const std::string> chain) {
  if (chain.empty())
    return std::string{default_name};
  std::string name = chain.front();
  for (const auto& inner : chain.subspan(1))
    name.append(":").append(inner);
  return name;
}

} // namespace corestore::log::legacy
