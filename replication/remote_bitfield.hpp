// Which blocks a peer says it has: a prefix, runs of full pages and single pages, in bounded memory whatever it says.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "log/bitfield.hpp"
#include "log/change_set.hpp"

namespace corestore::replication {

class remote_bitfield {
public:
  /// Pages (4 KiB each at most) and runs of full pages kept for one peer; what would need more is forgotten.
  static constexpr std::size_t pages_max = 2048;

  /// Bits further than this past the peer's length are not kept: announcements may precede the length by a little.
  static constexpr std::uint64_t slack_blocks = 2097152;

  /// The peer's length as last told: bounds what is kept beyond the prefix.
  void set_length(std::uint64_t length);

  void set(log::block_range range);
  void clear(log::block_range range);

  /// Replaces the bits from `start`, a multiple of 32; ignored otherwise.
  void assign(std::uint64_t start, const std::vector<std::uint32_t>& words);

  [[nodiscard]] bool test(std::uint64_t index) const;
  [[nodiscard]] bool all_set(log::block_range range) const;
  [[nodiscard]] std::optional<std::uint64_t> first_set(log::block_range range) const;
  [[nodiscard]] std::optional<std::uint64_t> first_unset(log::block_range range) const;

  /// Blocks from 0 without a gap.
  [[nodiscard]] std::uint64_t contiguous_length() const {
    return contiguous_;
  }
  [[nodiscard]] std::size_t page_count() const {
    return pages_.size() + full_.size();
  }

private:
  void set_bits(log::block_range range);
  void clear_bits(log::block_range range);
  void add_full(std::uint64_t first, std::uint64_t end);
  void remove_full(std::uint64_t first, std::uint64_t end);
  [[nodiscard]] std::optional<std::uint64_t> full_end(std::uint64_t page) const;
  log::short_page* writable(std::uint64_t page);
  void shorten_prefix(std::uint64_t start, std::uint64_t end);
  void extend_prefix();

  std::uint64_t contiguous_ = 0;
  std::uint64_t limit_ = slack_blocks;
  std::map<std::uint64_t, log::short_page> pages_; ///< never a page that `full_` covers
  std::map<std::uint64_t, std::uint64_t> full_;    ///< first page -> page past the last
};

} // namespace corestore::replication
