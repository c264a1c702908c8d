// Everything that is known about one peer of one core, and the messages that wait to be handed out for it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "replication/inflight.hpp"
#include "replication/pacing.hpp"
#include "replication/remote_bitfield.hpp"
#include "replication/replicator.hpp"
#include "replication/request_plan.hpp"
#include "replication/statistics.hpp"
#include "replication/upload_queue.hpp"
#include "replication/want_set.hpp"

namespace corestore::replication {

struct peer {
  peer_id id = 0;
  peer_options options;
  std::uint64_t ordinal = 0; ///< order of arrival: spreads the peers over a download

  // what its last sync said
  bool is_synced = false;
  wire::sync theirs{.uploading = true, .downloading = true};
  std::uint64_t length_acked = 0; ///< length of ours that it knows

  // what follows from it
  bool can_upgrade = true;           ///< we hold the roots of its length
  std::uint64_t provable_length = 0; ///< its blocks below this have a path to roots that it has, on `provable_fork`
  std::uint64_t provable_fork = 0;
  bool is_sync_due = false;

  // blocks
  remote_bitfield has;
  std::uint64_t knowledge = 0;       ///< grows when it may have more than before
  want_set wants;                    ///< its wants
  std::list<std::uint64_t> segments; ///< segments that we want to hear of, oldest first
  std::set<std::uint64_t> told;      ///< the same, to look up
  std::size_t turns_left = 0;        ///< segments that may make room for others before `turned_ms` plus a second
  std::uint64_t turned_ms = 0;
  std::uint64_t resumed_block = 0; ///< wanted block for whose segment there was no room
  std::uint64_t walked_block = 0;  ///< downloads have asked for the segments below it
  bool is_turn_due = false;        ///< more segments are to be asked for than the peer may be told at a time

  // our requests
  inflight requests;
  pacing pace;
  std::map<download_id, scan> scans;
  download_id last_download = 0; ///< the one that was served last
  /// Wanted version, knowledge and askable end of a pass without result.
  std::tuple<std::uint64_t, std::uint64_t, std::uint64_t> wanted_seen{0, 0, 0};

  // its requests
  upload_queue queue;
  std::size_t credit = 0;
  std::size_t invalid_requests = 0;

  // trust
  bool is_failed = false;
  bool is_paused = false;
  bool is_check_sent = false;   ///< the signature check (request 0) is under way
  std::size_t checks_left = 16; ///< unasked signature checks that are still looked at
  std::size_t invalid_data = 0;
  std::size_t strikes = 0;        ///< rounds without result since the last verified data
  std::size_t chain_failures = 0; ///< answers that came before the one they build on
  std::size_t refusals = 0;       ///< rounds without result at all
  std::uint64_t ready_ms = 0;     ///< nothing is asked before

  // extensions and pushes
  std::string extension_received; ///< name of the last extension message: an empty name repeats it
  std::string extension_sent;
  std::uint64_t pushed_length = 0; ///< length that our pushes and answers brought it to
  std::uint64_t pushed_fork = 0;

  void note_pushed(std::uint64_t fork, std::uint64_t length) {
    pushed_length = fork == pushed_fork ? std::max(pushed_length, length) : length;
    pushed_fork = fork;
  }

  // counters
  wire_statistics counts;

  // output of the current call
  std::vector<std::vector<wire::message>> batches; ///< each becomes one `outgoing`
  std::size_t open_bytes = 0;                      ///< estimate for the last of them
  std::vector<wire::request> asking;               ///< requests of this pass
};

} // namespace corestore::replication
