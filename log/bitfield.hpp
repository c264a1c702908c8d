// Which blocks are present: a contiguous prefix that costs nothing, and pages of bits beyond it.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "log/change_set.hpp"

namespace corestore::log {

/// Bits of one page; the same paging as the reference (4,096 bytes).
inline constexpr std::uint64_t bits_per_page = 32768;

using bit_page = std::array<std::uint64_t, bits_per_page / 64>; ///< bit `i` = word `i / 64`, bit `i % 64`

/// A page in memory, only as long as it has to be: words past the end are zero. Most logs are short, and a page of
/// theirs is a few words.
using short_page = std::vector<std::uint64_t>;

/// The word to be changed, which is made if it is not there.
inline std::uint64_t& word_of(short_page& page, std::size_t word) {
  if (word >= page.size())
    page.resize(word + 1);
  return page[word];
}

inline std::uint64_t word_at(const short_page& page, std::size_t word) {
  return word < page.size() ? page[word] : 0;
}

/// Setting a range that does not touch the contiguous prefix takes one page for each 32,768 blocks of it, so callers
/// bound ranges that come from a stranger.
class bitfield {
public:
  [[nodiscard]] bool test(std::uint64_t index) const;
  void set(block_range range);
  void clear(block_range range);

  /// Set bits from 0 without a gap.
  [[nodiscard]] std::uint64_t contiguous_length() const {
    return contiguous_;
  }

  /// First position in `range` whose bit is set (or unset); nothing when there is none.
  [[nodiscard]] std::optional<std::uint64_t> first_set(block_range range) const;
  [[nodiscard]] std::optional<std::uint64_t> first_unset(block_range range) const;
  [[nodiscard]] std::uint64_t count(block_range range) const;
  [[nodiscard]] bool all_set(block_range range) const;

  /// The bits `[start, end)` as wire words: word `i` bit `j` = block `start + 32 i + j`; `start` is a multiple of 32,
  /// bits past `end` are zero.
  [[nodiscard]] std::vector<std::uint32_t> words(block_range range) const;

  /// Replaces the bits `[start, start + 32 * words)`; `start` is a multiple of 32.
  void assign(std::uint64_t start, const std::vector<std::uint32_t>& words);

  /// Pages that hold a set bit beyond the contiguous prefix, in ascending order.
  [[nodiscard]] std::vector<std::uint64_t> page_numbers() const;

  /// One page as it would be stored, prefix included.
  [[nodiscard]] bit_page page(std::uint64_t number) const;
  void load_page(std::uint64_t number, const bit_page& content);

  friend bool operator==(const bitfield& left, const bitfield& right);

private:
  void set_pages(block_range range);
  void clear_pages(block_range range);
  void absorb_pages(); ///< moves `contiguous_` over the bits that follow it and forgets them in the pages

  std::uint64_t contiguous_ = 0;
  std::map<std::uint64_t, short_page>
    pages_; ///< only bits beyond `contiguous_`; no page ends with a zero word, or is empty
};

} // namespace corestore::log
