// The multiplexer: channels of protocol hypercore/alpha on one message stream. Plaintext frames and wishes in, calls to
// a handler and messages to an outbox out. What a handshake or a message means is the handler's business.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/bytes.hpp"
#include "base/compact.hpp"
#include "base/error.hpp"
#include "replication/mux/channel_table.hpp"
#include "replication/mux/outbox.hpp"

namespace corestore::replication {

inline constexpr std::string_view protocol_name = "hypercore/alpha";
/// May answer an Open of ours, but asks for nothing.
inline constexpr std::string_view protocol_alias = "hypercore";

/// What a multiplexer reports. Views are valid during the call; an error ends the connection. A handler does not call
/// back into the multiplexer.
class mux_handler {
public:
  virtual ~mux_handler() = default;

  /// The remote asks for a channel.
  virtual result<void> on_request(channel_id channel, const discovery_key& discovery, byte_view handshake) = 0;
  /// The remote answered our Open, or opened at the same time.
  virtual result<void> on_open(channel_id channel, const discovery_key& discovery, byte_view handshake) = 0;
  /// The remote rejected our Open, closed the channel, or withdrew its request.
  virtual void on_end(channel_id channel, const discovery_key& discovery, bool was_rejected) = 0;
  virtual result<void> on_message(channel_id channel, std::uint64_t type, byte_view payload) = 0;
};

class protomux {
public:
  /// `out` must outlive the multiplexer.
  explicit protomux(outbox& out) : out_(out) {
    // nop
  }

  /// Digests one plaintext frame. protocol_violation, decoding_failed, limit_exceeded, and errors of the handler.
  result<void> receive(byte_view plain, mux_handler& handler);

  /// The channel for that core: the one that exists, in whatever state, or a new one in state `wished`. 0 when
  /// limits::channels_per_connection_max channels are ours already.
  channel_id open(const discovery_key& discovery);

  /// Sends our Open for a channel that is `wished` (then it is `opening`) or `requested` (then it is `open`, and
  /// deliver_held() must follow). limit_exceeded when no id is left for the answer.
  result<void> announce(channel_id channel, byte_view handshake);

  /// Hands over what arrived for a channel before it was answered.
  result<void> deliver_held(channel_id channel, mux_handler& handler);

  /// Answers a channel that is `requested` with no; does nothing in other states.
  void reject(channel_id channel);

  /// Ends a channel in any state; nothing is reported for it afterwards.
  void close(channel_id channel);

  /// Begins a message on an open channel; the caller appends `payload_bytes` to the result. With `is_alone` it gets a
  /// frame of its own.
  bytes& send(channel_id channel, std::uint64_t type, std::size_t payload_bytes, bool is_alone);

  /// Prepares for messages of that many bytes in all.
  void reserve(std::size_t more) {
    out_.reserve(more);
  }

  [[nodiscard]] channel_state state_of(channel_id channel);
  [[nodiscard]] discovery_key discovery_of(channel_id channel);
  [[nodiscard]] std::size_t open_count() const {
    return table_.open_count();
  }

private:
  result<void> receive_batch(compact::reader& source, mux_handler& handler);
  result<void> receive_message(std::uint64_t id, byte_view message, bool is_in_batch, mux_handler& handler);
  result<void> receive_control(byte_view message, bool is_in_batch, mux_handler& handler);
  result<void> receive_open(compact::reader& source, mux_handler& handler);
  result<void> receive_reject(compact::reader& source, mux_handler& handler);
  result<void> receive_close(compact::reader& source, mux_handler& handler);
  result<void> pair(channel& target, std::uint32_t remote_id, byte_view handshake, mux_handler& handler);
  result<void> hold(channel& target, byte_view message);
  void put_control(std::uint64_t type, std::uint64_t id);
  void put_open(const channel& target, byte_view handshake);
  void erase(channel& target);

  outbox& out_;
  channel_table table_;
  std::size_t held_bytes_ = 0;
};

} // namespace corestore::replication
