#include "replication/secret_stream/noise_xx.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/check.hpp"

namespace corestore::replication {

namespace {

constexpr std::string_view protocol_name = "Noise_XX_Ed25519_ChaChaPoly_BLAKE2b";
constexpr std::size_t hash_block_bytes = 128;
constexpr std::size_t tag_bytes = 16;
constexpr std::size_t sealed_key_bytes = public_key::size + tag_bytes;

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

void append(bytes& target, byte_view source) {
  target.insert(target.end(), source.begin(), source.end());
}

} // namespace

noise_xx::noise_xx(bool is_initiator, key_pair static_keys, std::optional<key_pair> ephemeral_keys)
    : is_initiator_(is_initiator), static_(static_keys),
      ephemeral_(ephemeral_keys ? *ephemeral_keys : crypto::ed25519_key_pair()) {
  static_assert(protocol_name.size() <= crypto::hash64::size); // longer names would be hashed
  auto name = as_bytes(protocol_name);
  std::copy(name.begin(), name.end(), hash_.data.begin());
  chaining_key_ = hash_;
  mix_hash({}); // the empty prologue still changes h
}

noise_xx::~noise_xx() {
  crypto::wipe(static_.secret_part.data);
  crypto::wipe(ephemeral_.secret_part.data);
  crypto::wipe(chaining_key_.data);
  crypto::wipe(initiator_key_.data);
  crypto::wipe(responder_key_.data);
  if (key_)
    crypto::wipe(key_->data);
}

result<bytes> noise_xx::write() {
  CORESTORE_CHECK(is_our_turn());
  bytes message;
  if (messages_done_ < 2) {
    append(message, ephemeral_.public_part.view());
    mix_hash(ephemeral_.public_part.view());
  }
  if (messages_done_ == 1) {
    if (auto done = mix_dh(ephemeral_, remote_ephemeral_); !done) // ee
      return fail(std::move(done.error()));
  }
  if (messages_done_ > 0) {
    append(message, encrypt(static_.public_part.view()));
    if (auto done = mix_dh(static_, remote_ephemeral_); !done) // es of the responder, se of the initiator
      return fail(std::move(done.error()));
  }
  append(message, encrypt({}));
  if (++messages_done_ == 3)
    split();
  return message;
}

result<void> noise_xx::read(byte_view message) {
  CORESTORE_CHECK(!is_done() && !is_our_turn());
  constexpr std::array<std::size_t, 3> sizes{public_key::size, public_key::size + sealed_key_bytes + tag_bytes,
                                             sealed_key_bytes + tag_bytes};
  if (message.size() != sizes.at(static_cast<std::size_t>(messages_done_)))
    return fail(ec::handshake_failed, "a handshake message of " + std::to_string(message.size()) + " bytes");
  if (messages_done_ < 2) {
    remote_ephemeral_ = *public_key::from(message.first(public_key::size));
    message = message.subspan(public_key::size);
    mix_hash(remote_ephemeral_.view());
  }
  if (messages_done_ == 1) {
    if (auto done = mix_dh(ephemeral_, remote_ephemeral_); !done) // ee
      return done;
  }
  if (messages_done_ > 0) {
    if (auto done = read_static(message.first(sealed_key_bytes)); !done)
      return done;
    message = message.subspan(sealed_key_bytes);
    if (auto done = mix_dh(ephemeral_, remote_static_); !done) // es of the initiator, se of the responder
      return done;
  }
  if (auto done = read_payload(message); !done)
    return done;
  if (++messages_done_ == 3)
    split();
  return {};
}

hash32 noise_xx::sending_key() const {
  return is_initiator_ ? initiator_key_ : responder_key_;
}

hash32 noise_xx::receiving_key() const {
  return is_initiator_ ? responder_key_ : initiator_key_;
}

void noise_xx::mix_hash(byte_view data) {
  hash_ = crypto::blake2b_512({hash_.view(), data});
}

void noise_xx::mix_key(byte_view secret) {
  auto keys = hkdf(chaining_key_, secret);
  chaining_key_ = keys.first;
  key_ = first_half(keys.second);
  nonce_ = 0;
}

result<void> noise_xx::mix_dh(const key_pair& ours, const public_key& theirs) {
  auto secret = crypto::ed25519_dh(ours.secret_part, theirs);
  if (!secret)
    return fail(ec::handshake_failed, "a key of the other side is no usable point");
  mix_key(secret->view());
  crypto::wipe(secret->data);
  return {};
}

bytes noise_xx::encrypt(byte_view plain) {
  auto cipher = key_ ? crypto::aead_encrypt(key_->view(), nonce_bytes(nonce_++), hash_.view(), plain) : to_bytes(plain);
  mix_hash(cipher);
  return cipher;
}

result<bytes> noise_xx::decrypt(byte_view cipher) {
  auto plain = key_ ? crypto::aead_decrypt(key_->view(), nonce_bytes(nonce_++), hash_.view(), cipher)
                    : std::optional<bytes>{to_bytes(cipher)};
  if (!plain)
    return fail(ec::handshake_failed, "a handshake message does not verify");
  mix_hash(cipher);
  return std::move(*plain);
}

result<void> noise_xx::read_static(byte_view cipher) {
  auto plain = decrypt(cipher);
  if (!plain)
    return fail(std::move(plain.error()));
  remote_static_ = *public_key::from(*plain);
  return {};
}

result<void> noise_xx::read_payload(byte_view cipher) {
  auto plain = decrypt(cipher);
  if (!plain)
    return fail(std::move(plain.error()));
  return {};
}

void noise_xx::split() {
  auto keys = hkdf(chaining_key_, {});
  initiator_key_ = first_half(keys.first);
  responder_key_ = first_half(keys.second);
}

} // namespace corestore::replication
