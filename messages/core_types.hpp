// What may be said about one core beyond its record: what was given back, its peers, its counters, its user data.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <caf/meta/type_name.hpp>

#include "base/bytes.hpp"
#include "messages/inspect.hpp"

namespace corestore {

/// What a clear (or purge) gave back: blocks that were stored, and their bytes as stored.
struct clear_result {
  std::uint64_t blocks = 0;
  std::uint64_t bytes = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& inspector, clear_result& value) {
  return inspector(caf::meta::type_name("clear_result"), value.blocks, value.bytes);
}

/// One peer of one core.
struct core_peer_record {
  std::uint64_t session = 0; ///< peer_record::id of the connection
  std::string address;
  std::string public_key; ///< hex
  std::uint64_t length = 0;
  std::uint64_t fork = 0;
  std::uint64_t contiguous_length = 0;
  std::uint64_t in_flight = 0; ///< requests of ours that it has not answered
  std::uint64_t blocks_up = 0;
  std::uint64_t bytes_up = 0;
  std::uint64_t blocks_down = 0;
  std::uint64_t bytes_down = 0;
  bool may_upload = true;   ///< we answer its requests
  bool may_download = true; ///< we ask it
  bool is_paused = false;   ///< it sent wrong data: it is asked for nothing
  bool is_uploading = true; ///< it answers requests, as its last sync says
  bool is_downloading = true;
  bool allows_push = false; ///< it takes blocks that it did not ask for
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& inspector, core_peer_record& value) {
  return inspector(caf::meta::type_name("core_peer_record"), value.session, value.address, value.public_key,
                   value.length, value.fork, value.contiguous_length, value.in_flight, value.blocks_up, value.bytes_up,
                   value.blocks_down, value.bytes_down, value.may_upload, value.may_download, value.is_paused,
                   value.is_uploading, value.is_downloading, value.allows_push);
}

/// Messages of the replication protocol by kind, in one direction.
struct wire_counters {
  std::uint64_t sync = 0;
  std::uint64_t request = 0;
  std::uint64_t cancel = 0;
  std::uint64_t data = 0;
  std::uint64_t no_data = 0;
  std::uint64_t want = 0;
  std::uint64_t unwant = 0;
  std::uint64_t bitfield = 0;
  std::uint64_t range = 0;
  std::uint64_t extension = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& inspector, wire_counters& value) {
  return inspector(caf::meta::type_name("wire_counters"), value.sync, value.request, value.cancel, value.data,
                   value.no_data, value.want, value.unwant, value.bitfield, value.range, value.extension);
}

/// Counters of one core since it was loaded.
struct core_stats {
  std::uint64_t blocks_uploaded = 0;
  std::uint64_t bytes_uploaded = 0;
  std::uint64_t blocks_downloaded = 0;
  std::uint64_t bytes_downloaded = 0;
  wire_counters received;
  wire_counters transmitted;
  std::uint64_t hotswaps = 0;         ///< blocks asked for again elsewhere while a slow peer had not answered
  std::uint64_t timeouts = 0;         ///< requests that were given up
  std::uint64_t backoffs = 0;         ///< rounds without result, each followed by a wait
  std::uint64_t not_available = 0;    ///< peers that did not have what we asked for
  std::uint64_t invalid_data = 0;     ///< answers that did not verify
  std::uint64_t invalid_requests = 0; ///< requests that nobody could answer
  bool is_verifying = false;          ///< everything stored is being hashed
  std::uint64_t blocks_verified = 0;  ///< so far, of that
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& inspector, core_stats& value) {
  return inspector(caf::meta::type_name("core_stats"), value.blocks_uploaded, value.bytes_uploaded,
                   value.blocks_downloaded, value.bytes_downloaded, value.received, value.transmitted, value.hotswaps,
                   value.timeouts, value.backoffs, value.not_available, value.invalid_data, value.invalid_requests,
                   value.is_verifying, value.blocks_verified);
}

/// One block, with everything that a get may be given.
struct fetch_request {
  std::uint64_t index = 0;
  std::uint64_t wait_ms = 0;
  std::uint64_t token = 0; ///< what `cancel` names it by; chosen by the caller, 0 = cannot be cancelled
  bool is_raw = false;     ///< as stored: not decrypted
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& inspector, fetch_request& value) {
  return inspector(caf::meta::type_name("fetch_request"), value.index, value.wait_ms, value.token, value.is_raw);
}

/// A set of blocks: a range, or `blocks` when there are any.
struct download_request {
  std::uint64_t start = 0;
  std::uint64_t end = 0; ///< past the length waits for growth
  std::vector<std::uint64_t> blocks;
  bool is_linear = false; ///< first to last, otherwise from a random start
  std::uint64_t wait_ms = 0;
  std::uint64_t token = 0; ///< what `cancel` names it by; chosen by the caller, 0 = cannot be cancelled
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& inspector, download_request& value) {
  return inspector(caf::meta::type_name("download_request"), value.start, value.end, value.blocks, value.is_linear,
                   value.wait_ms, value.token);
}

/// What a view of a core begins with.
struct checkout_request {
  std::uint64_t length = std::numeric_limits<std::uint64_t>::max(); ///< blocks of the log; the most means all of them
  bool is_writable = false; ///< a batch: appended to unseen, until it is flushed
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& inspector, checkout_request& value) {
  return inspector(caf::meta::type_name("checkout_request"), value.length, value.is_writable);
}

/// What an audit found, and what it dropped to have it fetched again.
struct repair_report {
  std::uint64_t blocks = 0; ///< looked at
  std::uint64_t dropped_blocks = 0;
  std::uint64_t dropped_bytes = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& inspector, repair_report& value) {
  return inspector(caf::meta::type_name("repair_report"), value.blocks, value.dropped_blocks, value.dropped_bytes);
}

/// Which blocks the next frame of an archive is to hold.
struct archive_request {
  std::uint64_t fork = 0; ///< of the head that the archive began with
  std::uint64_t length = 0;
  std::uint64_t first = 0; ///< 0, or `next` of the page before
  std::uint64_t bytes_max = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& inspector, archive_request& value) {
  return inspector(caf::meta::type_name("archive_request"), value.fork, value.length, value.first, value.bytes_max);
}

/// A part of a core as an archive holds it (log/archive.hpp).
struct archive_page {
  bytes frame;            ///< empty: nothing of the range is stored
  std::uint64_t next = 0; ///< block where the page after this one begins
  bool is_last = true;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& inspector, archive_page& value) {
  return inspector(caf::meta::type_name("archive_page"), value.frame, value.next, value.is_last);
}

/// A value that an application keeps beside a core.
struct user_value {
  bool is_set = false;
  bytes value;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& inspector, user_value& value) {
  return inspector(caf::meta::type_name("user_value"), value.is_set, value.value);
}

/// What an application says to peers of a core beside the log.
struct extension_message {
  std::string name; ///< of the extension: both sides use the same one
  bytes payload;
  std::uint64_t session = 0; ///< core_peer_record::session of the only peer meant; 0 = all of them
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& inspector, extension_message& value) {
  return inspector(caf::meta::type_name("extension_message"), value.name, value.payload, value.session);
}

/// The same as it arrives.
struct extension_event {
  core_key key;
  discovery_key discovery;
  std::string name;
  bytes payload;
  std::uint64_t session = 0; ///< where it came from: answers go there
  std::string public_key;    ///< hex, of that peer
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& inspector, extension_event& value) {
  return inspector(caf::meta::type_name("extension_event"), value.key, value.discovery, value.name, value.payload,
                   value.session, value.public_key);
}

enum class toggle : std::uint8_t {
  keep, ///< as it is
  off,
  on
};

/// What is in force after `wanted`.
constexpr bool after(toggle wanted, bool before) {
  return wanted == toggle::keep ? before : wanted == toggle::on;
}

/// What a core does with its peers, while it is in memory. In an answer nothing is `keep`.
struct core_switches {
  toggle upload = toggle::keep;     ///< answer requests
  toggle download = toggle::keep;   ///< ask for anything
  toggle active = toggle::keep;     ///< an owner wants the core: channels stay open, upgrades are followed
  toggle allow_push = toggle::keep; ///< take blocks that nobody asked for, from peers that push
  toggle push_only = toggle::keep;  ///< ask for nothing: only pushes bring blocks
  std::uint64_t session = 0;        ///< `upload` and `download` of this peer alone (core_peer_record::session); 0 = all
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& inspector, core_switches& value) {
  return inspector(caf::meta::type_name("core_switches"), value.upload, value.download, value.active, value.allow_push,
                   value.push_only, value.session);
}

/// Two heads that were signed for one length of one fork, and a proof of it that needs nothing else.
struct conflict_record {
  bool is_found = false;
  std::uint64_t fork = 0;
  std::uint64_t length = 0;
  hash32 our_tree; ///< tree hashes at that length
  hash32 their_tree;
  bytes proof; ///< see replication/conflict.hpp; empty when only the fact is known
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& inspector, conflict_record& value) {
  return inspector(caf::meta::type_name("conflict_record"), value.is_found, value.fork, value.length, value.our_tree,
                   value.their_tree, value.proof);
}

} // namespace corestore
