// The cryptography of Hypercore, all of it libsodium's. The only room that includes sodium is crypto.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>

#include "base/bytes.hpp"

namespace corestore::crypto {

/// Prepares the library; called by the first use as well. Aborts when the system has no randomness.
void initialize();

/// BLAKE2b-256 over the concatenation of `parts`.
hash32 blake2b(std::initializer_list<byte_view> parts);
/// Keyed form; `key` has 16 to 64 bytes.
hash32 blake2b_keyed(byte_view key, std::initializer_list<byte_view> parts);

using hash64 = fixed_bytes<64, struct hash64_tag>;
/// BLAKE2b-512, the hash of the Noise handshake.
hash64 blake2b_512(std::initializer_list<byte_view> parts);

key_pair ed25519_key_pair();
key_pair ed25519_key_pair(const key_seed& seed);
signature64 ed25519_sign(byte_view message, const secret_key& key);
bool ed25519_verify(byte_view message, byte_view signature, const public_key& key);

/// Diffie-Hellman of noise-curve-ed: clamped SHA-512 of the seed times the Edwards point; nothing for a bad point.
std::optional<fixed_bytes<32, struct shared_secret_tag>> ed25519_dh(const secret_key& ours, const public_key& theirs);

using shared_secret = fixed_bytes<32, struct shared_secret_tag>;

/// Key pair of X25519, as the handshake of generation 9 uses it.
struct x25519_pair {
  public_key public_part;
  fixed_bytes<32, struct x25519_secret_tag> secret_part;
};
x25519_pair x25519_key_pair();
x25519_pair x25519_key_pair(const decltype(x25519_pair::secret_part)& secret);

/// Nothing for a point of low order.
std::optional<shared_secret> x25519_dh(const x25519_pair& ours, const public_key& theirs);

/// ChaCha20-Poly1305 (IETF). The output is the ciphertext followed by 16 bytes of tag.
bytes aead_encrypt(byte_view key32, byte_view nonce12, byte_view associated, byte_view plain);
std::optional<bytes> aead_decrypt(byte_view key32, byte_view nonce12, byte_view associated, byte_view cipher);

/// XSalsa20: xors `target` with the key stream of that nonce.
inline constexpr std::size_t stream_nonce_bytes = 24;
void stream_xor(std::span<std::uint8_t> target, byte_view nonce24, byte_view key32);

/// crypto_secretstream_xchacha20poly1305, TAG_MESSAGE only.
inline constexpr std::size_t stream_header_bytes = 24;
inline constexpr std::size_t stream_overhead_bytes = 17;

class stream_encryptor {
public:
  /// Random header, or `header` as given (golden transcripts).
  explicit stream_encryptor(byte_view key32, std::optional<byte_view> header = {});
  [[nodiscard]] byte_view header() const {
    return header_;
  }
  /// `target` is `plain.size() + stream_overhead_bytes` long and may hold `plain` at offset 1 (sealed in place).
  void seal(byte_view plain, std::span<std::uint8_t> target);

private:
  std::array<std::uint8_t, stream_header_bytes> header_{};
  alignas(8) std::array<std::uint8_t, 52> state_{};
};

class stream_decryptor {
public:
  stream_decryptor(byte_view key32, byte_view header24);
  /// Opens in place: the plaintext is `cipher.subspan(1, cipher.size() - overhead)`. Nothing when it does not verify.
  std::optional<std::span<std::uint8_t>> open(std::span<std::uint8_t> cipher);

private:
  alignas(8) std::array<std::uint8_t, 52> state_{};
};

/// One continuous XSalsa20 keystream, xored over whatever comes: it hides, and authenticates nothing.
class stream_cipher {
public:
  stream_cipher(byte_view key32, byte_view nonce24);
  ~stream_cipher();
  stream_cipher(const stream_cipher&) = delete;
  stream_cipher& operator=(const stream_cipher&) = delete;
  stream_cipher(stream_cipher&&) = default;
  stream_cipher& operator=(stream_cipher&&) = default;

  void apply(std::span<std::uint8_t> data);

private:
  std::array<std::uint8_t, 32> key_{};
  std::array<std::uint8_t, 24> nonce_{};
  std::uint64_t position_ = 0; ///< bytes of keystream used
};

void random_fill(std::span<std::uint8_t> target);
template <class Fixed>
Fixed random() {
  Fixed value;
  random_fill(value.data);
  return value;
}

bool equal_in_constant_time(byte_view left, byte_view right);
void wipe(std::span<std::uint8_t> target);

/// Incremental BLAKE2b-256, for leaves whose data comes in pieces.
class blake2b_stream {
public:
  blake2b_stream();
  void update(byte_view part);
  hash32 finish();

private:
  alignas(64) std::array<std::uint8_t, 384> state_{};
};

} // namespace corestore::crypto
