// The symmetric half of a Noise handshake with ChaCha20-Poly1305 and BLAKE2b-512, for both generations: what differs
// between them is the Diffie-Hellman, the payloads and the name. Noise Protocol Framework, section 5.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.hpp"
#include "base/crypto.hpp"
#include "base/error.hpp"

namespace corestore::replication {

class noise_state {
public:
  static constexpr std::size_t tag_bytes = 16;

  /// Begins with an empty prologue. `protocol_name` has at most 64 bytes.
  explicit noise_state(std::string_view protocol_name);
  ~noise_state();
  noise_state(const noise_state&) = delete;
  noise_state& operator=(const noise_state&) = delete;
  noise_state(noise_state&&) = default;
  noise_state& operator=(noise_state&&) = default;

  void mix_hash(byte_view data);
  void mix_key(byte_view secret);

  /// In clear while there is no key.
  bytes encrypt(byte_view plain);
  /// handshake_failed when it does not verify.
  result<bytes> decrypt(byte_view cipher);

  [[nodiscard]] bool has_key() const {
    return key_.has_value();
  }
  [[nodiscard]] const crypto::hash64& hash() const {
    return hash_;
  }

  struct keys {
    hash32 initiator; ///< seals what the initiator sends
    hash32 responder;
  };
  [[nodiscard]] keys split() const;

private:
  crypto::hash64 hash_;         ///< h
  crypto::hash64 chaining_key_; ///< ck
  std::optional<hash32> key_;   ///< k
  std::uint32_t nonce_ = 0;     ///< n
};

} // namespace corestore::replication
