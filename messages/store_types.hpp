// What a store says of itself as a whole: its events, what it dials, its numbers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <caf/meta/type_name.hpp>

#include "base/bytes.hpp"
#include "messages/core_types.hpp"
#include "messages/inspect.hpp"
#include "messages/types.hpp"

namespace corestore {

enum class store_event_kind : std::uint8_t {
  feed,          ///< a core was loaded: `key`, `discovery`, `options` as given (a peer's wish: by discovery key)
  park,          ///< an idle core left the memory; it is loaded again when somebody asks for it
  purge,         ///< a core was erased
  session_open,  ///< a connection is up: `peer`
  session_close, ///< it is gone: `peer`, `reason`
  refusal,       ///< a connection was cut off because its peer broke a rule: `reason`
  ban,           ///< a key or an address is turned away for a while: `reason`
  damage,        ///< the scrub found blocks that do not match their hashes: `key`, `discovery`, `reason`
  eviction,      ///< blocks were given up because of the quota: `key`, `discovery`, `reason`
  group ///< the log of a core of a group changed: `group`, `key`, `discovery`, `length`, `fork`. Changes of one
        ///< core within a moment are one event. No `key`: more cores of the group changed than are named; no
        ///< `group` either: and of more groups
};

/// One thing that happened to a store or to a namespace of it.
struct store_event {
  store_event_kind kind = store_event_kind::feed;
  core_key key;
  discovery_key discovery;
  core_selector options;
  peer_record peer;
  std::string reason;
  hash32 group; ///< its topic
  std::uint64_t length = 0;
  std::uint64_t fork = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& inspector, store_event& value) {
  return inspector(caf::meta::type_name("store_event"), value.kind, value.key, value.discovery, value.options,
                   value.peer, value.reason, value.group, value.length, value.fork);
}

/// Which changes of the cores of a group are meant, and in which order.
struct group_request {
  hash32 topic;
  std::uint64_t since = 0; ///< at this position or later
  std::uint64_t until = 0; ///< before this position; 0 = up to the newest
  bool is_reverse = false; ///< the newest first
  std::uint32_t limit = 1000;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& inspector, group_request& value) {
  return inspector(caf::meta::type_name("group_request"), value.topic, value.since, value.until, value.is_reverse,
                   value.limit);
}

/// The last change of one core of a group: it got longer, was truncated, or was reorganised.
struct group_update {
  std::uint64_t position = 0; ///< microseconds since 1970, and past every change before it
  core_key key;
  discovery_key discovery;
  std::uint64_t length = 0;
  std::uint64_t fork = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& inspector, group_update& value) {
  return inspector(caf::meta::type_name("group_update"), value.position, value.key, value.discovery, value.length,
                   value.fork);
}

/// One page of them.
struct group_page {
  std::vector<group_update> updates;
  bool is_last = true;
  std::uint64_t next = 0; ///< where the page after this one goes on: its `since`, or in reverse its `until`
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& inspector, group_page& value) {
  return inspector(caf::meta::type_name("group_page"), value.updates, value.is_last, value.next);
}

/// A Noise key or a network address that is turned away until the time is over.
struct ban_record {
  std::string subject; ///< 64 hex digits, or an address without its port
  std::string reason;
  std::uint64_t left_ms = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& inspector, ban_record& value) {
  return inspector(caf::meta::type_name("ban_record"), value.subject, value.reason, value.left_ms);
}

/// An address to dial, with what may pass over the connection.
struct dial_request {
  std::string address; ///< `host:port` or `unix:PATH`, with `@9` or `@10` behind it for one generation
  bool may_upload = true;
  bool may_download = true;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& inspector, dial_request& value) {
  return inspector(caf::meta::type_name("dial_request"), value.address, value.may_upload, value.may_download);
}

/// What may pass over one connection from now on; the configuration has to allow it as well.
struct connection_switches {
  std::uint64_t id = 0;           ///< peer_record::id
  toggle upload = toggle::keep;   ///< answer the requests of its peer
  toggle download = toggle::keep; ///< ask it for anything
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& inspector, connection_switches& value) {
  return inspector(caf::meta::type_name("connection_switches"), value.id, value.upload, value.download);
}

/// A replication over something else than an address that is dialled.
struct replicate_request {
  bool is_initiator = true; ///< one side of a connection is, the other is not
  bool may_upload = true;
  bool may_download = true;
  std::uint8_t generation = 0; ///< 9 or 10 of an initiator; 0 = what the store makes. A responder hears it
  std::string address;         ///< what the connection is called in listings; empty: something is made up
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& inspector, replicate_request& value) {
  return inspector(caf::meta::type_name("replicate_request"), value.is_initiator, value.may_upload, value.may_download,
                   value.generation, value.address);
}

/// What a copy or a compaction of the whole store came to.
struct space_report {
  std::string path;             ///< of the copy; of the store
  std::uint64_t cores = 0;      ///< in it
  std::uint64_t from_bytes = 0; ///< of the database
  std::uint64_t to_bytes = 0;   ///< of the copy; of the database afterwards
  std::uint64_t took_ms = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& inspector, space_report& value) {
  return inspector(caf::meta::type_name("space_report"), value.path, value.cores, value.from_bytes, value.to_bytes,
                   value.took_ms);
}

} // namespace corestore
