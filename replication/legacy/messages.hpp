// The messages of generation 9. Every one but Extension is a protocol buffer; a field that is missing takes the value
// that stands here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "log/legacy/proofs.hpp"

namespace corestore::replication::legacy {

/// A side opens a core: it proves that it knows the key.
struct open {
  corestore::discovery_key discovery;
  std::optional<bytes> capability;
  friend bool operator==(const open&, const open&) = default;
};

/// Names of the extensions of a side, in the order of their ids.
struct options {
  std::vector<std::string> extensions;
  bool ack = false; ///< wants to hear of every stored block
  friend bool operator==(const options&, const options&) = default;
};

struct status {
  bool uploading = false;
  bool downloading = false;
  friend bool operator==(const status&, const status&) = default;
};

struct have {
  std::uint64_t start = 0;
  std::uint64_t length = 1;
  std::optional<bytes> bitfield; ///< run-length coded (log/legacy/run_length.hpp)
  bool ack = false;
  friend bool operator==(const have&, const have&) = default;
};

struct unhave {
  std::uint64_t start = 0;
  std::uint64_t length = 1;
  friend bool operator==(const unhave&, const unhave&) = default;
};

struct want {
  std::uint64_t start = 0;
  std::uint64_t length = 0;
  friend bool operator==(const want&, const want&) = default;
};

struct unwant {
  std::uint64_t start = 0;
  std::uint64_t length = 0;
  friend bool operator==(const unwant&, const unwant&) = default;
};

struct request {
  std::uint64_t index = 0;
  std::uint64_t bytes = 0; ///< other than 0: the block with that byte is wanted, if it can be found
  bool hash = false;       ///< no value
  std::uint64_t nodes = 0; ///< digest of what the requester has
  friend bool operator==(const request&, const request&) = default;
};

struct cancel {
  std::uint64_t index = 0;
  std::uint64_t bytes = 0;
  bool hash = false;
  friend bool operator==(const cancel&, const cancel&) = default;
};

using data = log::legacy::block_answer;

/// With a discovery key: a core that the remote opened is refused. Without: the channel is over.
struct close {
  std::optional<corestore::discovery_key> discovery;
  friend bool operator==(const close&, const close&) = default;
};

struct extension {
  std::uint64_t id = 0; ///< position in the sender's list of names
  bytes payload;
  friend bool operator==(const extension&, const extension&) = default;
};

/// What an open channel carries; open and close belong to the connection.
using message = std::variant<options, status, have, unhave, want, unwant, request, cancel, data, extension>;
using any_message =
  std::variant<open, options, status, have, unhave, want, unwant, request, cancel, data, close, extension>;

} // namespace corestore::replication::legacy
