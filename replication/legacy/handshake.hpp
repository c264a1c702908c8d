// Generation 9: the handshake Noise_XX_25519_ChaChaPoly_BLAKE2b with an empty prologue. Each message is preceded by its
// length as a varint, and its payload is a protobuf with one field: the 24-byte nonce of the sender's keystream.
//   initiator -> e, payload           58 bytes
//   responder -> e, ee, s, es, payload  122 bytes
//   initiator -> s, se, payload        90 bytes
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "base/crypto.hpp"
#include "base/error.hpp"
#include "replication/secret_stream/noise_state.hpp"

namespace corestore::replication::legacy {

using stream_nonce = fixed_bytes<24, struct stream_nonce_tag>;

class handshake {
public:
  /// Ephemeral keys and nonce are drawn at random unless given (golden transcripts).
  handshake(bool is_initiator, crypto::x25519_pair static_keys, std::optional<crypto::x25519_pair> ephemeral_keys,
            std::optional<stream_nonce> nonce);
  ~handshake();
  handshake(const handshake&) = delete;
  handshake& operator=(const handshake&) = delete;
  handshake(handshake&&) = default;
  handshake& operator=(handshake&&) = default;

  [[nodiscard]] bool is_our_turn() const {
    return !is_done() && (messages_done_ % 2 == 0) == is_initiator_;
  }
  [[nodiscard]] bool is_done() const {
    return messages_done_ == 3;
  }

  /// Our next message, its length in front; only when is_our_turn().
  result<bytes> write();

  /// The remote's next message, without its length. handshake_failed when it is malformed or does not verify.
  result<void> read(byte_view message);

  // -- results, once done

  [[nodiscard]] const public_key& remote_key() const {
    return remote_static_;
  }
  [[nodiscard]] const crypto::hash64& handshake_hash() const {
    return state_.hash();
  }
  [[nodiscard]] const hash32& sending_key() const {
    return is_initiator_ ? keys_.initiator : keys_.responder;
  }
  [[nodiscard]] const hash32& receiving_key() const {
    return is_initiator_ ? keys_.responder : keys_.initiator;
  }
  /// Of the keystream that this side sends.
  [[nodiscard]] const stream_nonce& nonce() const {
    return nonce_;
  }
  [[nodiscard]] const stream_nonce& remote_nonce() const {
    return remote_nonce_.value();
  }

private:
  result<void> mix_dh(const crypto::x25519_pair& ours, const public_key& theirs);
  result<void> read_payload(byte_view sealed);

  bool is_initiator_;
  int messages_done_ = 0;
  crypto::x25519_pair static_;
  crypto::x25519_pair ephemeral_;
  stream_nonce nonce_;
  public_key remote_static_;
  public_key remote_ephemeral_;
  std::optional<stream_nonce> remote_nonce_;
  noise_state state_;
  noise_state::keys keys_; ///< once done
};

/// Proof of knowing `key`, bound to the keys of one connection: what the side that sends with `sending` and receives
/// with `receiving` puts into its Open.
hash32 capability(const hash32& sending, const hash32& receiving, const core_key& key);

} // namespace corestore::replication::legacy
