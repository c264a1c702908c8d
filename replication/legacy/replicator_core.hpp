// The parts of a generation 9 replicator, one file for each question: telling.cpp (what do peers need to know),
// serving.cpp (what do we answer), fetching.cpp (what do we ask, and what came back), replicator.cpp (the calls).
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "log/legacy/node_index.hpp"
#include "log/legacy/proofs.hpp"
#include "replication/legacy/replicator.hpp"
#include "replication/overlay_source.hpp"
#include "replication/remote_bitfield.hpp"
#include "replication/request_plan.hpp"
#include "replication/stall.hpp"

namespace corestore::replication::legacy {

/// Blocks of one Want: the reference counts only answers of exactly this length.
inline constexpr std::uint64_t region_blocks = std::uint64_t{1} << 20U;
/// Wants without an answer, for each peer (as the reference).
inline constexpr std::size_t regions_open_max = 16;
/// Requests in flight for each peer, whatever the settings allow.
inline constexpr std::size_t in_flight_ceiling = 256;
/// Bytes of a bitfield that a stranger may announce at once.
inline constexpr std::size_t announced_bytes_max = std::size_t{1} << 20U;
/// Blocks that one Want is answered for.
inline constexpr std::uint64_t answered_blocks_max = std::uint64_t{1} << 24U;
/// Wrong answers after which a peer is cut off.
inline constexpr std::size_t invalid_data_max = 4;
/// Questions of one seek before it waits for news.
inline constexpr std::uint64_t seek_attempts_max = 64;
/// Quiet time after which a peer hears that we want nothing more of it. Short: a connection for one exchange ends with
/// it; long enough that a live one does not hear it between two blocks.
inline constexpr std::uint64_t rest_ms = 250;
/// Wait after a peer left a question without an answer.
inline constexpr std::uint64_t late_ms = 1000;
/// Verified bytes that wait for their commit before nothing more is asked for.
inline constexpr std::size_t uncommitted_bytes_max = std::size_t{64} << 20U;
/// Uncommitted nodes kept before they are compared with what is stored.
inline constexpr std::size_t fresh_slack = 65536;
/// Messages of one outgoing batch.
inline constexpr std::size_t batch_bytes_max = std::size_t{1} << 20U;

/// One question of ours; the reference answers by index, not by number.
struct question {
  bool is_hash_only = false;
  std::uint64_t sent_ms = 0;
  std::uint64_t epoch = 0;                          ///< local losses when it was sent: nodes that were here may be gone
  std::optional<std::uint64_t> seek = std::nullopt; ///< the seek it belongs to: another block may come back
};

struct peer {
  peer_id id = 0;
  peer_options options;
  std::uint64_t ordinal = 0;

  // what it said
  bool is_uploading = true;
  bool is_downloading = true;
  bool is_listening = false; ///< it sent a Want: it hears of what we get
  bool is_acking = false;    ///< it wants to hear what we stored of its blocks
  std::uint64_t length = 0;
  remote_bitfield has;
  std::uint64_t knowledge = 0; ///< grows when it may have more than before
  std::vector<std::string> extensions;

  // what we said
  bool told_uploading = true;
  bool told_downloading = true;
  std::set<std::uint64_t> regions; ///< regions that we want to hear of
  std::size_t regions_open = 0;    ///< of these, without an answer
  bool has_answered = false;       ///< a Want of ours

  // our questions
  std::map<std::uint64_t, question> questions;
  std::map<download_id, scan> scans;
  std::uint64_t busy_ms = 0;  ///< when something was last under way
  std::uint64_t ready_ms = 0; ///< nothing is asked before

  // its questions
  std::deque<request> queue;
  std::size_t credit = 0;
  log::legacy::index_set nodes; ///< it said that it has these
  std::optional<std::uint64_t> last_seek;

  bool is_failed = false;
  std::size_t invalid_data = 0;
  std::size_t invalid_requests = 0;
  wire_statistics counts;

  // output of the current call
  std::vector<std::vector<message>> batches;
  std::size_t open_bytes = 0;
};

struct replicator::implementation {
  implementation(const log::core_state& core, replicator_settings options)
      : state(core), settings(options), plan(core.bits), head(core.head), downloading(options.is_downloading) {
    // nop
  }

  // -- replicator.cpp
  peer* find(peer_id id);
  void post(peer& to, message content, std::size_t bytes = 64);
  void fail_peer(peer& who, ec code, std::string detail);
  void settle(const log::log_source& source);
  void flush();
  [[nodiscard]] bool follows_growth() const;
  [[nodiscard]] bool wants_anything() const;
  [[nodiscard]] log::legacy::stored_nodes known(const log::node_source& source) const;

  // -- telling.cpp
  void open_peer(peer& to);
  void tell_status(peer& to, bool downloading);
  void tell_extensions(peer& to);
  void announce(const log::change_set& changes, const std::map<std::uint64_t, peer_id>& origins);
  void on_want(peer& from, const want& said);
  void on_status(peer& from, const status& said);
  void on_have(peer& from, const have& said);
  void on_unhave(peer& from, const unhave& said);
  void rest(peer& to);

  // -- serving.cpp
  void on_request(peer& from, const request& said);
  void serve(peer& to, const log::log_source& source);
  void answer(peer& to, request said, const log::log_source& source);
  void refuse(peer& to, std::uint64_t index);

  // -- fetching.cpp
  [[nodiscard]] bool may_ask(const peer& whom) const;
  [[nodiscard]] bool has_room(const peer& whom) const;
  void pump(peer& whom, const log::log_source& source);
  void ask_regions(peer& whom);
  void ask_region(peer& whom, std::uint64_t block);
  void ask_wanted(peer& whom, const log::log_source& source);
  void ask_downloads(peer& whom, const log::log_source& source);
  void ask_growth(peer& whom, const log::log_source& source);
  void ask_seeks(peer& whom, const log::log_source& source);
  void ask(peer& whom, request said, std::optional<std::uint64_t> seek, const log::log_source& source);
  static void hash_ahead(const peer& from, std::vector<message>& messages);
  void on_data(peer& from, data said, const log::log_source& source);
  void keep(peer& from, log::verification verified);
  void release(peer& from, std::uint64_t index, const question& asked);
  void release_all(peer& from);
  void on_wrong(peer& from, const error& reason);
  void expire(peer& from);
  [[nodiscard]] bool is_resting(const peer& of) const;

  const log::core_state& state;
  const replicator_settings settings;
  std::map<peer_id, peer> peers;
  request_plan plan;
  log::tree_head head; ///< what is proven: ahead of the stored head while a commit is under way
  node_map fresh;      ///< verified nodes that may not be stored yet
  effects out;
  std::set<std::string> extensions;     ///< wanted here
  std::vector<std::string> named;       ///< in the order of their ids: wanted or used here
  std::optional<request_place> growing; ///< the question for a longer log
  std::uint64_t now = 0;
  std::uint64_t ordinals = 0;
  std::uint64_t epoch = 0;
  stall stalled; ///< a commit failed
  bool downloading;
  bool is_push_allowed = false;
  bool is_push_only = false;
  wire_statistics departed; ///< counts of peers that left
};

} // namespace corestore::replication::legacy
