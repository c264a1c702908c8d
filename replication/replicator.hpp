// All peers of one core: what they have, what we ask them for, what we answer. A machine without I/O: messages, wishes
// and ticks in; messages, verified data and events out. It reads the log through the source given with each call and
// never writes: the owner commits what was verified and then says so.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "log/change_set.hpp"
#include "log/core_state.hpp"
#include "log/node.hpp"
#include "log/verify.hpp"
#include "replication/statistics.hpp"
#include "replication/wire/messages.hpp"

namespace corestore::replication {

/// Names one (core, connection); chosen by the owner, never used twice for one core.
using peer_id = std::uint64_t;

struct replicator_settings {
  std::size_t in_flight_max = 512;              ///< requests in flight for each peer
  std::size_t in_flight_bytes_max = 16U << 20U; ///< estimated bytes in flight for each peer (average block size)
  std::uint64_t request_ms_max = 30000;         ///< a request older than that counts as lost; the peer is backed off
  std::size_t invalid_requests_max = 64;        ///< then the peer is cut off
  bool is_eager = true;                         ///< follow upgrades without being asked
  bool is_downloading = false;                  ///< as after set_downloading(true)
};

struct peer_options {
  bool remote_seeks = false;
  bool may_upload = true;   ///< answer its requests
  bool may_download = true; ///< ask it for anything
};

struct peer_added {
  peer_id peer = 0;
};
struct peer_removed {
  peer_id peer = 0;
};
struct block_uploaded {
  peer_id peer = 0;
  std::uint64_t index = 0;
  std::uint64_t size = 0;
};
struct block_downloaded {
  peer_id peer = 0;
  std::uint64_t index = 0;
  std::uint64_t size = 0;
};
struct remote_contiguous {
  std::uint64_t length = 0;
};
struct invalid_data {
  peer_id peer = 0;
  error reason;
};
struct invalid_request {
  peer_id peer = 0;
  error reason;
};
/// Two signed heads for one length of one fork: `evidence` is the peer's full upgrade proof, `ours` the same of our log
/// (see conflict.hpp for the form in which both are kept).
struct conflict_found {
  peer_id peer = 0;
  log::proof evidence;
  std::optional<log::proof> ours;
};
/// A peer sent a message of an extension that is registered here.
struct extension_received {
  peer_id peer = 0;
  std::string name;
  bytes payload;
};
/// The peer broke a rule past forgiving: its owner cuts the connection.
struct peer_failed {
  peer_id peer = 0;
  error reason;
};
/// Neither side wants anything any more (wire 5.12): the owner closes this channel.
struct peer_idle {
  peer_id peer = 0;
};

using replicator_event =
  std::variant<peer_added, peer_removed, block_uploaded, block_downloaded, remote_contiguous, invalid_data,
               invalid_request, conflict_found, extension_received, peer_failed, peer_idle>;

/// A verified fork proof together with the length that both histories share.
struct reorg {
  log::verification verified;
  std::uint64_t ancestors = 0;
};

struct outgoing {
  peer_id peer = 0;
  std::vector<wire::message> messages;
};

/// What one or more calls produced; the owner drains it after each call.
struct effects {
  std::vector<outgoing> messages;
  std::vector<log::verification> verified; ///< to be staged together, committed, adopted, then committed() is called
  std::optional<reorg> replaced;           ///< to be staged alone
  std::vector<replicator_event> events;
};

struct peer_info {
  peer_id peer = 0;
  std::uint64_t fork = 0;
  std::uint64_t length = 0;
  std::uint64_t contiguous_length = 0;
  std::size_t in_flight = 0;
  bool is_paused = false;
  bool may_upload = true;   ///< we answer its requests
  bool may_download = true; ///< we ask it for blocks
  bool is_uploading = true; ///< it answers requests, as its last sync says
  bool is_downloading = true;
  bool allows_push = false; ///< it takes blocks that it did not ask for
  wire_statistics counts;
};

using download_id = std::uint64_t;
using seek_id = std::uint64_t;

/// What is known of a peer while its core is not in memory.
struct parked_peer;
using parked_peer_ptr = std::shared_ptr<parked_peer>;

class replicator {
public:
  /// `state` must outlive the replicator; it is only read.
  replicator(const log::core_state& state, replicator_settings settings);
  ~replicator();

  // -- peers

  void add_peer(peer_id peer, peer_options options, const log::log_source& source, std::uint64_t now_ms);
  void remove_peer(peer_id peer, const log::log_source& source, std::uint64_t now_ms);
  void receive(peer_id peer, std::vector<wire::message> messages, const log::log_source& source, std::uint64_t now_ms);

  /// Room for that many more bytes of answers to this peer. Requests wait in a bounded queue while there is none.
  /// A new peer starts without credit.
  void grant(peer_id peer, std::size_t bytes, const log::log_source& source);

  // -- leaving the memory, and coming back (parking.cpp)

  /// Nothing is under way in either direction; wishes of owners do not count.
  [[nodiscard]] bool is_quiet() const;
  /// Every peer that follows this core knows the head.
  [[nodiscard]] bool is_known_to_peers() const;
  /// Whether a peer whose channel just ended is to be asked for another one: it uploads, wanted nothing itself, and
  /// something is wanted here. Ask before remove_peer().
  [[nodiscard]] bool is_missed(peer_id peer) const;
  /// Takes a peer out without a word to it.
  [[nodiscard]] parked_peer_ptr park_peer(peer_id peer);
  /// Goes on where park_peer() stopped, maybe in another replicator of the same core; says what changed meanwhile.
  /// Without anything parked it is add_peer().
  void unpark_peer(peer_id peer, peer_options options, const parked_peer_ptr& parked, const log::log_source& source,
                   std::uint64_t now_ms);

  // -- what happened to the log (state is already the new one)

  /// `committed` after a change set made of `verified` or `replaced` was adopted, with `is_ours` false; after a local
  /// append, truncate or clear with `is_ours` true.
  void changed(const log::change_set& changes, bool is_ours, const log::log_source& source, std::uint64_t now_ms);

  /// A change set made of `verified` or `replaced` could not be committed: what it carried is asked for again.
  void discarded(const std::vector<log::verification>& verified, const log::log_source& source, std::uint64_t now_ms);

  // -- wishes

  /// Wants one block soon; counted, so every call needs its drop_block().
  void want_block(std::uint64_t index, const log::log_source& source, std::uint64_t now_ms);
  void drop_block(std::uint64_t index);

  /// The same for many blocks at once: a download of exactly these.
  void want_blocks(const std::vector<std::uint64_t>& indices, const log::log_source& source, std::uint64_t now_ms);
  void drop_blocks(const std::vector<std::uint64_t>& indices);

  /// Wants a range; an `end` of UINT64_MAX follows growth.
  void add_download(download_id id, log::block_range range, bool is_linear, const log::log_source& source,
                    std::uint64_t now_ms);
  void remove_download(download_id id);

  /// Wants the nodes that locate a byte position; the owner repeats its local seek after each change.
  void add_seek(seek_id id, std::uint64_t byte_position, std::uint64_t padding, const log::log_source& source,
                std::uint64_t now_ms);
  void remove_seek(seek_id id);

  /// Whether an owner holds this core (the `downloading` flag of our syncs).
  void set_downloading(bool is_downloading, const log::log_source& source, std::uint64_t now_ms);

  // -- extensions, pushes, switches

  /// Messages of this extension are wanted as events (or no longer). False: the name is empty or longer than
  /// limits::extension_name_bytes_max, or limits::extensions_max are registered.
  bool add_extension(const std::string& name);
  void remove_extension(const std::string& name);
  /// To one peer, or with `peer` 0 to all of them; returns how many it went to. The name need not be registered here.
  std::size_t send_extension(peer_id peer, const std::string& name, const bytes& payload);

  /// Whether peers may send blocks that nobody asked for (told in syncs, while an owner holds the core).
  void set_allow_push(bool is_allowed, const log::log_source& source, std::uint64_t now_ms);
  /// With true nothing is asked for any more: only pushes bring data.
  void set_push_only(bool is_push_only, const log::log_source& source, std::uint64_t now_ms);
  /// Sends a block to every peer that allows it, is not known to have it and has credit; returns to how many.
  std::size_t push(std::uint64_t index, const log::log_source& source, std::uint64_t now_ms);

  /// Of one peer, or with `peer` 0 of all there are: answer requests, ask for anything. What is under way the other way
  /// ends.
  void set_transfers(peer_id peer, bool may_upload, bool may_download, const log::log_source& source,
                     std::uint64_t now_ms);

  // -- questions

  /// True when no peer can bring a longer head: every peer has synced and none can upgrade us (wire 6, update).
  [[nodiscard]] bool is_update_settled() const;
  [[nodiscard]] std::vector<peer_info> peers() const;
  [[nodiscard]] std::size_t peer_count() const;
  /// The longest prefix of this fork that some peer said it has; 0 when none did.
  [[nodiscard]] std::uint64_t remote_contiguous_length() const;
  /// Sums over all peers since the start, those that left included.
  [[nodiscard]] wire_statistics statistics() const;
  /// Requests of this peer that wait for credit (see grant()).
  [[nodiscard]] std::size_t queued(peer_id peer) const;

  void tick(const log::log_source& source, std::uint64_t now_ms);
  /// When tick() should be called next; nothing while no timer runs.
  [[nodiscard]] std::optional<std::uint64_t> next_tick_ms() const;

  [[nodiscard]] effects take_effects();

private:
  struct implementation;
  std::unique_ptr<implementation> implementation_;
};

} // namespace corestore::replication
