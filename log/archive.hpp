// One core as a sequence of frames, which a file holds one after another: everything that is needed to have the core
// somewhere else, and to check each block on the way.
//
//   file    magic (8), frame*                       every frame: uint32 bytes of its payload, payload
//   payload kind (1), content                       numbers are compact-encoding uints unless a width is named
//   head    kind 1, version (1), generation (1), key (32), buffer manifest (empty: unknown), uint fork, uint length,
//           uint byte length, nodes roots, buffer signature, nodes path
//   blocks  kind 2, uint count, count x (uint index, buffer block, nodes)
//   end     kind 3, uint blocks, uint bytes of blocks
//
// A file begins with its head, goes on with blocks in ascending order, and ends with its end. The nodes of a block are
// the siblings on its way up, to a root of the head or to a node that the block before it in the file has proven:
// blocks that are neighbours need next to none. `path` is empty in a file; whoever has a shorter log fills in the nodes
// that lead from there, which the file holds among those of its blocks.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "log/change_set.hpp"
#include "log/core_state.hpp"
#include "log/generation.hpp"
#include "log/head.hpp"
#include "log/node.hpp"
#include "log/proof.hpp"

namespace corestore::log::archive {

inline constexpr std::array<std::uint8_t, 8> magic{0x8f, 'c', 'o', 'r', 'e', '\r', '\n', 0x1a};
inline constexpr std::uint8_t version = 1;

struct head_frame {
  log::generation generation = log::generation::g10;
  core_key key;
  bytes manifest;
  tree_head head;
  std::vector<node> path;
  friend bool operator==(const head_frame&, const head_frame&) = default;
};

struct blocks_frame {
  std::vector<block_proof> blocks;
  friend bool operator==(const blocks_frame&, const blocks_frame&) = default;
};

struct end_frame {
  std::uint64_t blocks = 0;
  std::uint64_t bytes = 0;
  friend bool operator==(const end_frame&, const end_frame&) = default;
};

using frame = std::variant<head_frame, blocks_frame, end_frame>;

bytes encode(const frame& content);

/// decoding_failed; unsupported for a version that is not known here.
result<frame> decode(byte_view payload);

/// What proves a block below the roots of `length` to whoever has `previous`, an earlier block of the same archive.
/// not_found when a node is not stored here.
result<std::vector<node>> path_of(const node_source& source, std::uint64_t length, std::uint64_t index,
                                  std::optional<std::uint64_t> previous);

/// The nodes that lead from a log of `from` blocks to one of `to` blocks; they may be among those of the blocks.
std::set<std::uint64_t> needed_nodes(std::uint64_t from, std::uint64_t to);
node leaf_of(const block_proof& block, generation which);

/// Takes the head over, if it is longer than that of `state`. key_mismatch; bad_argument for another generation or
/// fork; conflict when it tells another history than ours; invalid_signature, or not_found without the path from ours.
result<change_set> stage_head(const core_state& state, const log_source& source, const head_frame& head);

/// Takes over the blocks that are not here yet; `added` counts them. invalid_checksum, invalid_operation.
result<change_set> stage_blocks(const core_state& state, const log_source& source, const blocks_frame& blocks,
                                std::uint64_t& added);

} // namespace corestore::log::archive
