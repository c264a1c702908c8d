// What went over the wire for one core: messages of each kind, blocks and bytes, and what peers got wrong.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <variant>

#include "replication/wire/messages.hpp"

namespace corestore::replication {

struct message_count {
  std::uint64_t received = 0;
  std::uint64_t transmitted = 0;
  friend bool operator==(const message_count&, const message_count&) = default;
};

/// Names of the kinds, by message type on the wire.
inline constexpr std::array<std::string_view, std::variant_size_v<wire::message>> message_names{
  "sync", "request", "cancel", "data", "no_data", "want", "unwant", "bitfield", "range", "extension"};

/// Counts since the core was loaded (or the peer came). Blocks and bytes count when they were verified or handed out.
struct wire_statistics {
  std::array<message_count, message_names.size()> messages; ///< by message type, see message_names
  std::uint64_t blocks_uploaded = 0;
  std::uint64_t bytes_uploaded = 0;
  std::uint64_t blocks_downloaded = 0;
  std::uint64_t bytes_downloaded = 0;
  std::uint64_t blocks_pushed = 0;    ///< uploaded without having been asked for
  std::uint64_t hotswaps = 0;         ///< blocks asked for again elsewhere while a slow peer had not answered
  std::uint64_t timeouts = 0;         ///< requests that were given up
  std::uint64_t backoffs = 0;         ///< rounds without result, each followed by a wait
  std::uint64_t not_available = 0;    ///< no-data: the peer does not have it
  std::uint64_t invalid_data = 0;     ///< answers that did not verify
  std::uint64_t invalid_requests = 0; ///< requests that nobody could answer

  wire_statistics& operator+=(const wire_statistics& other) {
    for (std::size_t i = 0; i < messages.size(); ++i) {
      messages[i].received += other.messages[i].received;
      messages[i].transmitted += other.messages[i].transmitted;
    }
    blocks_uploaded += other.blocks_uploaded;
    bytes_uploaded += other.bytes_uploaded;
    blocks_downloaded += other.blocks_downloaded;
    bytes_downloaded += other.bytes_downloaded;
    blocks_pushed += other.blocks_pushed;
    hotswaps += other.hotswaps;
    timeouts += other.timeouts;
    backoffs += other.backoffs;
    not_available += other.not_available;
    invalid_data += other.invalid_data;
    invalid_requests += other.invalid_requests;
    return *this;
  }
};

} // namespace corestore::replication
