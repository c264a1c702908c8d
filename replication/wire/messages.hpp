// The messages of a hypercore/alpha channel, generation 10 (field by field as in docs/wire_current.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "log/proof.hpp"

namespace corestore::replication::wire {

/// State of the sender.
struct sync {
  std::uint64_t fork = 0;
  std::uint64_t length = 0;
  std::uint64_t remote_length = 0; ///< the receiver's length as the sender knows it, 0 if the forks differ
  bool can_upgrade = false;        ///< the sender holds all roots of the receiver's length
  bool uploading = false;
  bool downloading = false;
  bool has_manifest = false;
  bool allow_push = false;
  friend bool operator==(const sync&, const sync&) = default;
};

struct request {
  std::uint64_t id = 0;
  std::uint64_t fork = 0;
  log::proof_request wanted;
  std::uint64_t priority = 0;
  friend bool operator==(const request&, const request&) = default;
};

struct cancel {
  std::uint64_t id = 0;
  friend bool operator==(const cancel&, const cancel&) = default;
};

/// Answer, or push (id 0).
struct data {
  std::uint64_t id = 0;
  log::proof content; ///< its fork is the message's fork
  friend bool operator==(const data&, const data&) = default;
};

enum class no_data_reason : std::uint8_t { none = 0, not_available = 1, invalid_request = 2 };

struct no_data {
  std::uint64_t id = 0;
  no_data_reason reason = no_data_reason::none;
  friend bool operator==(const no_data&, const no_data&) = default;
};

struct want {
  std::uint64_t start = 0;
  std::uint64_t length = 0;
  bool any = false; ///< tell when any block of the range is there
  friend bool operator==(const want&, const want&) = default;
};

struct unwant {
  std::uint64_t start = 0;
  std::uint64_t length = 0;
  bool any = false;
  friend bool operator==(const unwant&, const unwant&) = default;
};

struct bitfield {
  std::uint64_t start = 0;
  std::vector<std::uint32_t> words; ///< word i, bit j = block start + 32 i + j
  friend bool operator==(const bitfield&, const bitfield&) = default;
};

struct range {
  bool drop = false;
  std::uint64_t start = 0;
  std::uint64_t length = 1;
  friend bool operator==(const range&, const range&) = default;
};

struct extension {
  std::string name; ///< empty = the name of the previous extension message of this sender on this channel
  bytes payload;
  friend bool operator==(const extension&, const extension&) = default;
};

/// The alternative's index is the message type on the wire.
using message = std::variant<sync, request, cancel, data, no_data, want, unwant, bitfield, range, extension>;

} // namespace corestore::replication::wire
