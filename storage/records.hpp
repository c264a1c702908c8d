// Values of a store, apart from runs. Every record that may grow starts with a version byte; integers are
// compact-encoding uints unless a width is named. Decoding checks every bound; what does not decode is storage_damaged.
//
//   core header  version, flags (1 generation 9, 2 mirrored, 4 frozen, 8 has a pair, 16 fenced), origin, uint number,
//                key (32), buffer manifest, [derived: namespace (32), string name], [pair: public key (32), secret key
//                (64)], [fenced: uint fork, uint length]
//   head record  version, flags (1 has a head, 2 was journalled, 4 is in a group), uint contiguous length, fold
//                position, sparse blocks, bit records, [journalled: uint journal position], [group: topic (32), uint
//                position], [head: uint fork, length, byte length, roots, roots x (uint size, hash (32)), buffer
//                signature]
//   node         le64 size, hash (32)
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "log/change_set.hpp"
#include "storage/groups.hpp"

namespace corestore::storage {

/// What `heads` holds for one core.
struct core_record {
  log::tree_head head;
  bool has_head = false;
  std::uint64_t contiguous_length = 0;
  std::uint64_t fold_position = 0;    ///< sparse blocks below it stay as they are
  std::uint64_t sparse_blocks = 0;    ///< entries of `blocks`
  std::uint64_t bit_records = 0;      ///< entries of `bits`
  std::uint64_t journal_position = 0; ///< entries of the journal before it are in the core's own tables
  std::optional<group_place> group;

  friend bool operator==(const core_record&, const core_record&) = default;
};

bytes encode(const log::core_header& header);
result<log::core_header> decode_header(const discovery_key& discovery, byte_view value);

bytes encode(const core_record& record);
result<core_record> decode_core_record(byte_view value);

inline constexpr std::size_t node_record_bytes = 8 + hash32::size;
std::array<std::uint8_t, node_record_bytes> encode(const log::node& node);
result<log::node> decode_node(std::uint64_t index, byte_view value);

template <class Fixed>
result<Fixed> decode_fixed(byte_view value, std::string_view what) {
  if (auto decoded = Fixed::from(value))
    return *decoded;
  return fail(ec::storage_damaged, std::string{what} + " has " + std::to_string(value.size()) + " bytes");
}

result<std::uint32_t> decode_number(byte_view value, std::string_view what);
std::array<std::uint8_t, 4> encode_number(std::uint32_t value);
result<std::uint64_t> decode_position(byte_view value, std::string_view what);
std::array<std::uint8_t, 8> encode_position(std::uint64_t value);

} // namespace corestore::storage
