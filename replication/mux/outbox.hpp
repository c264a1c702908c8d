// Packs multiplexer messages into frames, written once and sealed where they are.
//   frame = uint channel, uint type, payload                                   one message
//         | 00 00, uint channel, entry...                                      a batch
//   entry = uint length (> 0), uint type, payload                              for the current channel
//         | 00, uint channel                                                   changes the current channel
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.hpp"
#include "base/limits.hpp"
#include "replication/secret_stream/secret_stream.hpp"

namespace corestore::replication {

/// Plaintext of a batch; larger messages travel alone. Far below what a frame may hold, because a receiver cannot
/// begin with a frame before all of it arrived.
inline constexpr std::size_t batch_bytes_max = std::size_t{64} << 10U;

/// Payload of one message: a frame less channel and type, in their longest form.
inline constexpr std::size_t payload_bytes_max = limits::message_bytes_max - 2 * std::size_t{9};

static_assert(payload_bytes_max > limits::block_bytes_max);
static_assert(batch_bytes_max <= limits::message_bytes_max);

class outbox {
public:
  /// Both must outlive the outbox.
  outbox(frame_sealer& sealer, bytes& output) : sealer_(sealer), output_(output) {
    // nop
  }

  /// Begins a message that may share a frame with its neighbours. The caller appends exactly `payload_bytes` (at most
  /// payload_bytes_max) to the result before anything else is called.
  bytes& add(std::uint64_t channel, std::uint64_t type, std::size_t payload_bytes);

  /// The same for a message in a frame of its own.
  bytes& add_alone(std::uint64_t channel, std::uint64_t type, std::size_t payload_bytes);

  /// Prepares for messages of that many bytes in all: one allocation instead of several.
  void reserve(std::size_t more) {
    make_room(more);
  }

  /// Seals what is open; the output then ends with a whole frame.
  void flush();

  /// Bytes that flush() will leave in the output.
  [[nodiscard]] std::size_t size() const {
    return output_.size() + (shape_ == shape::none ? 0 : crypto::stream_overhead_bytes - 1);
  }

private:
  enum class shape : std::uint8_t { none, batch, alone };

  void make_room(std::size_t more);
  void begin(shape wanted);
  void check_written() const;

  frame_sealer& sealer_;
  bytes& output_;
  shape shape_ = shape::none;
  std::size_t frame_start_ = 0; ///< what begin_frame() returned
  std::size_t plain_start_ = 0; ///< where the plaintext of the open frame begins
  std::size_t message_end_ = 0; ///< where the message begun last must end
  std::uint64_t channel_ = 0;   ///< current channel of the open batch
};

} // namespace corestore::replication
