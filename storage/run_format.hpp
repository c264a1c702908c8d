// A run as one value: consecutive blocks with all the tree nodes that they complete, and no key for any of them.
//
//   version (1)  flags (1): 1 = the block bytes were given back ("husk")  reserved (2)  le32 count
//   count x le32 end of block i, relative to the first byte of the run
//   crossing x le64 size of a node that reaches to the left of the run, lowest depth first
//   nodes x hash (32), in the order in which the blocks complete them
//   block bytes, one after another (none in a husk)
//
// The last block comes from the key, so first = last + 1 - count. The number of crossing nodes and of hashes follows
// from first and count (change_check.hpp, tree_math.hpp); all other node sizes are differences of two ends. Fixed
// widths keep block k and node k of a run of thousands a few loads away.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "log/node.hpp"

namespace corestore::storage {

/// Where a batch is cut into several runs: 256 pages of LMDB less their common header, or this many blocks.
inline constexpr std::size_t run_bytes_max = 256 * 4096 - 16;
inline constexpr std::size_t run_blocks_max = 4096;

/// Husks that follow each other are joined up to this many blocks (at most 70 KiB, written again when one of the blocks
/// comes back).
inline constexpr std::size_t husk_blocks_max = 1024;

/// Bytes of a value besides the block bytes.
std::size_t run_overhead(std::uint64_t first, std::size_t count);

/// Reads a run in place; valid as long as the value is.
class run_view {
public:
  /// storage_damaged when the value does not follow the format.
  static result<run_view> open(std::uint64_t last, byte_view value);

  [[nodiscard]] std::uint64_t first() const {
    return first_;
  }
  [[nodiscard]] std::uint64_t end() const {
    return first_ + count_;
  }
  [[nodiscard]] bool has_blocks() const {
    return !is_husk_;
  }
  [[nodiscard]] bool holds(std::uint64_t block) const {
    return block >= first() && block < end();
  }

  /// Bytes of the blocks `[first, index)`; `index` in `[first, end]`.
  [[nodiscard]] std::uint64_t offset_of(std::uint64_t index) const;

  /// `holds(index)` and `has_blocks()`. storage_damaged when the sizes contradict each other.
  [[nodiscard]] result<byte_view> block(std::uint64_t index) const;

  /// Nothing when the node is completed by a block of another run.
  [[nodiscard]] std::optional<log::node> node(std::uint64_t index) const;

  /// Hashes of the nodes that `[start, end)` complete; a part of this run.
  [[nodiscard]] byte_view hashes(std::uint64_t start, std::uint64_t end) const;

  /// Bytes of the blocks `[start, end)` one after another. The run has blocks.
  [[nodiscard]] byte_view content(std::uint64_t start, std::uint64_t end) const;

private:
  std::uint64_t first_ = 0;
  std::uint32_t count_ = 0;
  bool is_husk_ = false;
  byte_view ends_;
  byte_view crossing_;
  byte_view hashes_;
  byte_view content_;
};

/// What the writer of a run needs; everything is borrowed.
struct run_parts {
  std::uint64_t first = 0;
  std::span<const std::uint64_t> block_ends; ///< relative to the run, below 4 GiB
  std::span<const std::uint64_t> crossing;
  byte_view hashes;
  std::span<const shared_bytes> blocks; ///< the content either block by block
  byte_view content;                    ///< or in one piece; neither in a husk
  bool is_husk = false;
};

std::size_t run_size(const run_parts& parts);

/// `target` has `run_size(parts)` bytes.
void encode_run(const run_parts& parts, std::span<std::uint8_t> target);

/// The blocks `[start, end)` of `source` as a run of their own.
result<bytes> slice_run(const run_view& source, std::uint64_t start, std::uint64_t end, bool keep_blocks);

/// Runs that follow each other as one, without their blocks, which take less than 4 GiB together.
result<bytes> join_runs(std::span<const run_view> sources);

} // namespace corestore::storage
