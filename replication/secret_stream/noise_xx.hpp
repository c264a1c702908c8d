// The handshake Noise_XX_Ed25519_ChaChaPoly_BLAKE2b: no prologue, empty payloads.
//   initiator -> e                32 bytes
//   responder -> e, ee, s, es     96 bytes
//   initiator -> s, se            64 bytes
// Formulas: Noise Protocol Framework, sections 4 and 5, with 64-byte hashes and a Diffie-Hellman on Ed25519 keys
// (crypto::ed25519_dh).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "base/crypto.hpp"
#include "base/error.hpp"
#include "replication/secret_stream/noise_state.hpp"

namespace corestore::replication {

class noise_xx {
public:
  /// `ephemeral_keys` are drawn at random unless given (golden transcripts).
  noise_xx(bool is_initiator, key_pair static_keys, std::optional<key_pair> ephemeral_keys);
  ~noise_xx();
  noise_xx(const noise_xx&) = delete;
  noise_xx& operator=(const noise_xx&) = delete;
  noise_xx(noise_xx&&) = default;
  noise_xx& operator=(noise_xx&&) = default;

  /// True when the next message is ours.
  [[nodiscard]] bool is_our_turn() const {
    return !is_done() && (messages_done_ % 2 == 0) == is_initiator_;
  }
  [[nodiscard]] bool is_done() const {
    return messages_done_ == 3;
  }

  /// Our next message; only when is_our_turn(). handshake_failed when a key of the remote is no usable point.
  result<bytes> write();

  /// The remote's next message; only when it is its turn. handshake_failed when it is malformed or does not verify.
  result<void> read(byte_view message);

  // -- results, once done

  [[nodiscard]] const public_key& remote_key() const {
    return remote_static_;
  }
  [[nodiscard]] const crypto::hash64& handshake_hash() const {
    return state_.hash();
  }
  [[nodiscard]] hash32 sending_key() const;
  [[nodiscard]] hash32 receiving_key() const;

private:
  /// Mixes the shared secret of the key pairs that the token names, as seen from this side.
  result<void> mix_dh(const key_pair& ours, const public_key& theirs);
  result<void> read_static(byte_view cipher);
  result<void> read_payload(byte_view cipher);

  bool is_initiator_;
  int messages_done_ = 0;
  key_pair static_;
  key_pair ephemeral_;
  public_key remote_static_;
  public_key remote_ephemeral_;
  noise_state state_;
  noise_state::keys keys_; ///< once done
};

} // namespace corestore::replication
