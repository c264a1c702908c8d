#include "base/crypto.hpp"

#include <algorithm>

#include <sodium.h>

#include "base/check.hpp"

namespace corestore::crypto {

namespace {

static_assert(sizeof(crypto_generichash_state) <= 384);
static_assert(sizeof(crypto_secretstream_xchacha20poly1305_state) == 52);
static_assert(crypto_secretstream_xchacha20poly1305_HEADERBYTES == stream_header_bytes);
static_assert(crypto_secretstream_xchacha20poly1305_ABYTES == stream_overhead_bytes);

void hash_parts(std::span<std::uint8_t> target, byte_view key, std::initializer_list<byte_view> parts) {
  crypto_generichash_state state;
  crypto_generichash_init(&state, key.empty() ? nullptr : key.data(), key.size(), target.size());
  for (auto part : parts)
    crypto_generichash_update(&state, part.data(), part.size());
  crypto_generichash_final(&state, target.data(), target.size());
}

auto* as_stream_state(std::uint8_t* state) {
  return reinterpret_cast<crypto_secretstream_xchacha20poly1305_state*>(state);
}

auto* as_hash_state(std::uint8_t* state) {
  return reinterpret_cast<crypto_generichash_state*>(state);
}

} // namespace

void initialize() {
  static const bool is_ready = sodium_init() >= 0;
  CORESTORE_CHECK(is_ready);
}

hash32 blake2b(std::initializer_list<byte_view> parts) {
  hash32 digest;
  hash_parts(digest.data, {}, parts);
  return digest;
}

hash32 blake2b_keyed(byte_view key, std::initializer_list<byte_view> parts) {
  CORESTORE_CHECK(key.size() >= crypto_generichash_KEYBYTES_MIN && key.size() <= crypto_generichash_KEYBYTES_MAX);
  hash32 digest;
  hash_parts(digest.data, key, parts);
  return digest;
}

hash64 blake2b_512(std::initializer_list<byte_view> parts) {
  hash64 digest;
  hash_parts(digest.data, {}, parts);
  return digest;
}

key_pair ed25519_key_pair() {
  initialize();
  key_pair pair;
  crypto_sign_keypair(pair.public_part.data.data(), pair.secret_part.data.data());
  return pair;
}

key_pair ed25519_key_pair(const key_seed& seed) {
  initialize();
  key_pair pair;
  crypto_sign_seed_keypair(pair.public_part.data.data(), pair.secret_part.data.data(), seed.data.data());
  return pair;
}

signature64 ed25519_sign(byte_view message, const secret_key& key) {
  signature64 signature;
  crypto_sign_detached(signature.data.data(), nullptr, message.data(), message.size(), key.data.data());
  return signature;
}

bool ed25519_verify(byte_view message, byte_view signature, const public_key& key) {
  return signature.size() == signature64::size &&
         crypto_sign_verify_detached(signature.data(), message.data(), message.size(), key.data.data()) == 0;
}

std::optional<fixed_bytes<32, struct shared_secret_tag>> ed25519_dh(const secret_key& ours, const public_key& theirs) {
  std::array<std::uint8_t, crypto_hash_sha512_BYTES> digest{};
  crypto_hash_sha512(digest.data(), ours.data.data(), 32);
  digest[0] &= 248U;
  digest[31] &= 127U;
  digest[31] |= 64U;
  fixed_bytes<32, struct shared_secret_tag> secret;
  auto status = crypto_scalarmult_ed25519_noclamp(secret.data.data(), digest.data(), theirs.data.data());
  wipe(digest);
  if (status != 0)
    return std::nullopt;
  return secret;
}

x25519_pair x25519_key_pair() {
  return x25519_key_pair(random<decltype(x25519_pair::secret_part)>());
}

x25519_pair x25519_key_pair(const decltype(x25519_pair::secret_part)& secret) {
  x25519_pair pair;
  pair.secret_part = secret;
  crypto_scalarmult_base(pair.public_part.data.data(), secret.data.data());
  return pair;
}

std::optional<shared_secret> x25519_dh(const x25519_pair& ours, const public_key& theirs) {
  shared_secret secret;
  if (crypto_scalarmult(secret.data.data(), ours.secret_part.data.data(), theirs.data.data()) != 0)
    return std::nullopt;
  return secret;
}

bytes aead_encrypt(byte_view key32, byte_view nonce12, byte_view associated, byte_view plain) {
  CORESTORE_CHECK(key32.size() == crypto_aead_chacha20poly1305_ietf_KEYBYTES);
  CORESTORE_CHECK(nonce12.size() == crypto_aead_chacha20poly1305_ietf_NPUBBYTES);
  bytes cipher(plain.size() + crypto_aead_chacha20poly1305_ietf_ABYTES);
  crypto_aead_chacha20poly1305_ietf_encrypt(cipher.data(), nullptr, plain.data(), plain.size(), associated.data(),
                                            associated.size(), nullptr, nonce12.data(), key32.data());
  return cipher;
}

std::optional<bytes> aead_decrypt(byte_view key32, byte_view nonce12, byte_view associated, byte_view cipher) {
  CORESTORE_CHECK(key32.size() == crypto_aead_chacha20poly1305_ietf_KEYBYTES);
  CORESTORE_CHECK(nonce12.size() == crypto_aead_chacha20poly1305_ietf_NPUBBYTES);
  if (cipher.size() < crypto_aead_chacha20poly1305_ietf_ABYTES)
    return std::nullopt;
  bytes plain(cipher.size() - crypto_aead_chacha20poly1305_ietf_ABYTES);
  if (crypto_aead_chacha20poly1305_ietf_decrypt(plain.data(), nullptr, nullptr, cipher.data(), cipher.size(),
                                                associated.data(), associated.size(), nonce12.data(),
                                                key32.data()) != 0)
    return std::nullopt;
  return plain;
}

void stream_xor(std::span<std::uint8_t> target, byte_view nonce24, byte_view key32) {
  CORESTORE_CHECK(nonce24.size() == crypto_stream_xsalsa20_NONCEBYTES);
  CORESTORE_CHECK(key32.size() == crypto_stream_xsalsa20_KEYBYTES);
  if (!target.empty()) // libsodium wants no null pointers, an empty block is one
    crypto_stream_xsalsa20_xor(target.data(), target.data(), target.size(), nonce24.data(), key32.data());
}

stream_encryptor::stream_encryptor(byte_view key32, std::optional<byte_view> header) {
  initialize();
  CORESTORE_CHECK(key32.size() == crypto_secretstream_xchacha20poly1305_KEYBYTES);
  if (header) {
    CORESTORE_CHECK(header->size() == stream_header_bytes);
    std::copy(header->begin(), header->end(), header_.begin());
  } else {
    random_fill(header_);
  }
  // init_push would draw its own header; init_pull derives the same state from a given one.
  crypto_secretstream_xchacha20poly1305_init_pull(as_stream_state(state_.data()), header_.data(), key32.data());
}

void stream_encryptor::seal(byte_view plain, std::span<std::uint8_t> target) {
  CORESTORE_CHECK(target.size() == plain.size() + stream_overhead_bytes);
  crypto_secretstream_xchacha20poly1305_push(as_stream_state(state_.data()), target.data(), nullptr, plain.data(),
                                             plain.size(), nullptr, 0,
                                             crypto_secretstream_xchacha20poly1305_TAG_MESSAGE);
}

stream_decryptor::stream_decryptor(byte_view key32, byte_view header24) {
  initialize();
  CORESTORE_CHECK(key32.size() == crypto_secretstream_xchacha20poly1305_KEYBYTES);
  CORESTORE_CHECK(header24.size() == stream_header_bytes);
  crypto_secretstream_xchacha20poly1305_init_pull(as_stream_state(state_.data()), header24.data(), key32.data());
}

std::optional<std::span<std::uint8_t>> stream_decryptor::open(std::span<std::uint8_t> cipher) {
  if (cipher.size() < stream_overhead_bytes)
    return std::nullopt;
  auto plain = cipher.subspan(1, cipher.size() - stream_overhead_bytes);
  std::uint8_t tag = 0;
  if (crypto_secretstream_xchacha20poly1305_pull(as_stream_state(state_.data()), plain.data(), nullptr, &tag,
                                                 cipher.data(), cipher.size(), nullptr, 0) != 0)
    return std::nullopt;
  return plain;
}

stream_cipher::stream_cipher(byte_view key32, byte_view nonce24) {
  CORESTORE_CHECK(key32.size() == key_.size() && nonce24.size() == nonce_.size());
  std::copy(key32.begin(), key32.end(), key_.begin());
  std::copy(nonce24.begin(), nonce24.end(), nonce_.begin());
}

stream_cipher::~stream_cipher() {
  wipe(key_);
}

void stream_cipher::apply(std::span<std::uint8_t> data) {
  constexpr std::uint64_t block_bytes = 64;
  auto within = static_cast<std::size_t>(position_ % block_bytes);
  if (within != 0) { // the rest of a block that was begun
    std::array<std::uint8_t, block_bytes> block{};
    auto count = std::min<std::size_t>(data.size(), block_bytes - within);
    std::copy_n(data.begin(), count, block.begin() + static_cast<std::ptrdiff_t>(within));
    crypto_stream_xsalsa20_xor_ic(block.data(), block.data(), block.size(), nonce_.data(), position_ / block_bytes,
                                  key_.data());
    std::copy_n(block.begin() + static_cast<std::ptrdiff_t>(within), count, data.begin());
    position_ += count;
    data = data.subspan(count);
  }
  if (data.empty())
    return;
  crypto_stream_xsalsa20_xor_ic(data.data(), data.data(), data.size(), nonce_.data(), position_ / block_bytes,
                                key_.data());
  position_ += data.size();
}

void random_fill(std::span<std::uint8_t> target) {
  initialize();
  randombytes_buf(target.data(), target.size());
}

bool equal_in_constant_time(byte_view left, byte_view right) {
  return left.size() == right.size() && sodium_memcmp(left.data(), right.data(), left.size()) == 0;
}

void wipe(std::span<std::uint8_t> target) {
  sodium_memzero(target.data(), target.size());
}

blake2b_stream::blake2b_stream() {
  crypto_generichash_init(as_hash_state(state_.data()), nullptr, 0, hash32::size);
}

void blake2b_stream::update(byte_view part) {
  crypto_generichash_update(as_hash_state(state_.data()), part.data(), part.size());
}

hash32 blake2b_stream::finish() {
  hash32 digest;
  crypto_generichash_final(as_hash_state(state_.data()), digest.data.data(), digest.data.size());
  return digest;
}

} // namespace corestore::crypto
