// The tables and keys of a store. Every key sorts in the order in which it is walked, so integers are big endian.
//
//   table    key                                             value (records.hpp, run_format.hpp)
//   meta     name as text                                    by name, see below
//   cores    discovery key (32)                              core header
//   numbers  be32 core                                       discovery key (32)
//   aliases  namespace (32), name as text (at most 479)      discovery key (32)
//   heads    be32 core                                       head record: head, contiguous length, counters
//   runs     be32 core, be64 LAST block of the run           run: sizes, hashes, block bytes
//   nodes    be32 core, be64 flat-tree index                 le64 size, hash (32)
//   blocks   be32 core, be64 block                           block bytes
//   bits     be32 core, be64 page of 8,192 blocks            up to 1,024 bytes, bit `i` = byte `i / 8`, bit `i % 8`
//   children namespace (32), name as text (at most 479)      namespace (32) of that name below it
//   mirrored discovery key (32)                              core key (32)
//   userdata be32 core, name as text (at most 507)           what an application keeps beside the core
//   signatures be32 core, be64 length                        signature of that length (64), generation 9
//   journal  be64 sequence                                   journal entry (journal_format.hpp)
//   groups   topic (32), be64 position                       le32 number of the core that changed last there
//
//   meta:    "format" le32 format number; "primary" 32 bytes; "next" le32 number of the next new core;
//            "changed" le64 last position given to a change of a group;
//            "copy" of a backup, "restored" of a store that was made from one: le64 seconds since 1970
//
// A run is filed under its last block, so that "the first key at or after block b" is the only run that can hold b.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.hpp"
#include "log/change_set.hpp"

namespace corestore::storage::schema {

/// Written into every store; docs/storage_format.md says what changes it.
inline constexpr std::uint32_t format_number = 2;

/// The same with cores in groups. A store gets it with the first of them: programs that know of none would change logs
/// without a word in `groups`.
inline constexpr std::uint32_t format_with_groups = 3;

/// The same without a journal: its owner takes such a store over when it opens it.
inline constexpr std::uint32_t format_without_journal = 1;

enum class table : std::uint8_t {
  meta,
  cores,
  numbers,
  aliases,
  heads,
  runs,
  nodes,
  blocks,
  bits,
  userdata,
  children,
  mirrored,
  signatures,
  journal,
  groups
};
inline constexpr std::size_t table_count = 15;

/// Tables that every store has had from the beginning; the later ones are created when a store without them is opened.
inline constexpr std::size_t first_table_count = 9;
inline constexpr std::array<const char*, table_count> table_names = {
  "meta", "cores",    "numbers",  "aliases",  "heads",      "runs",    "nodes", "blocks",
  "bits", "userdata", "children", "mirrored", "signatures", "journal", "groups"};

inline constexpr std::string_view meta_format = "format";
inline constexpr std::string_view meta_primary = "primary";
inline constexpr std::string_view meta_next = "next";
inline constexpr std::string_view meta_changed = "changed";
inline constexpr std::string_view meta_copy = "copy";
inline constexpr std::string_view meta_restored = "restored";

/// LMDB keys end at 511 bytes.
inline constexpr std::size_t alias_name_bytes_max = 511 - namespace_id::size;

/// Bytes of the name of a user value.
inline constexpr std::size_t user_name_bytes_max = 511 - 4;

/// Blocks of one record of `bits`: 1,024 bytes share a leaf page, 4,096 would take two pages of their own.
inline constexpr std::uint64_t bits_per_record = 8192;

using core_only_key = std::array<std::uint8_t, 4>;
using core_index_key = std::array<std::uint8_t, 12>;

using sequence_key = std::array<std::uint8_t, 8>;
using group_key = std::array<std::uint8_t, hash32::size + 8>;

core_only_key encode_key(log::core_number number);
core_index_key encode_key(log::core_number number, std::uint64_t index);
sequence_key encode_sequence(std::uint64_t sequence);
group_key encode_group_key(const hash32& topic, std::uint64_t position);
bytes encode_user_key(log::core_number number, std::string_view name);
bytes encode_alias_key(const namespace_id& name_space, std::string_view name);

struct core_index {
  log::core_number number{};
  std::uint64_t index = 0;
  friend bool operator==(const core_index&, const core_index&) = default;
};

/// Nothing unless `key` has exactly the right length.
std::optional<log::core_number> decode_core_key(byte_view key);
std::optional<core_index> decode_core_index_key(byte_view key);
std::optional<std::uint64_t> decode_sequence(byte_view key);

/// The position within a key of `groups`; nothing for a key of another topic.
std::optional<std::uint64_t> decode_group_key(byte_view key, const hash32& topic);

/// The name within a key of user data of that core; nothing for a key of another one.
std::optional<std::string_view> decode_user_name(byte_view key, log::core_number number);

/// The name within an alias key of `name_space`; nothing for a key of another namespace.
std::optional<std::string_view> decode_alias_name(byte_view key, const namespace_id& name_space);

} // namespace corestore::storage::schema
