// The encrypted message stream of generation 10: Noise handshake, one header frame each way, then sealed messages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/bytes.hpp"
#include "base/crypto.hpp"
#include "base/error.hpp"
#include "replication/secret_stream/frame.hpp"
#include "replication/secret_stream/noise_xx.hpp"

namespace corestore::replication {

/// Puts plaintext messages into frames, in place.
class frame_sealer {
public:
  virtual ~frame_sealer() = default;

  /// Makes room at the end of `output` for what precedes the plaintext, which is then appended by the caller.
  /// Returns what finish_frame() needs.
  virtual std::size_t begin_frame(bytes& output) = 0;

  /// Turns everything appended since begin_frame() into a frame; at most limits::message_bytes_max bytes.
  virtual void finish_frame(bytes& output, std::size_t start) = 0;
};

struct secret_stream_options {
  bool is_initiator = false;
  key_pair static_keys;
  std::optional<key_pair> ephemeral_keys; ///< drawn at random unless given
  std::optional<bytes> header;            ///< 24 bytes; drawn at random unless given
};

class secret_stream final : public frame_sealer {
public:
  explicit secret_stream(secret_stream_options options);

  /// The initiator speaks first.
  result<void> start(bytes& output);

  /// Digests `input` up to the end of the next message and returns its plaintext, valid until the next call; empty
  /// messages are keep-alives. Nothing when `input` is used up. Handshake answers are appended to `output`.
  /// handshake_failed, decoding_failed (a frame does not verify) and limit_exceeded are final.
  result<std::optional<std::span<std::uint8_t>>> receive(std::span<std::uint8_t>& input, bytes& output);

  /// Our handshake is complete and our header written: messages can be sealed, the remote's key is proven.
  [[nodiscard]] bool can_seal() const {
    return encryptor_.has_value();
  }
  /// The remote's header arrived as well.
  [[nodiscard]] bool is_established() const {
    return decryptor_.has_value();
  }
  /// False in the middle of a frame.
  [[nodiscard]] bool is_between_frames() const {
    return frames_.is_between_frames();
  }
  [[nodiscard]] bool is_initiator() const {
    return is_initiator_;
  }
  [[nodiscard]] const public_key& remote_key() const {
    return noise_.remote_key();
  }
  [[nodiscard]] const crypto::hash64& handshake_hash() const {
    return noise_.handshake_hash();
  }

  std::size_t begin_frame(bytes& output) override;
  void finish_frame(bytes& output, std::size_t start) override;

  /// An empty message.
  void put_keep_alive(bytes& output);

private:
  result<void> receive_handshake(byte_view body, bytes& output);
  result<void> receive_header(byte_view body);
  result<void> put_handshake(bytes& output);
  void put_header(bytes& output);

  bool is_initiator_;
  std::optional<bytes> header_;
  noise_xx noise_;
  frame_reader frames_;
  std::optional<crypto::stream_encryptor> encryptor_;
  std::optional<crypto::stream_decryptor> decryptor_;
};

} // namespace corestore::replication
