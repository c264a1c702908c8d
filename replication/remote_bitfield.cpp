#include "replication/remote_bitfield.hpp"

#include <algorithm>
#include <bit>

#include "base/limits.hpp"

namespace corestore::replication {

namespace {

using log::bits_per_page;
using log::block_range;

constexpr std::uint64_t all_ones = ~std::uint64_t{0};

/// Bits `[from, to)` of a page, word by word.
template <class Change>
void for_words(std::uint64_t from, std::uint64_t to, Change change) {
  while (from < to) {
    const auto word = from / 64;
    const auto low = from % 64;
    const auto high = std::min<std::uint64_t>(64, low + (to - from));
    const auto mask = (high - low == 64 ? all_ones : ((std::uint64_t{1} << (high - low)) - 1)) << low;
    change(word, mask);
    from += high - low;
  }
}

/// First bit at or after `from` that is set in `page` when read through `flip`.
std::optional<std::uint64_t> find_bit(const log::short_page& page, std::uint64_t from, std::uint64_t flip) {
  // One word past the end stands for all that follow.
  const auto end = std::min<std::uint64_t>(std::max<std::uint64_t>(page.size(), from / 64) + 1, bits_per_page / 64);
  for (auto word = from / 64; word < end; ++word) {
    auto value = log::word_at(page, word) ^ flip;
    if (word == from / 64)
      value &= all_ones << (from % 64);
    if (value != 0)
      return word * 64 + static_cast<std::uint64_t>(std::countr_zero(value));
  }
  return std::nullopt;
}

} // namespace

void remote_bitfield::set_length(std::uint64_t length) {
  limit_ = std::min(length, limits::safe_integer_max) + slack_blocks;
}

void remote_bitfield::set(block_range range) {
  if (range.start >= range.end)
    return;
  if (range.start > contiguous_) {
    set_bits(range);
    return;
  }
  if (range.end <= contiguous_)
    return;
  contiguous_ = range.end;
  extend_prefix();
}

void remote_bitfield::clear(block_range range) {
  if (range.start >= range.end)
    return;
  shorten_prefix(range.start, range.end);
  clear_bits(range);
}

void remote_bitfield::assign(std::uint64_t start, const std::vector<std::uint32_t>& words) {
  if (start % 32 != 0 || start >= limit_ || words.empty())
    return;
  const auto count = std::min<std::uint64_t>(words.size(), (limit_ - start + 31) / 32);
  shorten_prefix(start, start + count * 32);
  std::uint64_t done = 0;
  while (done < count) {
    const auto position = start + done * 32;
    const auto page = position / bits_per_page;
    const auto here = std::min(count - done, ((page + 1) * bits_per_page - position) / 32);
    const auto first = words.begin() + static_cast<std::ptrdiff_t>(done);
    const bool is_zero =
      std::all_of(first, first + static_cast<std::ptrdiff_t>(here), [](std::uint32_t word) { return word == 0; });
    const bool is_stored = pages_.contains(page) || full_end(page).has_value();
    auto* bits = is_zero && !is_stored ? nullptr : writable(page);
    for (std::uint64_t i = 0; bits != nullptr && i < here; ++i) {
      const auto at = position % bits_per_page + i * 32;
      auto& word = log::word_of(*bits, at / 64);
      const auto shift = at % 64;
      word = (word & ~(std::uint64_t{0xffffffff} << shift)) | (std::uint64_t{words[done + i]} << shift);
    }
    done += here;
  }
  extend_prefix();
}

bool remote_bitfield::test(std::uint64_t index) const {
  if (index < contiguous_)
    return true;
  const auto page = index / bits_per_page;
  if (const auto found = pages_.find(page); found != pages_.end()) {
    const auto bit = index % bits_per_page;
    return (log::word_at(found->second, bit / 64) >> (bit % 64) & 1U) != 0;
  }
  return full_end(page).has_value();
}

bool remote_bitfield::all_set(block_range range) const {
  return !first_unset(range).has_value();
}

std::optional<std::uint64_t> remote_bitfield::first_set(block_range range) const {
  auto position = range.start;
  while (position < range.end) {
    if (position < contiguous_)
      return position;
    const auto page = position / bits_per_page;
    if (full_end(page))
      return position;
    const auto found = pages_.lower_bound(page);
    if (found != pages_.end() && found->first == page) {
      if (const auto bit = find_bit(found->second, position % bits_per_page, 0)) {
        const auto index = page * bits_per_page + *bit;
        return index < range.end ? std::optional{index} : std::nullopt;
      }
      position = (page + 1) * bits_per_page;
      continue;
    }
    const auto run = full_.lower_bound(page);
    if (found == pages_.end() && run == full_.end())
      return std::nullopt;
    const auto next_page = found == pages_.end() ? run->first : found->first;
    position = (run == full_.end() ? next_page : std::min(next_page, run->first)) * bits_per_page;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> remote_bitfield::first_unset(block_range range) const {
  auto position = std::max(range.start, contiguous_);
  while (position < range.end) {
    const auto page = position / bits_per_page;
    if (const auto end = full_end(page)) {
      position = *end * bits_per_page;
      continue;
    }
    const auto found = pages_.find(page);
    if (found == pages_.end())
      return position;
    if (const auto bit = find_bit(found->second, position % bits_per_page, all_ones)) {
      const auto index = page * bits_per_page + *bit;
      return index < range.end ? std::optional{index} : std::nullopt;
    }
    position = (page + 1) * bits_per_page;
  }
  return std::nullopt;
}

void remote_bitfield::set_bits(block_range range) {
  range.end = std::min(range.end, limit_);
  auto position = range.start;
  while (position < range.end) {
    const auto page = position / bits_per_page;
    const auto page_start = page * bits_per_page;
    if (position == page_start && range.end - position >= bits_per_page) {
      const auto end = range.end / bits_per_page;
      add_full(page, end);
      position = end * bits_per_page;
      continue;
    }
    const auto stop = std::min(range.end, page_start + bits_per_page);
    if (!full_end(page)) {
      if (auto* bits = writable(page); bits != nullptr)
        for_words(position - page_start, stop - page_start,
                  [bits](std::uint64_t word, std::uint64_t mask) { log::word_of(*bits, word) |= mask; });
    }
    position = stop;
  }
}

void remote_bitfield::clear_bits(block_range range) {
  range.end = std::min(range.end, std::max(limit_, std::uint64_t{1} << 62U));
  const auto first_whole = (range.start + bits_per_page - 1) / bits_per_page;
  const auto end_whole = range.end / bits_per_page;
  const auto clear_part = [this](std::uint64_t from, std::uint64_t to) {
    const auto page = from / bits_per_page;
    if (from >= to || (!pages_.contains(page) && !full_end(page)))
      return;
    if (auto* bits = writable(page); bits != nullptr)
      for_words(from - page * bits_per_page, to - page * bits_per_page,
                [bits](std::uint64_t word, std::uint64_t mask) { log::word_of(*bits, word) &= ~mask; });
  };
  if (first_whole > end_whole) { // inside one page
    clear_part(range.start, range.end);
    return;
  }
  clear_part(range.start, first_whole * bits_per_page);
  clear_part(end_whole * bits_per_page, range.end);
  remove_full(first_whole, end_whole);
  pages_.erase(pages_.lower_bound(first_whole), pages_.lower_bound(end_whole));
}

void remote_bitfield::add_full(std::uint64_t first, std::uint64_t end) {
  pages_.erase(pages_.lower_bound(first), pages_.lower_bound(end));
  remove_full(first, end);
  auto next = full_.lower_bound(first);
  if (next != full_.begin()) {
    const auto before = std::prev(next);
    if (before->second == first) {
      first = before->first;
      full_.erase(before);
    }
  }
  if (next = full_.find(end); next != full_.end()) {
    end = next->second;
    full_.erase(next);
  }
  if (full_.size() < pages_max)
    full_[first] = end;
}

void remote_bitfield::remove_full(std::uint64_t first, std::uint64_t end) {
  if (first >= end)
    return;
  auto run = full_.upper_bound(first);
  if (run != full_.begin())
    --run;
  while (run != full_.end() && run->first < end) {
    const auto [run_first, run_end] = *run;
    if (run_end <= first) {
      ++run;
      continue;
    }
    run = full_.erase(run);
    if (run_first < first)
      full_[run_first] = first;
    if (run_end > end)
      full_[end] = run_end;
  }
}

std::optional<std::uint64_t> remote_bitfield::full_end(std::uint64_t page) const {
  auto run = full_.upper_bound(page);
  if (run == full_.begin())
    return std::nullopt;
  --run;
  return run->second > page ? std::optional{run->second} : std::nullopt;
}

log::short_page* remote_bitfield::writable(std::uint64_t page) {
  if (const auto found = pages_.find(page); found != pages_.end())
    return &found->second;
  const bool was_full = full_end(page).has_value();
  if (was_full)
    remove_full(page, page + 1);
  if (pages_.size() >= pages_max)
    return nullptr; // forgotten: at worst a block counts as absent until the peer tells again
  auto& fresh = pages_[page];
  if (was_full)
    fresh.assign(bits_per_page / 64, all_ones);
  return &fresh;
}

/// The prefix ends at `start`; what it had past `end` stays as bits.
void remote_bitfield::shorten_prefix(std::uint64_t start, std::uint64_t end) {
  if (start >= contiguous_)
    return;
  const auto old = contiguous_;
  contiguous_ = start;
  if (end < old)
    set_bits({end, old});
}

void remote_bitfield::extend_prefix() {
  contiguous_ = first_unset({contiguous_, all_ones}).value_or(contiguous_);
  const auto below = contiguous_ / bits_per_page;
  pages_.erase(pages_.begin(), pages_.lower_bound(below));
  remove_full(0, below);
}

} // namespace corestore::replication
