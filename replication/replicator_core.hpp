// The parts of a replicator, one file for each question: announcing.cpp (what do peers need to know), answering.cpp
// (what do we answer), asking.cpp (what do we ask), accepting.cpp (what came back), forks.cpp (whose history holds).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "log/proof.hpp"
#include "log/reorg.hpp"
#include "replication/overlay_source.hpp"
#include "replication/peer.hpp"
#include "replication/replicator.hpp"
#include "replication/request_plan.hpp"
#include "replication/stall.hpp"

namespace corestore::replication {

/// Mean block size or block seen above which requests go out one by one: the reference answers a batch of requests
/// with one batch, and that has to fit a frame (wire 9, hazard 7).
inline constexpr std::uint64_t large_block_bytes = 65536;
/// Requests of one outgoing batch, by count and by estimated bytes of the answers.
inline constexpr std::size_t request_batch_max = 128;
inline constexpr std::size_t request_batch_bytes_max = std::size_t{1} << 20U;
/// Answers of one outgoing batch, estimated bytes.
inline constexpr std::size_t answer_batch_bytes_max = std::size_t{1} << 20U;
/// Verified bytes that wait for their commit before nothing more is asked for.
inline constexpr std::size_t uncommitted_bytes_max = std::size_t{64} << 20U;
/// Answers that lacked the one they build on, after which a peer is not asked for answers that build on each other.
inline constexpr std::size_t chain_failures_max = 8;
/// Uncommitted nodes kept before they are compared with what is stored.
inline constexpr std::size_t fresh_slack = 65536;
/// Answers that wait for the one before them: those that move the head for its commit, blocks for their neighbour.
inline constexpr std::size_t held_max = 64;
inline constexpr std::size_t held_bytes_max = std::size_t{16} << 20U;
/// Rounds without result, and invalid data, after which a peer is asked for nothing any more.
inline constexpr std::size_t refusals_max = 32;
inline constexpr std::size_t invalid_data_max = 8;
/// Wait after the first round without result; doubled for each further one up to the second.
inline constexpr std::uint64_t back_off_ms_min = 100;
inline constexpr std::uint64_t back_off_ms_max = 30000;
/// A search for the common prefix that nobody can help with ends after that.
inline constexpr std::uint64_t search_wait_ms = 3000;
/// Time within which only so many unfinished segments make room for others.
inline constexpr std::uint64_t wants_turn_ms = 1000;
/// Blocks this close to the end of the log are announced to everybody (wire 5.4).
inline constexpr std::uint64_t announce_tail_blocks = 256;

struct replicator::implementation {
  implementation(const log::core_state& core, replicator_settings options)
      : state(core), settings(options), plan(core.bits), downloading(options.is_downloading) {
    // nop
  }

  struct held_data {
    peer_id from = 0;
    wire::data message;
    asked request;
  };

  // -- replicator.cpp: the common end of every call
  peer* find(peer_id id);
  void pump_all(const log::log_source& source);
  void post(peer& to, wire::message message, std::size_t bytes);
  void settle(const log::log_source& source);
  void flush(peer& to);
  void flush_all();
  void drop_wanted(std::uint64_t index);
  void fail_peer(peer& who, ec code, std::string detail);
  [[nodiscard]] bool is_downloading() const {
    return downloading || !plan.is_idle();
  }
  [[nodiscard]] bool is_frozen() const {
    return frozen || state.header.is_frozen;
  }
  [[nodiscard]] bool knows_manifest() const {
    return state.manifest.has_value();
  }
  /// As far as the log is proven: what lies between our head and this is asked for while the disk is busy.
  [[nodiscard]] const log::tree_head& proven_head() const {
    return pending_head && !is_reorg_pending ? *pending_head : state.head;
  }
  /// Proofs lean on `nodes`, which outlives it.
  [[nodiscard]] log::proof_verifier verifier_over(const log::node_source& nodes) const {
    return {state.header.key, state.manifest ? &*state.manifest : nullptr, state.header.manifest, state.head, nodes};
  }
  [[nodiscard]] bool is_allowing_push() const {
    return allows_push && downloading;
  }
  [[nodiscard]] bool can_send_manifest() const;

  // -- parking.cpp
  void tell_stored(peer& to, log::block_range where, std::size_t& left);

  // -- announcing.cpp
  void open_peer(peer& to, const log::log_source& source);
  void refresh_upgradable(peer& of, const log::log_source& source);
  void send_sync(peer& to);
  void announce(const log::change_set& changes, bool is_truncated);
  void on_sync(peer& from, const wire::sync& message, const log::log_source& source);
  void on_range(peer& from, const wire::range& message);
  void on_bitfield(peer& from, const wire::bitfield& message);
  void on_want(peer& from, const wire::want& message);
  void on_extension(peer& from, wire::extension message);
  bool send_extension(peer& to, const std::string& name, bytes payload);
  void answer_wants(peer& to);
  void switch_transfers(peer_id peer, bool may_upload, bool may_download);
  void update_downloading();

  // -- answering.cpp
  void on_request(peer& from, wire::request message, const log::log_source& source);
  void serve(peer& to, const log::log_source& source);
  void answer(peer& to, const wire::request& request, const log::log_source& source);
  bool deliver(peer& to, const wire::request& request, log::proof proof, const log::log_source& source);
  void refuse(peer& to, const wire::request& request);
  void reject(peer& to, const wire::request& request, error reason);
  bool push_block(peer& to, std::uint64_t index, const log::log_source& source);

  // -- asking.cpp
  [[nodiscard]] bool may_ask(const peer& whom) const;
  [[nodiscard]] bool has_room(const peer& whom) const;
  [[nodiscard]] std::uint64_t askable_end(const peer& whom) const;
  [[nodiscard]] std::size_t block_estimate() const;
  void pump(peer& whom, const log::log_source& source);
  void ask_manifest(peer& whom);
  void ask_upgrade(peer& whom);
  [[nodiscard]] bool is_upgrade_useful(const peer& whom) const;
  void ask_wanted(peer& whom, const log::log_source& source);
  void ask_downloads(peer& whom, const log::log_source& source);
  void ask_seeks(peer& whom, const log::log_source& source);
  bool ask_seek(peer& whom, seek_id id, request_plan::seek& seek, const log::log_source& source);
  bool ask_block(peer& whom, std::uint64_t index, std::uint64_t priority, const log::log_source& source);
  void ask_segment(peer& whom, std::uint64_t segment);
  [[nodiscard]] bool make_room(peer& whom);
  std::uint64_t send_request(peer& whom, asked request, std::uint64_t priority);
  void withdraw(peer& whom, std::uint64_t id);

  // -- slow_peers.cpp
  [[nodiscard]] std::uint64_t stale_ms(const peer& slow, std::uint64_t best_ms) const;
  [[nodiscard]] std::uint64_t best_latency() const;
  [[nodiscard]] std::optional<std::uint64_t> next_swap_ms();
  void swap_stale(const log::log_source& source);
  bool take_over(peer& idle, const std::vector<std::uint64_t>& blocks, const log::log_source& source);
  bool move_single(request_place place);

  // -- accepting.cpp
  static void hash_ahead(const peer& from, std::vector<wire::message>& messages);
  void on_data(peer& from, wire::data message, const log::log_source& source, log::proof_verifier& verifier);
  void accept(peer& from, wire::data message, const asked& request, log::proof_verifier& verifier);
  void on_pushed(peer& from, wire::data message, const log::log_source& source, log::proof_verifier& verifier);
  void keep(peer& from, log::verification verified, std::uint64_t id, const asked& request);
  void keep_block(peer& from, log::verification& verified, std::uint64_t id);
  void on_no_data(peer& from, const wire::no_data& message);
  void release(peer& from, std::uint64_t id, const asked& request);
  void back_off(peer& from);
  void on_failure(peer& from, wire::data message, const asked& request, const error& reason);
  void on_invalid(peer& from, const asked* request, const error& reason);
  void release_held(const log::log_source& source);
  void commit_blocks(const log::change_set& changes, bool is_ours);
  void drop_held(std::optional<peer_id> from);
  void hold(peer& from, wire::data message, const asked& request);
  bool stash(std::vector<held_data>& where, held_data answer);
  [[nodiscard]] bool is_early(const peer& from, const asked& request) const;
  void settle_early(const log::log_source& source);
  void forget_fresh(const log::change_set& changes, const log::log_source& source);
  void expire(peer& from);

  // -- forks.cpp
  void send_check(peer& to);
  void on_check(peer& from, const wire::data& message, const log::log_source& source);
  void on_conflict(peer& from, const log::proof& evidence, const log::log_source& source);
  void ask_fork(peer& whom, const log::log_source& source);
  void on_fork(peer& from, const wire::data& message, const log::log_source& source);
  void on_ancestor(peer& from, const wire::data& message, const log::log_source& source);
  void advance_reorg(const log::log_source& source);
  void on_fork_changed();

  const log::core_state& state;
  const replicator_settings settings;
  std::map<peer_id, peer> peers;
  request_plan plan;
  node_map fresh; ///< verified nodes that are not committed yet
  effects out;
  wire_statistics departed; ///< counts of peers that left

  std::uint64_t now = 0;
  std::uint64_t ordinals = 0;
  bool downloading = false;
  bool downloading_told = false; ///< the flag in our last syncs
  bool frozen = false;
  std::optional<log::tree_head> pending_head; ///< it was handed out and is not committed yet
  bool is_reorg_pending = false;              ///< the same, of another fork
  bool is_manifest_pending = false;           ///< the same for the manifest
  std::optional<request_place> upgrade;       ///< upgrade in flight
  std::optional<request_place> manifest_request;
  std::optional<log::reorg_search> search; ///< a higher fork whose common prefix is sought
  std::optional<request_place> search_request;
  std::uint64_t search_started_ms = 0;
  std::uint64_t search_heard_ms = 0; ///< when somebody last helped
  std::vector<held_data> held;
  std::vector<held_data> early;         ///< blocks that overtook the one whose proof they build on
  std::uint64_t block_size_seen = 0;    ///< largest block that came in
  std::uint64_t complete_announced = 0; ///< last length for which completeness was told
  std::uint64_t remote_contiguous_best = 0;
  bool allows_push = false;
  bool allow_push_told = false;
  bool is_push_only = false;
  std::set<std::string, std::less<>> extensions; ///< names that somebody here listens to
  peer_id first_pumped = 0;                      ///< the peer that had the first choice in the last pass
  std::uint64_t swapped_ms = 0;
  std::uint64_t swap_wait_ms = 100;
  std::uint64_t epoch = 0; ///< local clears and truncations
  stall stalled;           ///< a commit failed
};

} // namespace corestore::replication
