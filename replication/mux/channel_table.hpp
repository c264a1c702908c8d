// The channels of one connection: our numbers for them, and the two ids that each has on the wire.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "replication/mux/channel_id.hpp"

namespace corestore::replication {

enum class channel_state : std::uint8_t {
  over,      ///< no such channel (any more)
  wished,    ///< ours, the Open is not sent yet
  opening,   ///< our Open waits for its answer
  abandoned, ///< as opening, but we lost interest: its id is ours until the answer came
  requested, ///< the remote's Open waits for our answer
  open
};

struct channel {
  channel_state state = channel_state::over;
  std::uint16_t generation = 1;
  std::uint32_t local_id = 0;  ///< in frames that we send; 0 = none
  std::uint32_t remote_id = 0; ///< in frames that the remote sends; 0 = none
  corestore::discovery_key discovery;
  bytes held; ///< messages that came before the answer: u32 size, then type and payload
};

/// At most one channel for each discovery key, at most limits::channels_per_connection_max ids in each direction.
/// References are valid until the next create().
class channel_table {
public:
  /// Nothing when our own side is full (never for `requested`, which the remote's ids bound).
  channel* create(const discovery_key& discovery, channel_state state);
  /// Frees the channel with its ids; its channel_id names nothing from now on.
  void erase(channel& target);
  /// Gives the channel another channel_id; whoever holds the old one cannot reach it any more.
  void renew(channel& target);

  [[nodiscard]] channel* find(channel_id id);
  [[nodiscard]] channel* find(const discovery_key& discovery);
  [[nodiscard]] channel* find_local(std::uint64_t local_id);
  [[nodiscard]] channel* find_remote(std::uint64_t remote_id);
  [[nodiscard]] channel_id id_of(const channel& target) const;

  /// Takes the id freed last, else the next one. False when all are taken.
  bool assign_local(channel& target);

  /// Whether the remote may use that id in an Open: free, and not beyond the next one. Notes it as seen.
  /// protocol_violation or limit_exceeded otherwise.
  result<void> see_remote(std::uint64_t remote_id);
  void assign_remote(channel& target, std::uint32_t remote_id);

  /// Moves to `open`, or away from it; keeps the count.
  void set_state(channel& target, channel_state state);
  [[nodiscard]] std::size_t open_count() const {
    return open_count_;
  }

private:
  static constexpr std::uint32_t none = UINT32_MAX;

  [[nodiscard]] std::uint32_t slot_of(const channel& target) const {
    return static_cast<std::uint32_t>(&target - slots_.data());
  }

  std::vector<channel> slots_;
  std::vector<std::uint32_t> free_slots_;
  std::map<discovery_key, std::uint32_t>
    by_discovery_;                        ///< ordered: strangers choose the keys, hashes could be made to collide
  std::vector<std::uint32_t> local_ids_;  ///< slot of local id i + 1
  std::vector<std::uint32_t> remote_ids_; ///< slot of remote id i + 1
  std::vector<std::uint32_t> free_local_ids_;
  std::size_t ours_count_ = 0; ///< channels that have a local id or will need one
  std::size_t open_count_ = 0;
};

} // namespace corestore::replication
