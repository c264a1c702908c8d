// One connection's conversation, generation 10: secret stream, multiplexer and channels as one machine.
// Bytes, wishes and ticks in; bytes and events out. No socket, no clock, no thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "replication/dialect_events.hpp"

namespace corestore::replication {

struct connection_options {
  bool is_initiator = false;
  key_pair static_keys;                   ///< Ed25519; identifies this side
  std::uint64_t keep_alive_ms = 5000;     ///< an empty message after that long without a write; 0 = never
  std::uint64_t handshake_ms_max = 10000; ///< the connection fails when it takes longer; 0 = no limit
  /// Fixed randomness for golden transcripts; left empty outside tests.
  std::optional<key_pair> ephemeral_keys;
  std::optional<bytes> header_seed; ///< 24 bytes: the secretstream header that is sent
};

class connection {
public:
  connection(connection_options options, std::uint64_t now_ms);
  ~connection();
  connection(connection&&) noexcept;
  connection& operator=(connection&&) noexcept;

  /// Digests bytes from the network; decrypts in place, so `input` is scratch afterwards. Pieces may be of any size.
  /// An error is final: the caller closes the transport. Consecutive messages of one channel arrive as one event.
  /// Events that were complete before the error are in `events`.
  result<void> feed(std::span<std::uint8_t> input, std::uint64_t now_ms, std::vector<connection_event>& events);

  /// Wishes for a channel. The key is needed for the capability. Before the handshake is done the Open waits.
  /// A core has one channel: a second wish returns the same id, and a wish for a core that the remote asked for accepts
  /// that request (channel_opened then comes with poll() or feed(), whichever is first). Returns 0, which is no
  /// channel, when limits::channels_per_connection_max are ours already.
  channel_id open(const core_key& key, const discovery_key& discovery);

  /// Answers channel_requested. accept() checks the remote's capability: channel_opened, followed by what the remote
  /// sent meanwhile, or an error (final) follows. Both do nothing when the request is over or answered.
  result<void> accept(channel_id channel, const core_key& key, std::vector<connection_event>& events);
  void reject(channel_id channel);

  /// Ends a channel; nothing is heard of it afterwards.
  void close(channel_id channel);

  /// Encodes messages for an open channel. They leave with the next take_output(), corked into as few frames as
  /// the limits allow; a data message of 64 KiB or more always gets a frame of its own, and so does every request,
  /// because peers may answer the requests of one frame only together. Messages for a channel that is not open are
  /// dropped: an Open without an answer has not proven anything yet. A message above payload_bytes_max is a failure of
  /// the connection, which the next feed() or tick() returns.
  void send(channel_id channel, std::span<const wire::message> messages);

  /// Keep-alive and handshake timeout. An error is final.
  result<void> tick(std::uint64_t now_ms);

  /// Events that open(), reject() and close() brought about: an accepted wish, or a request of the remote that had to
  /// wait because limits::pending_opens_max others were unanswered. feed() and accept() deliver them as well.
  void poll(std::vector<connection_event>& events);

  /// Bytes for the network, in order; empties the buffer.
  bytes take_output();
  [[nodiscard]] std::size_t output_size() const;

  [[nodiscard]] bool is_ready() const; ///< handshake done
  [[nodiscard]] std::size_t open_channels() const;
  /// False in the middle of a frame: the remote's end of stream would be a truncation.
  [[nodiscard]] bool is_between_frames() const;

private:
  struct implementation;
  std::unique_ptr<implementation> implementation_;
};

} // namespace corestore::replication
