#include "migration/key_material.hpp"

#include <algorithm>

#include "base/crypto.hpp"
#include "base/limits.hpp"
#include "base/text.hpp"
#include "log/namespaces.hpp"

namespace corestore::migration {

std::optional<key_pair> pair_of(const public_key& signer, byte_view secret) {
  auto key = secret_key::from(secret);
  if (!key)
    return std::nullopt;
  key_seed seed; // an Ed25519 secret key is its seed, followed by the public key
  std::copy_n(key->data.begin(), seed.data.size(), seed.data.begin());
  auto pair = crypto::ed25519_key_pair(seed);
  if (pair.public_part != signer || pair.secret_part != *key)
    return std::nullopt;
  return pair;
}

void own(core_facts& facts, const key_pair& pair) {
  facts.header.origin = log::key_origin::foreign;
  facts.header.pair = pair;
}

void own(core_facts& facts, const key_pair& pair, const namespace_id& name_space, const std::string& name) {
  own(facts, pair);
  if (!is_text(name))
    return; // a core without a name has 32 random bytes in its place
  if (name.size() > limits::name_bytes_max) {
    facts.complaints.push_back("a name of " + std::to_string(name.size()) + " bytes is too long, and is dropped");
    return;
  }
  facts.alias = log::core_alias{name_space, name};
}

log::core_header adopted(const core_facts& facts, const primary_key& root) {
  auto header = facts.header;
  if (header.origin != log::key_origin::foreign || !facts.alias)
    return header;
  header.origin = log::key_origin::derived;
  header.name_space = facts.alias->name_space;
  header.name = facts.alias->name;
  if (log::derive_key_pair(root, header) == *header.pair) {
    header.pair.reset();
    return header;
  }
  return facts.header;
}

std::string shown_name(std::string_view name) {
  constexpr std::size_t shown_max = 100;
  if (!is_text(name))
    return "the name " + text::to_hex(as_bytes(name.substr(0, shown_max)));
  return "`" + std::string{name.substr(0, shown_max)} + (name.size() > shown_max ? "...`" : "`");
}

bool is_text(std::string_view name) {
  for (std::size_t i = 0; i < name.size();) {
    auto byte = static_cast<unsigned char>(name[i]);
    if (byte < 0x20 || byte == 0x7f)
      return false;
    std::size_t more = byte < 0x80 ? 0 : byte >= 0xc2 && byte < 0xe0 ? 1 : byte >= 0xe0 && byte < 0xf0 ? 2 : 3;
    if (byte >= 0x80 && (byte < 0xc2 || byte > 0xf4))
      return false;
    for (std::size_t k = 1; k <= more; ++k)
      if (i + k >= name.size() || (static_cast<unsigned char>(name[i + k]) & 0xc0U) != 0x80)
        return false;
    auto second = more > 0 ? static_cast<unsigned char>(name[i + 1]) : 0;
    if ((byte == 0xe0 && second < 0xa0) || (byte == 0xed && second > 0x9f) || (byte == 0xf0 && second < 0x90) ||
        (byte == 0xf4 && second > 0x8f))
      return false;
    i += more + 1;
  }
  return !name.empty();
}

} // namespace corestore::migration
