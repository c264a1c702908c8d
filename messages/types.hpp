// What may be said: plain values that work across CAF nodes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <caf/meta/type_name.hpp>

#include "base/bytes.hpp"
#include "messages/inspect.hpp"

namespace corestore {

/// How a caller names a core.
enum class selector_kind : std::uint8_t {
  by_name,      ///< `name` in `name_space`: derived from the primary key, writable; created when unknown
  by_key,       ///< `id` is a core key
  by_discovery, ///< `id` is a discovery key; the core must be known
  by_id,        ///< `id` is a core key or the discovery key of a known core
  by_default,   ///< the default core of `name_space`
  by_pair,      ///< `pair` signs; the key follows from the default manifest (or `manifest`)
  by_manifest,  ///< the key follows from `manifest` (encoded)
  at_random     ///< a fresh writable core
};

struct core_selector {
  selector_kind kind = selector_kind::by_name;
  namespace_id name_space;
  std::string name;
  hash32 id;
  key_pair pair;
  bytes manifest;
  bool create = true;            ///< false: not_found when the store does not know the core
  std::vector<std::string> path; ///< names of namespaces below `name_space`, from the outside in
  std::uint8_t generation = 0;   ///< 9 or 10; 0 = what the store makes by default; 255 = either
  bytes encryption_key;          ///< empty or 32 bytes: blocks are encrypted while the core stays open
  bool is_exclusive = false;     ///< core_held when another exclusive opening is not closed yet
  bool is_read_only = false;     ///< the handle that comes back refuses every change
  bool is_active = true;         ///< false: downloads and offers nothing because of this opening
  bytes group;                   ///< empty, or the topic (32 bytes) of the group that the core is in from now on
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& inspector, core_selector& value) {
  return inspector(caf::meta::type_name("core_selector"), value.kind, value.name_space, value.name, value.id,
                   value.pair, value.manifest, value.create, value.path, value.generation, value.encryption_key,
                   value.is_exclusive, value.is_read_only, value.is_active, value.group);
}

/// What is known of a core at one moment.
struct core_record {
  core_key key;
  discovery_key discovery;
  std::uint8_t generation = 10;
  bytes manifest; ///< encoded; empty while unknown
  std::uint64_t length = 0;
  std::uint64_t byte_length = 0;
  std::uint64_t fork = 0;
  std::uint64_t contiguous_length = 0;
  hash32 tree_hash;
  std::uint32_t peers = 0;
  bool writable = false;
  bool active = false;                        ///< loaded now
  bool mirrored = false;                      ///< kept complete
  std::string name;                           ///< the name that it was derived from, if any
  namespace_id name_space;                    ///< of that name
  bool is_external = false;                   ///< not derived from the store's primary key
  bool is_encrypted = false;                  ///< its blocks are decrypted here
  bool is_frozen = false;                     ///< a conflict was found: no replication any more
  std::uint64_t remote_contiguous_length = 0; ///< the longest prefix that some peer has without a gap
  bool is_fenced = false; ///< restored from a backup: read-only until a peer has shown that none has more
  bytes group;            ///< topic of the group that it is in; empty: in none
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& inspector, core_record& value) {
  return inspector(caf::meta::type_name("core_record"), value.key, value.discovery, value.generation, value.manifest,
                   value.length, value.byte_length, value.fork, value.contiguous_length, value.tree_hash, value.peers,
                   value.writable, value.active, value.mirrored, value.name, value.name_space, value.is_external,
                   value.is_encrypted, value.is_frozen, value.remote_contiguous_length, value.is_fenced, value.group);
}

struct append_result {
  std::uint64_t length = 0;
  std::uint64_t byte_length = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& inspector, append_result& value) {
  return inspector(caf::meta::type_name("append_result"), value.length, value.byte_length);
}

struct indexed_block {
  std::uint64_t index = 0;
  shared_bytes value;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& inspector, indexed_block& value) {
  return inspector(caf::meta::type_name("indexed_block"), value.index, value.value);
}

/// Consecutive stored blocks; shorter than asked for at a gap, at the end, or at the byte limit.
struct block_batch {
  std::vector<indexed_block> blocks;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& inspector, block_batch& value) {
  return inspector(caf::meta::type_name("block_batch"), value.blocks);
}

struct seek_position {
  std::uint64_t index = 0;
  std::uint64_t offset = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& inspector, seek_position& value) {
  return inspector(caf::meta::type_name("seek_position"), value.index, value.offset);
}

/// Outcome of re-hashing a core against its signed head.
struct verify_report {
  std::uint64_t blocks = 0; ///< blocks hashed
  std::uint64_t bytes_hashed = 0;
  std::vector<std::string> faults; ///< a sentence each; at most 1,000
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& inspector, verify_report& value) {
  return inspector(caf::meta::type_name("verify_report"), value.blocks, value.bytes_hashed, value.faults);
}

enum class event_kind : std::uint8_t {
  append,      ///< the log got longer: `length`, `fork`
  truncate,    ///< `length` is what both histories share
  download,    ///< block `index` of `size` bytes arrived
  upload,      ///< block `index` of `size` bytes was sent
  peer_add,    ///< a peer opened this core
  peer_remove, ///< a peer left
  manifest,    ///< the manifest became known
  conflict,    ///< two signed histories exist: `length` and `fork` that both are signed for
  closed,      ///< no further event follows
  contiguous   ///< some peer said that it has the first `length` blocks, more than any before
};

struct core_event {
  event_kind kind = event_kind::append;
  core_key key;
  discovery_key discovery;
  std::uint64_t length = 0;
  std::uint64_t fork = 0;
  std::uint64_t index = 0;
  std::uint64_t size = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& inspector, core_event& value) {
  return inspector(caf::meta::type_name("core_event"), value.kind, value.key, value.discovery, value.length, value.fork,
                   value.index, value.size);
}

/// One page of a listing: byte order of discovery keys (in a namespace: of names, the namespaces below it last).
struct list_request {
  bool in_namespace = false;
  namespace_id name_space;
  bool loaded_only = false;
  hash32 after; ///< discovery key of the last record of the page before; zeros for the first page
  std::uint32_t limit = 1000;
  std::vector<std::string> path;   ///< names of namespaces below `name_space`, from the outside in
  bool is_recursive = false;       ///< also what the namespaces below hold
  std::vector<std::string> cursor; ///< `next` of the page before; it makes `after` superfluous
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& inspector, list_request& value) {
  return inspector(caf::meta::type_name("list_request"), value.in_namespace, value.name_space, value.loaded_only,
                   value.after, value.limit, value.path, value.is_recursive, value.cursor);
}

struct record_page {
  std::vector<core_record> records;
  bool is_last = true;
  std::vector<std::string> next; ///< where the page after this one goes on; opaque
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& inspector, record_page& value) {
  return inspector(caf::meta::type_name("record_page"), value.records, value.is_last, value.next);
}

struct store_record {
  std::uint64_t cores_known = 0;
  std::uint64_t cores_loaded = 0;
  std::uint64_t sessions = 0;
  std::uint64_t used_bytes = 0;
  std::uint64_t limit_bytes = 0;
  std::uint64_t commits = 0;
  std::uint64_t refusals = 0; ///< connections cut off because their peer broke a rule
  std::string durability;
  std::string version;

  // the cores in memory
  std::uint64_t cores_active = 0;  ///< held by an owner
  std::uint64_t cores_idle = 0;    ///< no owner holds them any more
  std::uint64_t cores_passive = 0; ///< only peers asked for them
  std::uint64_t references = 0;    ///< openings that were not closed yet
  std::uint64_t active_limit = 0;  ///< of idle cores
  std::uint64_t passive_limit = 0;
  std::uint64_t cache_hits = 0;   ///< openings and wishes of peers that found the core in memory
  std::uint64_t cache_misses = 0; ///< those that loaded it
  std::uint64_t evictions = 0;    ///< cores that were parked
  std::uint64_t actors = 0;       ///< alive in this actor system

  // since the start
  std::uint64_t blocks_appended = 0;
  std::uint64_t bytes_appended = 0;
  std::uint64_t blocks_downloaded = 0;
  std::uint64_t bytes_downloaded = 0;
  std::uint64_t blocks_uploaded = 0;
  std::uint64_t bytes_uploaded = 0;

  // the writer
  std::uint64_t change_sets = 0; ///< committed; divided by `commits`: the mean size of a group
  std::uint64_t queue_us = 0;    ///< time that they waited for their commit, summed up
  std::uint64_t commit_us = 0;   ///< time of all commits
  std::vector<std::uint64_t>
    commit_latency; ///< commits of less than 2^i microseconds that were not less than half of it

  // the database
  std::uint64_t free_bytes = 0;        ///< of pages that were given back and wait for new use
  std::uint64_t readers = 0;           ///< snapshots that are open
  std::uint64_t oldest_reader_lag = 0; ///< commits since the oldest of these was opened: pages freed since are kept

  // the guards
  std::uint64_t bans = 0; ///< keys and addresses that are turned away for now

  // connections by state
  std::uint64_t sessions_open = 0;
  std::uint64_t sessions_handshake = 0;
  std::uint64_t sessions_dialling = 0;
  std::uint64_t sessions_without_upload = 0; ///< of those that are open
  std::uint64_t sessions_without_download = 0;
  // upkeep
  std::uint64_t file_bytes = 0;     ///< of the database, with pages that are free for further data
  std::uint64_t quota_bytes = 0;    ///< 0 = none
  std::uint64_t blocks_evicted = 0; ///< given up because of the quota
  std::uint64_t bytes_evicted = 0;  ///< the same, as stored
  std::uint64_t scrub_passes = 0;   ///< complete walks over everything stored
  std::uint64_t scrub_blocks = 0;   ///< looked at
  std::uint64_t scrub_bytes = 0;    ///< hashed
  std::uint64_t scrub_faults = 0;   ///< blocks that did not match their hash, or were missing
  std::uint64_t scrub_repaired = 0; ///< of these, fetched again from a peer
  std::uint64_t scrub_damaged = 0;  ///< found by this walk or the last one, and not fetched again
  bool is_restored = false;         ///< from a backup: cores that are created now begin fenced
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& inspector, store_record& value) {
  return inspector(caf::meta::type_name("store_record"), value.cores_known, value.cores_loaded, value.sessions,
                   value.used_bytes, value.limit_bytes, value.commits, value.refusals, value.durability, value.version,
                   value.cores_active, value.cores_idle, value.cores_passive, value.references, value.active_limit,
                   value.passive_limit, value.cache_hits, value.cache_misses, value.evictions, value.actors,
                   value.blocks_appended, value.bytes_appended, value.blocks_downloaded, value.bytes_downloaded,
                   value.blocks_uploaded, value.bytes_uploaded, value.change_sets, value.queue_us, value.commit_us,
                   value.commit_latency, value.free_bytes, value.readers, value.oldest_reader_lag, value.bans,
                   value.sessions_open, value.sessions_handshake, value.sessions_dialling,
                   value.sessions_without_upload, value.sessions_without_download, value.file_bytes, value.quota_bytes,
                   value.blocks_evicted, value.bytes_evicted, value.scrub_passes, value.scrub_blocks, value.scrub_bytes,
                   value.scrub_faults, value.scrub_repaired, value.scrub_damaged, value.is_restored);
}

struct peer_record {
  std::uint64_t id = 0; ///< a dialled address keeps its id over all its connections
  std::string address;
  std::string state;      ///< `dialling`, `handshake`, `open`
  std::string public_key; ///< hex; empty before the handshake is done
  bool is_initiator = false;
  std::uint64_t channels = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  bool may_upload = true;     ///< we answer its requests
  bool may_download = true;   ///< we ask it
  std::uint64_t requests = 0; ///< that it sent
  std::uint64_t strikes = 0;  ///< rules that its key broke lately
  bool is_throttled = false;  ///< it is at a limit of requests or bytes for now
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& inspector, peer_record& value) {
  return inspector(caf::meta::type_name("peer_record"), value.id, value.address, value.state, value.public_key,
                   value.is_initiator, value.channels, value.bytes_in, value.bytes_out, value.may_upload,
                   value.may_download, value.requests, value.strikes, value.is_throttled);
}

} // namespace corestore
