#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>

#include <algorithm>
#include <set>

#include "log/bitfield.hpp"

using namespace corestore;
using log::bitfield;
using log::block_range;

namespace {

constexpr std::uint64_t universe = 3 * log::bits_per_page;
using model = std::set<std::uint64_t>;

/// Ranges that like to begin and end at words and pages.
block_range any_range() {
  auto edge = [] {
    auto base = *rc::gen::element<std::uint64_t>(0, 32, 64, log::bits_per_page, 2 * log::bits_per_page, 1000);
    return base + *rc::gen::inRange<std::uint64_t>(0, 70);
  };
  auto start = edge();
  auto end = *rc::gen::arbitrary<bool>() ? start + *rc::gen::inRange<std::uint64_t>(0, 80) : edge();
  return {start, std::max(start, end)};
}

void check(const bitfield& bits, const model& expected) {
  std::uint64_t contiguous = 0;
  for (auto bit : expected)
    if (bit == contiguous)
      ++contiguous;
  RC_ASSERT(bits.contiguous_length() == contiguous);
  RC_ASSERT(bits.count({0, universe}) == expected.size());
  for (int i = 0; i < 4; ++i) {
    auto range = any_range();
    auto first = expected.lower_bound(range.start);
    auto has_set = first != expected.end() && *first < range.end;
    RC_ASSERT(bits.first_set(range) == (has_set ? std::optional{*first} : std::nullopt));
    std::optional<std::uint64_t> unset;
    for (auto bit = range.start; bit < range.end && !unset; ++bit)
      if (!expected.contains(bit))
        unset = bit;
    RC_ASSERT(bits.first_unset(range) == unset);
    RC_ASSERT(bits.all_set(range) == !unset);
    RC_ASSERT(bits.test(range.start) == expected.contains(range.start));
    RC_ASSERT(bits.count(range) == static_cast<std::uint64_t>(std::distance(first, expected.lower_bound(range.end))));
  }
}

} // namespace

TEST_CASE("a bitfield behaves like a set of numbers") {
  rc::prop("set, clear, assign", [] {
    bitfield bits;
    model expected;
    auto steps = *rc::gen::inRange(1, 12);
    for (int i = 0; i < steps; ++i) {
      auto range = any_range();
      switch (*rc::gen::inRange(0, 4)) {
      case 0:
        bits.clear(range);
        expected.erase(expected.lower_bound(range.start), expected.lower_bound(range.end));
        break;
      case 1: {
        range.start -= range.start % 32;
        auto words = *rc::gen::container<std::vector<std::uint32_t>>(
          3, rc::gen::element<std::uint32_t>(0, ~0U, 1, 0x80000000U, 0x0ff00ff0U, 0xfffffffeU));
        bits.assign(range.start, words);
        for (std::uint64_t bit = 0; bit < 96; ++bit) {
          expected.erase(range.start + bit);
          if ((words[bit / 32] >> (bit % 32) & 1U) != 0)
            expected.insert(range.start + bit);
        }
        break;
      }
      default:
        bits.set(range);
        for (auto bit = range.start; bit < range.end; ++bit)
          expected.insert(bit);
      }
      check(bits, expected);
    }
    bitfield rebuilt;
    for (auto bit : expected)
      rebuilt.set({bit, bit + 1});
    RC_ASSERT(rebuilt == bits);
    bitfield loaded;
    for (std::uint64_t page = 3; page-- > 0;)
      loaded.load_page(page, bits.page(page));
    RC_ASSERT(loaded == bits);
    bitfield assigned;
    assigned.set({0, 50});
    assigned.assign(0, bits.words({0, universe}));
    RC_ASSERT(assigned == bits);
    auto copy = bits;
    RC_ASSERT(copy == bits);
  });
}

TEST_CASE("the contiguous prefix needs no pages") {
  bitfield bits;
  bits.set({0, 5 * log::bits_per_page + 3});
  CHECK(bits.page_numbers().empty());
  bits.set({9 * log::bits_per_page, 9 * log::bits_per_page + 1});
  CHECK(bits.page_numbers() == std::vector<std::uint64_t>{9});
  CHECK(bits.page(4)[0] == ~std::uint64_t{0});
  CHECK(bits.page(5)[0] == 7);
  bits.set({5 * log::bits_per_page, 9 * log::bits_per_page});
  CHECK(bits.contiguous_length() == 9 * log::bits_per_page + 1);
  CHECK(bits.page_numbers().empty());
}

TEST_CASE("clearing to the end of numbers touches only what is there") {
  bitfield bits;
  bits.set({0, 100});
  bits.set({200, 300});
  bits.clear({50, UINT64_MAX});
  CHECK(bits.contiguous_length() == 50);
  CHECK(bits.count({0, UINT64_MAX}) == 50);
  CHECK(bits.page_numbers().empty());
  CHECK_FALSE(bits.test(UINT64_MAX));
  CHECK(bits.first_unset({0, UINT64_MAX}) == 50U);
}

TEST_CASE("words end with zero bits") {
  bitfield bits;
  bits.set({0, 100});
  CHECK(bits.words({32, 70}) == std::vector<std::uint32_t>{~0U, 0x3fU});
  CHECK(bits.words({64, 128}) == std::vector<std::uint32_t>{~0U, 0xfU});
  CHECK(bits.words({64, 64}).empty());
}
