#include "log/encryption.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "base/crypto.hpp"
#include "log/hashes.hpp"

namespace corestore::log {

namespace {

using stream_nonce = std::array<std::uint8_t, crypto::stream_nonce_bytes>;

void put_little_endian(std::uint8_t* target, std::uint64_t value) {
  for (unsigned i = 0; i < 8; ++i)
    target[i] = static_cast<std::uint8_t>(value >> (8 * i));
}

/// Index, then the eight bytes in front of the block (zero while those are blinded themselves).
stream_nonce nonce_of(std::uint64_t index, byte_view padding) {
  stream_nonce nonce{};
  put_little_endian(nonce.data(), index);
  std::copy(padding.begin(), padding.end(), nonce.begin() + 8);
  return nonce;
}

hash32 derive(const hash32& key, const core_key& core, key_schedule schedule) {
  switch (schedule) {
  case key_schedule::current:
    return block_encryption_key(core, key);
  case key_schedule::compat:
    return crypto::blake2b_keyed(core.view(), {key.view()});
  case key_schedule::block:
    break;
  }
  return key;
}

} // namespace

hash32 block_encryption_key(const core_key& core, const hash32& key) {
  return crypto::blake2b({encryption_domain().view(), core.view(), key.view()});
}

block_cipher::block_cipher(const hash32& key, const core_key& core, key_schedule schedule)
    : block_key_(derive(key, core, schedule)), blinding_key_(crypto::blake2b({block_key_.view()})) {
  // nop
}

bytes block_cipher::encrypt(std::uint64_t index, std::uint64_t fork, byte_view plain) const {
  bytes stored(encryption_padding + plain.size());
  put_little_endian(stored.data(), fork);
  std::copy(plain.begin(), plain.end(), stored.begin() + encryption_padding);
  std::span<std::uint8_t> whole{stored};
  auto padding = whole.first(encryption_padding);
  crypto::stream_xor(padding, nonce_of(index, {}), blinding_key_.view());
  crypto::stream_xor(whole.subspan(encryption_padding), nonce_of(index, padding), block_key_.view());
  return stored;
}

result<bytes> block_cipher::decrypt(std::uint64_t index, byte_view stored) const {
  if (stored.size() < encryption_padding)
    return fail(ec::decoding_failed, "block " + std::to_string(index) + " is too short to be encrypted");
  auto plain = to_bytes(stored.subspan(encryption_padding));
  crypto::stream_xor(plain, nonce_of(index, stored.first(encryption_padding)), block_key_.view());
  return plain;
}

} // namespace corestore::log
