// One connection's conversation, generation 9: handshake, stream cipher, frames and channels as one machine. The same
// shape as replication/connection.hpp: bytes, wishes and ticks in; bytes and events out. No socket, no clock, no
// thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.hpp"
#include "base/crypto.hpp"
#include "base/error.hpp"
#include "replication/dialect_events.hpp"
#include "replication/legacy/handshake.hpp"
#include "replication/legacy/messages.hpp"

namespace corestore::replication::legacy {

struct connection_options {
  bool is_initiator = false;
  crypto::x25519_pair static_keys;        ///< identifies this side
  std::uint64_t keep_alive_ms = 10000;    ///< a keep-alive after that long without a write; 0 = never
  std::uint64_t handshake_ms_max = 10000; ///< the connection fails when it takes longer; 0 = no limit
  /// Fixed randomness for golden transcripts; left empty outside tests.
  std::optional<crypto::x25519_pair> ephemeral_keys;
  std::optional<stream_nonce> nonce;
};

class connection {
public:
  connection(connection_options options, std::uint64_t now_ms);
  ~connection();
  connection(connection&&) noexcept;
  connection& operator=(connection&&) noexcept;

  /// Digests bytes from the network; decrypts in place, so `input` is scratch afterwards. An error is final. Events
  /// that were complete before the error are in `events`.
  result<void> feed(std::span<std::uint8_t> input, std::uint64_t now_ms, std::vector<connection_event>& events);

  /// Wishes for a channel; before the handshake is done the Open waits. A core has one channel: a second wish returns
  /// the same id, and a wish for a core that the remote asked for accepts that request. A channel whose end the remote
  /// has not confirmed is opened again after that, under the id that is returned here. Returns 0, which is no channel,
  /// when limits::channels_per_connection_max are ours already.
  channel_id open(const core_key& key, const discovery_key& discovery);

  /// Answers channel_requested. A capability that does not fit refuses the channel (channel_closed) and nothing else.
  result<void> accept(channel_id channel, const core_key& key, std::vector<connection_event>& events);
  void reject(channel_id channel);

  /// Ends a channel; nothing is heard of it afterwards.
  void close(channel_id channel);

  /// Encodes messages for an open channel. Messages for a channel that is not open are dropped.
  void send(channel_id channel, std::span<const message> messages);

  /// Keep-alive and handshake timeout. An error is final.
  result<void> tick(std::uint64_t now_ms);

  /// Events that open(), reject() and close() brought about.
  void poll(std::vector<connection_event>& events);

  bytes take_output();
  [[nodiscard]] std::size_t output_size() const;

  [[nodiscard]] bool is_ready() const; ///< handshake done
  [[nodiscard]] std::size_t open_channels() const;
  [[nodiscard]] bool is_between_frames() const;

private:
  struct implementation;
  std::unique_ptr<implementation> implementation_;
};

} // namespace corestore::replication::legacy
