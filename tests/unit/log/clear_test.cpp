#include <catch2/catch.hpp>

#include "tests/unit/log/memory_log.hpp"

using namespace corestore;
using test::memory_core;
using test::test_blocks;
using test::test_keys;

TEST_CASE("clearing drops blocks and bits, and every other block can still be proved") {
  auto keys = test_keys();
  for (std::uint64_t cleared = 0; cleared < 8; ++cleared) {
    auto core = memory_core::owned(keys);
    REQUIRE(core.append(test_blocks(0, 8), keys));
    REQUIRE(core.apply(log::stage_clear(core.state, {cleared, cleared + 1})));
    CHECK(core.state.contiguous_length() == cleared);
    CHECK(core.store.contiguous_length == cleared);
    CHECK(core.store.blocks.size() == 7);
    for (std::uint64_t i = 0; i < 8; ++i)
      CHECK(core.prove({log::block_request{i, 3}, {}, {}, {}, false}));
    REQUIRE(core.apply(log::stage_truncate(core.state, core.store, 5, 1, keys).value()));
    CHECK(core.state.contiguous_length() == std::min<std::uint64_t>(cleared, 5));
    REQUIRE(core.append(test_blocks(5, 6), keys));
    CHECK(core.state.is_complete() == (cleared >= 5));
  }
}

TEST_CASE("clearing nothing, or past the end, changes nothing") {
  auto keys = test_keys();
  auto core = memory_core::owned(keys);
  REQUIRE(core.append(test_blocks(0, 4), keys));
  CHECK(log::stage_clear(core.state, {2, 2}).cleared.empty());
  CHECK(log::stage_clear(core.state, {4, 9}).cleared.empty());
  auto to_the_end = log::stage_clear(core.state, {3, UINT64_MAX});
  REQUIRE(to_the_end.cleared.size() == 1);
  CHECK(to_the_end.cleared[0] == log::block_range{3, 4});
}

TEST_CASE("a truncation past the length or into the prologue is refused") {
  auto keys = test_keys();
  auto core = memory_core::owned(keys);
  REQUIRE(core.append(test_blocks(0, 4), keys));
  CHECK(log::stage_truncate(core.state, core.store, 5, 1, keys).error().code == ec::invalid_operation);
  core.state.manifest->beginning = log::prologue{{}, 3};
  CHECK(log::stage_truncate(core.state, core.store, 2, 1, keys).error().code == ec::invalid_operation);
  CHECK(log::stage_truncate(core.state, core.store, 3, 1, keys));
}

TEST_CASE("a truncation that lacks a root says so") {
  auto keys = test_keys();
  auto core = memory_core::owned(keys);
  REQUIRE(core.append(test_blocks(0, 8), keys));
  core.store.nodes.erase(3);
  CHECK(log::stage_truncate(core.state, core.store, 5, 1, keys).error().code == ec::not_found);
}

TEST_CASE("truncating to the same length changes only the fork") {
  auto keys = test_keys();
  auto core = memory_core::owned(keys);
  REQUIRE(core.append(test_blocks(0, 4), keys));
  auto before = core.state.head;
  REQUIRE(core.apply(log::stage_truncate(core.state, core.store, 4, 7, keys).value()));
  CHECK(core.state.head.fork == 7);
  CHECK(core.state.head.roots == before.roots);
  CHECK(core.state.head.signature != before.signature);
  CHECK(core.state.is_complete());
}

TEST_CASE("a change set is adopted only on the head that it was staged on") {
  auto keys = test_keys();
  auto core = memory_core::owned(keys);
  REQUIRE(core.append(test_blocks(0, 4), keys));
  auto append = log::stage_append(core.state, test_blocks(4, 5), keys).value();
  auto clear = log::stage_clear(core.state, {1, 2});
  auto truncate = log::stage_truncate(core.state, core.store, 2, 1, keys).value();
  REQUIRE(core.append(test_blocks(4, 6), keys));
  CHECK(core.apply(append).error().code == ec::stale_base);
  CHECK(core.apply(truncate).error().code == ec::stale_base);
  CHECK(core.state.head.length == 6);
  REQUIRE(core.apply(clear)); // moves no head: fits a longer log as well
  CHECK(core.state.contiguous_length() == 1);
  auto clear_again = log::stage_clear(core.state, {2, 3});
  REQUIRE(core.apply(log::stage_truncate(core.state, core.store, 6, 1, keys).value()));
  CHECK(core.apply(clear_again).error().code == ec::stale_base);
}
