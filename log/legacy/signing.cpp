#include "log/legacy/signing.hpp"

#include <algorithm>
#include <string>

#include "base/crypto.hpp"
#include "log/hashes.hpp"

namespace corestore::log::legacy {

length_signable signable_of(const hash32& tree_hash, std::uint64_t length) {
  length_signable signable{};
  std::copy(tree_hash.data.begin(), tree_hash.data.end(), signable.begin());
  for (std::size_t i = 0; i < 8; ++i)
    signable[hash32::size + i] = static_cast<std::uint8_t>(length >> (8 * (7 - i)));
  return signable;
}

result<signature64> sign(const core_key& key, std::span<const node> roots, std::uint64_t length, const key_pair& keys) {
  if (keys.public_part.data != key.data || keys.secret_part.is_zero())
    return fail(ec::not_writable, "the key pair is not the core's own");
  return crypto::ed25519_sign(signable_of(tree_hash(roots, generation::g9), length), keys.secret_part);
}

bool is_signed(const core_key& key, std::span<const node> roots, std::uint64_t length, byte_view signature) {
  public_key signer;
  signer.data = key.data;
  auto hash = tree_hash(roots, generation::g9);
  return crypto::ed25519_verify(signable_of(hash, length), signature, signer) ||
         crypto::ed25519_verify(hash.view(), signature, signer);
}

result<void> verify_head(const core_key& key, const tree_head& head) {
  if (is_signed(key, head.roots, head.length, head.signature))
    return {};
  return fail(ec::invalid_signature, "the signature of length " + std::to_string(head.length) + " does not verify");
}

} // namespace corestore::log::legacy
