// All peers of one core of generation 9. The same machine as replication/replicator.hpp, call by call; only what goes
// over the wire differs: any block may prove a longer log, there are no forks, and a peer that has everything says so
// with a status, so that connections that were opened for one exchange come to their end.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "replication/legacy/messages.hpp"
#include "replication/replicator.hpp"

namespace corestore::replication::legacy {

struct outgoing {
  peer_id peer = 0;
  std::vector<message> messages;
};

/// What one or more calls produced.
struct effects {
  std::vector<outgoing> messages;
  std::vector<log::verification> verified; ///< to be staged together, committed and adopted; then changed() is called
  std::vector<replicator_event> events;
};

/// What is known of a peer while its core is not in memory.
struct parked_peer;
using parked_peer_ptr = std::shared_ptr<parked_peer>;

/// Where a message is counted: under the kind of generation 10 that does the same.
std::size_t kind_of(const message& source);

class replicator {
public:
  /// `state` must outlive the replicator; it is only read.
  replicator(const log::core_state& state, replicator_settings settings);
  ~replicator();

  void add_peer(peer_id peer, peer_options options, const log::log_source& source, std::uint64_t now_ms);
  void remove_peer(peer_id peer, const log::log_source& source, std::uint64_t now_ms);
  void receive(peer_id peer, std::vector<message> messages, const log::log_source& source, std::uint64_t now_ms);
  void grant(peer_id peer, std::size_t bytes, const log::log_source& source);

  // -- leaving the memory, and coming back (parking.cpp)

  [[nodiscard]] bool is_quiet() const;
  /// What is committed is said at once, and nobody confirms it: always true.
  [[nodiscard]] bool is_known_to_peers() const;
  /// Whether a peer that leaves wanted nothing itself while something of it is wanted here.
  [[nodiscard]] bool is_missed(peer_id peer) const;
  [[nodiscard]] parked_peer_ptr park_peer(peer_id peer);
  void unpark_peer(peer_id peer, peer_options options, const parked_peer_ptr& parked, const log::log_source& source,
                   std::uint64_t now_ms);

  void changed(const log::change_set& changes, bool is_ours, const log::log_source& source, std::uint64_t now_ms);
  void discarded(const std::vector<log::verification>& verified, const log::log_source& source, std::uint64_t now_ms);

  void want_blocks(const std::vector<std::uint64_t>& indices, const log::log_source& source, std::uint64_t now_ms);
  void drop_blocks(const std::vector<std::uint64_t>& indices);
  void add_download(download_id id, log::block_range range, bool is_linear, const log::log_source& source,
                    std::uint64_t now_ms);
  void remove_download(download_id id);
  /// Sizes of encrypted blocks do not occur in this generation: positions are positions in the stored bytes.
  void add_seek(seek_id id, std::uint64_t byte_position, const log::log_source& source, std::uint64_t now_ms);
  void remove_seek(seek_id id);
  void set_downloading(bool is_downloading, const log::log_source& source, std::uint64_t now_ms);

  bool add_extension(const std::string& name);
  void remove_extension(const std::string& name);
  std::size_t send_extension(peer_id peer, const std::string& name, const bytes& payload);
  /// Blocks that nobody asked for are taken.
  void set_allow_push(bool is_allowed);
  void set_push_only(bool is_push_only, const log::log_source& source, std::uint64_t now_ms);
  void set_transfers(peer_id peer, bool may_upload, bool may_download, const log::log_source& source,
                     std::uint64_t now_ms);

  [[nodiscard]] bool is_update_settled() const;
  [[nodiscard]] std::vector<peer_info> peers() const;
  [[nodiscard]] std::size_t peer_count() const;
  [[nodiscard]] std::uint64_t remote_contiguous_length() const;
  [[nodiscard]] wire_statistics statistics() const;
  [[nodiscard]] std::size_t queued(peer_id peer) const;

  void tick(const log::log_source& source, std::uint64_t now_ms);
  [[nodiscard]] std::optional<std::uint64_t> next_tick_ms() const;
  [[nodiscard]] effects take_effects();

private:
  struct implementation;
  std::unique_ptr<implementation> implementation_;
};

} // namespace corestore::replication::legacy
