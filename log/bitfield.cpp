#include "log/bitfield.hpp"

#include <algorithm>
#include <bit>

#include "base/check.hpp"

namespace corestore::log {

namespace {

constexpr std::uint64_t bits_per_word = 64;

/// Ones at the bits `[start, end)` of a word; `0 <= start < end <= 64`.
constexpr std::uint64_t mask(std::uint64_t start, std::uint64_t end) {
  return (~std::uint64_t{0} << start) & (~std::uint64_t{0} >> (bits_per_word - end));
}

/// Calls `visit(word, mask)` for every word of a page that `[start, end)` (bits of that page) touches.
template <class Visit>
void each_word(std::uint64_t start, std::uint64_t end, Visit visit) {
  while (start < end) {
    auto word = start / bits_per_word;
    auto word_end = std::min(end, (word + 1) * bits_per_word);
    visit(static_cast<std::size_t>(word), mask(start % bits_per_word, word_end - word * bits_per_word));
    start = word_end;
  }
}

/// Keeps the promise that no page ends with a zero word.
void shorten(short_page& page) {
  while (!page.empty() && page.back() == 0)
    page.pop_back();
}

/// First bit in `[start, end)` of the page that is set, with every word first passed through `flip`.
std::optional<std::uint64_t> find_in(const short_page& page, std::uint64_t start, std::uint64_t end,
                                     std::uint64_t flip) {
  std::optional<std::uint64_t> found;
  each_word(start, end, [&](std::size_t word, std::uint64_t bits) {
    auto hits = (word_at(page, word) ^ flip) & bits;
    if (!found && hits != 0)
      found = word * bits_per_word + static_cast<std::uint64_t>(std::countr_zero(hits));
  });
  return found;
}

/// The part of `range` that lies in page `number`, in bits of that page.
block_range within(block_range range, std::uint64_t number) {
  auto base = number * bits_per_page;
  return {range.start > base ? range.start - base : 0, std::min(range.end - base, bits_per_page)};
}

} // namespace

bool operator==(const bitfield& left, const bitfield& right) {
  return left.contiguous_ == right.contiguous_ && left.pages_ == right.pages_;
}

bool bitfield::test(std::uint64_t index) const {
  if (index < contiguous_)
    return true;
  auto entry = pages_.find(index / bits_per_page);
  if (entry == pages_.end())
    return false;
  auto bit = index % bits_per_page;
  return (word_at(entry->second, bit / bits_per_word) >> (bit % bits_per_word) & 1U) != 0;
}

void bitfield::set_pages(block_range range) {
  while (range.start < range.end) {
    auto number = range.start / bits_per_page;
    auto& page = pages_[number];
    auto part = within(range, number);
    each_word(part.start, part.end, [&](std::size_t word, std::uint64_t bits) { word_of(page, word) |= bits; });
    range.start = number * bits_per_page + part.end;
  }
}

void bitfield::clear_pages(block_range range) {
  if (range.start >= range.end)
    return;
  auto entry = pages_.lower_bound(range.start / bits_per_page);
  while (entry != pages_.end() && entry->first * bits_per_page < range.end) {
    auto& page = entry->second;
    auto part = within(range, entry->first);
    auto end = std::min(part.end, page.size() * bits_per_word);
    each_word(part.start, end, [&](std::size_t word, std::uint64_t bits) { page[word] &= ~bits; });
    shorten(page);
    entry = page.empty() ? pages_.erase(entry) : std::next(entry);
  }
}

void bitfield::set(block_range range) {
  if (range.start >= range.end || range.end <= contiguous_)
    return;
  if (range.start > contiguous_) {
    set_pages(range);
    return;
  }
  contiguous_ = range.end;
  if (pages_.empty())
    return;
  absorb_pages();
}

void bitfield::absorb_pages() {
  auto number = contiguous_ / bits_per_page;
  for (auto entry = pages_.find(number); entry != pages_.end() && entry->first == number; ++entry, ++number) {
    auto gap = find_in(entry->second, contiguous_ % bits_per_page, bits_per_page, ~std::uint64_t{0});
    contiguous_ = number * bits_per_page + gap.value_or(bits_per_page);
    if (gap)
      break;
  }
  pages_.erase(pages_.begin(), pages_.lower_bound(contiguous_ / bits_per_page));
  auto page_start = contiguous_ - contiguous_ % bits_per_page;
  clear_pages({page_start, contiguous_});
}

void bitfield::clear(block_range range) {
  if (range.start >= range.end)
    return;
  if (range.start < contiguous_) {
    auto end = contiguous_;
    contiguous_ = range.start;
    set_pages({std::min(range.end, end), end});
  }
  clear_pages(range);
}

std::optional<std::uint64_t> bitfield::first_set(block_range range) const {
  if (range.start >= range.end)
    return std::nullopt;
  if (range.start < contiguous_)
    return range.start;
  for (auto entry = pages_.lower_bound(range.start / bits_per_page);
       entry != pages_.end() && entry->first * bits_per_page < range.end; ++entry) {
    auto part = within(range, entry->first);
    if (auto bit = find_in(entry->second, part.start, part.end, 0))
      return entry->first * bits_per_page + *bit;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> bitfield::first_unset(block_range range) const {
  range.start = std::max(range.start, contiguous_);
  while (range.start < range.end) {
    auto number = range.start / bits_per_page;
    auto entry = pages_.find(number);
    if (entry == pages_.end())
      return range.start;
    auto part = within(range, number);
    if (auto bit = find_in(entry->second, part.start, part.end, ~std::uint64_t{0}))
      return number * bits_per_page + *bit;
    range.start = number * bits_per_page + part.end;
  }
  return std::nullopt;
}

std::uint64_t bitfield::count(block_range range) const {
  if (range.start >= range.end)
    return 0;
  std::uint64_t total = range.start < contiguous_ ? std::min(range.end, contiguous_) - range.start : 0;
  for (auto entry = pages_.lower_bound(range.start / bits_per_page);
       entry != pages_.end() && entry->first * bits_per_page < range.end; ++entry) {
    auto part = within(range, entry->first);
    each_word(part.start, part.end, [&](std::size_t word, std::uint64_t bits) {
      total += static_cast<std::uint64_t>(std::popcount(word_at(entry->second, word) & bits));
    });
  }
  return total;
}

bool bitfield::all_set(block_range range) const {
  return !first_unset(range);
}

std::vector<std::uint32_t> bitfield::words(block_range range) const {
  CORESTORE_CHECK(range.start % 32 == 0);
  if (range.start >= range.end)
    return {};
  std::vector<std::uint32_t> result(static_cast<std::size_t>((range.end - range.start + 31) / 32));
  auto set_bits = [&](std::uint64_t start, std::uint64_t end) {
    for (auto bit = start; bit < end;) {
      auto word_end = std::min(end, (bit / 32 + 1) * 32);
      result[bit / 32] |= static_cast<std::uint32_t>(mask(bit % 32, word_end - bit / 32 * 32));
      bit = word_end;
    }
  };
  auto start = range.start;
  while (auto first = first_set({start, range.end})) {
    auto end = first_unset({*first, range.end}).value_or(range.end);
    set_bits(*first - range.start, end - range.start);
    start = end;
  }
  return result;
}

void bitfield::assign(std::uint64_t start, const std::vector<std::uint32_t>& words) {
  CORESTORE_CHECK(start % 32 == 0);
  std::size_t first = 0; // words of ones inside the prefix change nothing: keep the prefix in one piece
  while (first < words.size() && words[first] == ~std::uint32_t{0} && start + 32 * (first + 1) <= contiguous_)
    ++first;
  if (first == words.size())
    return;
  auto base = start + 32 * first;
  clear({base, start + 32 * words.size()});
  std::uint64_t open = 0; // start of the current run of ones
  bool is_open = false;
  for (auto word = first; word < words.size(); ++word) {
    auto word_start = start + 32 * word;
    for (unsigned bit = 0; bit < 32;) {
      auto rest = words[word] >> bit;
      auto same = static_cast<unsigned>((rest & 1U) != 0 ? std::countr_one(rest) : std::countr_zero(rest));
      if ((rest & 1U) != 0 && !is_open)
        open = word_start + bit;
      else if ((rest & 1U) == 0 && is_open)
        set({open, word_start + bit});
      is_open = (rest & 1U) != 0;
      bit += std::min(same, 32 - bit);
    }
  }
  if (is_open)
    set({open, start + 32 * words.size()});
}

std::vector<std::uint64_t> bitfield::page_numbers() const {
  std::vector<std::uint64_t> numbers;
  numbers.reserve(pages_.size());
  for (const auto& entry : pages_)
    numbers.push_back(entry.first);
  return numbers;
}

bit_page bitfield::page(std::uint64_t number) const {
  auto entry = pages_.find(number);
  bit_page result{};
  if (entry != pages_.end())
    std::copy(entry->second.begin(), entry->second.end(), result.begin());
  auto base = number * bits_per_page;
  if (contiguous_ > base)
    each_word(0, std::min(contiguous_ - base, bits_per_page),
              [&](std::size_t word, std::uint64_t bits) { result[word] |= bits; });
  return result;
}

void bitfield::load_page(std::uint64_t number, const bit_page& content) {
  std::vector<std::uint32_t> halves;
  halves.reserve(content.size() * 2);
  for (auto word : content) {
    halves.push_back(static_cast<std::uint32_t>(word));
    halves.push_back(static_cast<std::uint32_t>(word >> 32U));
  }
  assign(number * bits_per_page, halves);
}

} // namespace corestore::log
