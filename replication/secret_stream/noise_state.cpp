#include "replication/secret_stream/noise_state.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>

#include "base/check.hpp"

namespace corestore::replication {

namespace {

constexpr std::size_t hash_block_bytes = 128;

crypto::hash64 hmac(const crypto::hash64& key, std::initializer_list<byte_view> parts) {
  static_assert(crypto::hash64::size <= hash_block_bytes);
  std::array<std::uint8_t, hash_block_bytes> inner_pad{};
  std::array<std::uint8_t, hash_block_bytes> outer_pad{};
  std::copy(key.data.begin(), key.data.end(), inner_pad.begin());
  outer_pad = inner_pad;
  for (auto& byte : inner_pad)
    byte ^= 0x36U;
  for (auto& byte : outer_pad)
    byte ^= 0x5cU;
  CORESTORE_CHECK(parts.size() <= 2);
  auto part = [&parts](std::size_t index) {
    return index < parts.size() ? *(parts.begin() + index) : byte_view{};
  };
  auto inner = crypto::blake2b_512({inner_pad, part(0), part(1)});
  auto digest = crypto::blake2b_512({outer_pad, inner.view()});
  crypto::wipe(inner_pad);
  crypto::wipe(outer_pad);
  return digest;
}

struct derived {
  crypto::hash64 first;
  crypto::hash64 second;
};

derived hkdf(const crypto::hash64& chaining_key, byte_view secret) {
  constexpr std::array<std::uint8_t, 1> one{1};
  constexpr std::array<std::uint8_t, 1> two{2};
  auto master = hmac(chaining_key, {secret});
  derived keys;
  keys.first = hmac(master, {one});
  keys.second = hmac(master, {keys.first.view(), two});
  crypto::wipe(master.data);
  return keys;
}

hash32 first_half(const crypto::hash64& source) {
  hash32 half;
  std::copy_n(source.data.begin(), half.data.size(), half.data.begin());
  return half;
}

std::array<std::uint8_t, 12> nonce_bytes(std::uint32_t counter) {
  std::array<std::uint8_t, 12> nonce{};
  for (std::size_t i = 0; i < sizeof(counter); ++i)
    nonce[4 + i] = static_cast<std::uint8_t>(counter >> (8 * i));
  return nonce;
}

} // namespace

noise_state::noise_state(std::string_view protocol_name) {
  CORESTORE_CHECK(protocol_name.size() <= crypto::hash64::size); // longer names would be hashed
  auto name = as_bytes(protocol_name);
  std::copy(name.begin(), name.end(), hash_.data.begin());
  chaining_key_ = hash_;
  mix_hash({}); // the empty prologue still changes h
}

noise_state::~noise_state() {
  crypto::wipe(chaining_key_.data);
  if (key_)
    crypto::wipe(key_->data);
}

void noise_state::mix_hash(byte_view data) {
  hash_ = crypto::blake2b_512({hash_.view(), data});
}

void noise_state::mix_key(byte_view secret) {
  auto mixed = hkdf(chaining_key_, secret);
  chaining_key_ = mixed.first;
  key_ = first_half(mixed.second);
  nonce_ = 0;
}

bytes noise_state::encrypt(byte_view plain) {
  auto cipher = key_ ? crypto::aead_encrypt(key_->view(), nonce_bytes(nonce_++), hash_.view(), plain) : to_bytes(plain);
  mix_hash(cipher);
  return cipher;
}

result<bytes> noise_state::decrypt(byte_view cipher) {
  auto plain = key_ ? crypto::aead_decrypt(key_->view(), nonce_bytes(nonce_++), hash_.view(), cipher)
                    : std::optional<bytes>{to_bytes(cipher)};
  if (!plain)
    return fail(ec::handshake_failed, "a handshake message does not verify");
  mix_hash(cipher);
  return std::move(*plain);
}

noise_state::keys noise_state::split() const {
  auto derived_keys = hkdf(chaining_key_, {});
  return {first_half(derived_keys.first), first_half(derived_keys.second)};
}

} // namespace corestore::replication
