// The dialect seam: which generation a connection speaks is decided once, and everything above sees one machine.
// An incoming connection tells by its first bytes; who dials has to know.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "log/generation.hpp"
#include "replication/connection.hpp"
#include "replication/dialect_events.hpp"
#include "replication/legacy/connection.hpp"

namespace corestore::replication {

/// What the first bytes of an initiator say. Nothing while there are too few (three are enough); protocol_violation
/// when they belong to neither generation. In generation 9 a hello begins with its length 58 as a varint; in generation
/// 10 with its length, 32 or more, as 24 bits little endian.
result<std::optional<log::generation>> generation_of(byte_view first_bytes);

/// The Diffie-Hellman keys that stand for an Ed25519 identity in generation 9.
crypto::x25519_pair legacy_identity(const key_pair& identity);

/// One connection in the dialect that was chosen for it; the calls are those of connection.
class conversation {
public:
  /// An initiator needs to know `which`; without it, a responder waits for the first bytes.
  conversation(connection_options options, std::optional<log::generation> which, std::uint64_t now_ms);

  /// Nothing before the first bytes.
  [[nodiscard]] std::optional<log::generation> generation() const;

  result<void> feed(std::span<std::uint8_t> input, std::uint64_t now_ms, std::vector<connection_event>& events);
  channel_id open(const core_key& key, const discovery_key& discovery);
  result<void> accept(channel_id channel, const core_key& key, std::vector<connection_event>& events);
  void reject(channel_id channel);
  void close(channel_id channel);
  /// Messages of the other dialect are dropped.
  void send(channel_id channel, const message_batch& messages);
  result<void> tick(std::uint64_t now_ms);
  void poll(std::vector<connection_event>& events);
  bytes take_output();
  [[nodiscard]] std::size_t output_size() const;
  [[nodiscard]] bool is_ready() const;
  [[nodiscard]] std::size_t open_channels() const;
  [[nodiscard]] bool is_between_frames() const;

private:
  struct undecided {
    bytes first;
    std::uint64_t started_ms = 0;
  };

  void decide(log::generation which, std::uint64_t now_ms);

  connection_options options_;
  std::variant<undecided, connection, legacy::connection> machine_;
};

} // namespace corestore::replication
