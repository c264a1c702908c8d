// The same conversation under many schedules: which ready actor runs next is drawn from a seed.
#include <algorithm>
#include <deque>
#include <random>

#include "deterministic.hpp"

namespace corestore::tests {

namespace {

constexpr std::uint64_t schedules = 200;
constexpr std::size_t appends_per_schedule = 24;

/// Lets drawn actors consume one turn each; at most `turns` of them, all that is ready by default.
void explore(deterministic_store& fixture, std::mt19937_64& chance, std::size_t turns = SIZE_MAX) {
  auto& jobs = fixture.scheduler.jobs;
  for (std::size_t turn = 0; turn < turns && !jobs.empty(); ++turn) {
    auto chosen = static_cast<std::ptrdiff_t>(chance() % jobs.size());
    std::rotate(jobs.begin(), jobs.begin() + chosen, jobs.end());
    fixture.scheduler.run_once();
  }
}

/// Appends and reads of three cores, sent while earlier ones are still under way.
void converse(std::uint64_t seed) {
  INFO("seed " << seed);
  std::mt19937_64 chance{seed};
  deterministic_store fixture;
  std::array<opened_core, 3> cores{fixture.open("a"), fixture.open("b"), fixture.open("c")};
  std::array<std::vector<std::string>, 3> wanted;
  std::array<std::vector<std::uint64_t>, 3> expected_ends;
  std::array<std::vector<std::uint64_t>, 3> heard_ends;
  std::size_t answers = 0;
  std::deque<std::function<void()>> outstanding;
  for (std::size_t i = 0; i < appends_per_schedule; ++i) {
    auto which = chance() % cores.size();
    std::vector<shared_bytes> blocks;
    for (auto left = chance() % 4; left > 0; --left) {
      wanted[which].push_back(std::to_string(i) + "/" + std::to_string(left));
      blocks.push_back(shared_bytes::copy_of(as_bytes(wanted[which].back())));
    }
    expected_ends[which].push_back(wanted[which].size());
    auto request =
      std::make_shared<decltype(fixture.self->request(cores[0].handle, caf::infinite, append_atom_v, blocks))>(
        fixture.self->request(cores[which].handle, caf::infinite, append_atom_v, blocks));
    outstanding.emplace_back([&, which, request] {
      request->receive(
        [&](const append_result& result) {
          heard_ends[which].push_back(result.length);
          ++answers;
        },
        [](const caf::error& reason) { FAIL(to_string(from_caf(reason))); });
    });
    explore(fixture, chance, chance() % 5);
  }
  explore(fixture, chance);
  for (auto& receive : outstanding)
    receive();
  CHECK(answers == appends_per_schedule);
  for (std::size_t which = 0; which < cores.size(); ++which) {
    CHECK(heard_ends[which] == expected_ends[which]);
    auto page = fixture.ask<block_batch>(cores[which].handle, read_atom_v, std::uint64_t{0}, std::uint64_t{1000},
                                         std::uint64_t{1} << 20U);
    REQUIRE(page.has_value());
    std::vector<std::string> stored;
    for (const auto& block : page->blocks)
      stored.emplace_back(as_text(block.value.view()));
    CHECK(stored == wanted[which]);
    auto report = fixture.ask<verify_report>(cores[which].handle, verify_atom_v);
    REQUIRE(report.has_value());
    CHECK(report->faults.empty());
  }
}

} // namespace

TEST_CASE("whatever runs first, every append is answered with its own end and stored in order") {
  for (std::uint64_t seed = 0; seed < schedules; ++seed)
    converse(seed);
}

} // namespace corestore::tests
