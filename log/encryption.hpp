// Encryption of single blocks as the reference does it: eight bytes of blinded fork number, then the block, xored with
// XSalsa20. The nonce is the index and those eight bytes, so a block that is written again on another fork gets another
// one. There is no tag: what a block says is protected by the signed tree over the ciphertext.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.hpp"
#include "base/error.hpp"

namespace corestore::log {

/// Bytes by which a stored block is longer than what was appended.
inline constexpr std::size_t encryption_padding = 8;

/// How the key that encrypts blocks follows from the key that a caller gives.
enum class key_schedule : std::uint8_t {
  current = 0, ///< `H(ENCRYPTION || core key || key)`
  compat = 1,  ///< `H(key)`, keyed with the core key: cores whose key is a public key, and everything older
  block = 2    ///< the key given is the block key
};

class block_cipher {
public:
  block_cipher(const hash32& key, const core_key& core, key_schedule schedule);

  [[nodiscard]] bytes encrypt(std::uint64_t index, std::uint64_t fork, byte_view plain) const;

  /// decoding_failed when `stored` is shorter than the padding. Any other bytes decrypt to something.
  [[nodiscard]] result<bytes> decrypt(std::uint64_t index, byte_view stored) const;

private:
  hash32 block_key_;
  hash32 blinding_key_;
};

/// The block key that `key` leads to under key_schedule::current, for handing out one core's blocks only.
hash32 block_encryption_key(const core_key& core, const hash32& key);

} // namespace corestore::log
