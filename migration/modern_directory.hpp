// Reads a core of hypercore 10 (corestore 6) from its directory: oplog, tree, bitfield, data, and `header` when that
// one became too long for the oplog.
//
//   tree      node i at 40 i: u64le size, hash (32); 40 zeros: not there
//   bitfield  bit i is bit i % 8 of byte i / 8
//   data      the blocks, one after another
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "migration/core_source.hpp"

namespace corestore::migration::modern {

/// Whether a file `oplog` is there that is not empty.
bool is_core_directory(const std::filesystem::path& directory);

/// Reads what there is. `primary` derives the key pairs of named cores that were stored without one. Errors: not_found
/// (no core), decoding_failed (the oplog is beyond repair: without it nothing is signed), storage_failed. Everything
/// else that is wrong is a complaint, and as much of the core as can still be verified is offered.
result<std::unique_ptr<core_source>> open_directory(const std::filesystem::path& directory,
                                                    const std::optional<primary_key>& primary);

inline constexpr std::size_t node_bytes = 40;
std::array<std::uint8_t, node_bytes> encode_node(const log::node& source);
std::optional<log::node> decode_node(std::uint64_t index, byte_view source);

/// Under which an application's values a store keeps what its cores are called.
inline constexpr std::string_view name_entry = "corestore/name";
inline constexpr std::string_view namespace_entry = "corestore/namespace";

} // namespace corestore::migration::modern
