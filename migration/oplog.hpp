// The oplog of hypercore 10: two header slots, then entries that change what the last flush left in the other files.
//
//   slot 0 at 0, slot 1 at 4096, entries from 8192 on; each is
//   le32 crc, le32 (length << 2 | partial << 1 | header bit), length bytes          crc: of all that follows it
//
//   header  uint version (1), uint flags (1 external, 2 manifest, 4 key pair)
//           external: uint start, uint length (the header is there in the file `header`); otherwise
//           key (32), [manifest], [buffer public key, buffer secret key], uint n, n x (string, buffer) user data,
//           tree: uint fork, length, buffer root hash, buffer signature
//           hints: uint n, n x (uint from, to, ancestors), uint contiguous length
//   header 0  strings tree, bitfield, signer; user data; tree; buffer public key, buffer secret key; hints
//   entry   uint flags (1 user data, 2 nodes, 4 upgrade, 8 bits), then in that order
//           string, buffer | nodes | uint fork, ancestors, length, buffer signature | uint flags (1 drop), start,
//           length
//
// The two header bits say which slot is newer; an entry belongs to the newer header when its bit is the sum of both.
// Entries with the partial bit belong to the next one without it. What follows the last whole one was never finished.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "log/node.hpp"

namespace corestore::migration::oplog {

inline constexpr std::size_t slot_bytes = 4096;
inline constexpr std::size_t entries_offset = 2 * slot_bytes;
inline constexpr std::size_t file_bytes_max = std::size_t{256} << 20U; ///< the reference flushes at 64 KiB

struct user_value {
  std::string name;
  bytes value;
  friend bool operator==(const user_value&, const user_value&) = default;
};

struct external_place {
  std::uint64_t start = 0;
  std::uint64_t length = 0;
  friend bool operator==(const external_place&, const external_place&) = default;
};

struct header {
  std::optional<external_place> external; ///< then nothing else is set
  core_key key;
  bytes manifest; ///< encoded; empty: not known
  std::optional<bytes> public_part;
  std::optional<bytes> secret_part;
  std::vector<user_value> user_data;
  std::uint64_t fork = 0;
  std::uint64_t length = 0;
  bytes root_hash;
  bytes signature;
  std::uint64_t contiguous_length = 0;
  friend bool operator==(const header&, const header&) = default;
};

struct upgrade {
  std::uint64_t fork = 0;
  std::uint64_t ancestors = 0; ///< blocks that stay
  std::uint64_t length = 0;
  bytes signature;
  friend bool operator==(const upgrade&, const upgrade&) = default;
};

struct bit_change {
  bool is_drop = false;
  std::uint64_t start = 0;
  std::uint64_t length = 0;
  friend bool operator==(const bit_change&, const bit_change&) = default;
};

struct entry {
  std::optional<user_value> user_data; ///< an empty value forgets
  std::vector<log::node> nodes;
  std::optional<oplog::upgrade> upgrade;
  std::optional<bit_change> bits;
  friend bool operator==(const entry&, const entry&) = default;
};

struct content {
  oplog::header header;
  std::vector<entry> entries;
  std::uint64_t surplus_bytes = 0; ///< behind the last entry: a write that was cut off
};

/// The whole file. not_found when it was never written; decoding_failed when neither header can be read.
result<content> decode(byte_view file);

/// A header outside of a slot, as the file `header` has it.
result<header> decode_header(byte_view source);
bytes encode_header(const header& source);

result<entry> decode_entry(byte_view source);

/// Bytes of the longest header that fits a slot.
inline constexpr std::size_t slot_header_bytes_max = slot_bytes - 8;

/// A file with one header, encoded and of at most slot_header_bytes_max bytes, and no entries.
bytes encode_file(byte_view encoded_header);

/// The same for a header that is at the start of the file `header`.
bytes encode_file_external(std::uint64_t header_length);

} // namespace corestore::migration::oplog
