// The parts that the replicator is made of, each against a plain model.
#include <catch2/catch.hpp>

#include <random>
#include <set>

#include "replication/inflight.hpp"
#include "replication/remote_bitfield.hpp"
#include "replication/stall.hpp"
#include "replication/want_set.hpp"

using namespace corestore;
using replication::remote_bitfield;

TEST_CASE("what a peer has agrees with a set of bits", "[replicator_parts_test]") {
  constexpr std::uint64_t span = 4 * 32768 + 77;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    std::mt19937_64 random{seed};
    remote_bitfield field;
    std::vector<bool> model(span, false);
    for (int step = 0; step < 60; ++step) {
      const auto start = random() % 3 == 0 ? random() % 40 : random() % span;
      const auto end = std::min(span, start + (random() % 2 == 0 ? random() % 100 : random() % span));
      const auto kind = random() % 3;
      if (kind == 2) {
        const auto aligned = start / 32 * 32;
        std::vector<std::uint32_t> words((std::min(end, aligned + 60000) - aligned) / 32);
        for (std::size_t i = 0; i < words.size(); ++i) {
          words[i] = random() % 4 == 0 ? 0xffffffffU : static_cast<std::uint32_t>(random());
          for (std::uint64_t bit = 0; bit < 32; ++bit)
            model[aligned + i * 32 + bit] = (words[i] >> bit & 1U) != 0;
        }
        field.assign(aligned, words);
      } else {
        std::fill(model.begin() + static_cast<std::ptrdiff_t>(start),
                  model.begin() + static_cast<std::ptrdiff_t>(std::max(start, end)), kind == 0);
        if (kind == 0)
          field.set({start, end});
        else
          field.clear({start, end});
      }
    }
    std::uint64_t different = 0;
    for (std::uint64_t i = 0; i < span; ++i)
      different += field.test(i) == model[i] ? 0 : 1;
    REQUIRE(different == 0);
    for (std::uint64_t from = 0; from < span; from += 1 + random() % 3000) {
      const auto set = std::find(model.begin() + static_cast<std::ptrdiff_t>(from), model.end(), true);
      const auto unset = std::find(model.begin() + static_cast<std::ptrdiff_t>(from), model.end(), false);
      const auto expect = [&](auto place) {
        return place == model.end() ? std::nullopt : std::optional{static_cast<std::uint64_t>(place - model.begin())};
      };
      REQUIRE(field.first_set({from, span}) == expect(set));
      REQUIRE(field.first_unset({from, span}) == expect(unset));
    }
  }
}

TEST_CASE("commits that go on failing are tried ever more rarely", "[replicator_parts_test]") {
  using replication::stall;
  stall stalled;
  std::uint64_t now = 5000;
  CHECK(stalled.is_over(now));
  for (std::uint64_t wait : {1000, 2000, 4000, 8000, 16000, 30000, 30000}) {
    stalled.failed(now);
    stalled.failed(now + 10); // what was asked for in the same round
    CHECK(stalled.until_ms() == now + wait);
    CHECK_FALSE(stalled.is_over(now + wait - 1));
    now += wait;
    CHECK(stalled.is_over(now));
  }
  stalled.failed(now);
  stalled.wished(); // somebody waits for an answer now
  CHECK(stalled.until_ms() == now + stall::wait_ms_min);
  now += stall::wait_ms_min;
  stalled.succeeded();
  stalled.failed(now);
  CHECK(stalled.until_ms() == now + stall::wait_ms_min);
}

TEST_CASE("what a hostile peer announces takes bounded memory", "[replicator_parts_test]") {
  remote_bitfield field;
  field.set_length(UINT64_MAX);
  for (std::uint64_t i = 1; i < 100000; ++i) {
    field.set({i * 100000 + 5, i * 100000 + 6});
    field.set({(std::uint64_t{1} << 40U) + i * 131072, (std::uint64_t{1} << 40U) + i * 131072 + 65536});
  }
  REQUIRE(field.page_count() <= 2 * remote_bitfield::pages_max);
  field.set({7, UINT64_MAX / 2});
  REQUIRE(field.test(std::uint64_t{1} << 50U));
  field.clear({100000, std::uint64_t{1} << 52U});
  REQUIRE(field.test(99999));
  REQUIRE_FALSE(field.test(100000));
  REQUIRE(field.page_count() <= 2 * remote_bitfield::pages_max);
}

TEST_CASE("an id that was withdrawn is used again only after a later answer", "[replicator_parts_test]") {
  replication::inflight requests;
  const auto first = requests.add({});
  const auto second = requests.add({});
  REQUIRE(requests.withdraw(first).has_value());
  REQUIRE(requests.answered(second).has_value()); // sent before the withdrawal: proves nothing
  const auto third = requests.add({});
  REQUIRE(third == second);
  REQUIRE_FALSE(requests.answered(first).has_value());
  REQUIRE(requests.answered(third).has_value());
  std::set<std::uint64_t> next{requests.add({}), requests.add({})};
  REQUIRE(next == std::set<std::uint64_t>{first, second});
  REQUIRE(requests.count() == 2);
}

TEST_CASE("wants past the bounds make a peer one that wants everything", "[replicator_parts_test]") {
  replication::want_set wants;
  REQUIRE(wants.add({.start = 64, .length = 32}));
  REQUIRE(wants.covers({90, 100}));
  REQUIRE_FALSE(wants.covers({96, 100}));
  wants.remove({.start = 64, .length = 32});
  REQUIRE_FALSE(wants.covers({90, 100}));
  REQUIRE_FALSE(wants.add({.start = 0, .length = 2097153}));
  REQUIRE_FALSE(wants.covers({0, 100}));
  REQUIRE(wants.add({.start = 1, .length = 32}));
  REQUIRE(wants.covers({1U << 30U, (1U << 30U) + 1}));
}
