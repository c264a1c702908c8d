#include <catch2/catch.hpp>

#include "log/signable.hpp"
#include "tests/golden/data/vectors.hpp"

using namespace corestore;
using golden::hex;
using golden::json;
using golden::number;
using golden::vectors;

TEST_CASE("truncated logs are signed as by the reference") {
  for (const auto& log : vectors()["truncate"]) {
    auto keys = golden::keys(log["secretKey"]);
    auto core = test::memory_core::owned(keys);
    REQUIRE(core.state.header.key == golden::fixed<core_key>(log["key"]));
    REQUIRE(core.append(golden::blocks(log["blocks"]), keys));
    for (const auto& step : log["steps"]) {
      auto fork = step["requestedFork"].is_null() ? core.state.head.fork + 1 : number(step["requestedFork"]);
      auto staged = log::stage_truncate(core.state, core.store, number(step["to"]), fork, keys);
      REQUIRE(staged);
      REQUIRE(core.apply(*staged));
      CHECK(core.state.head.fork == number(step["fork"]));
      CHECK(core.state.head.length == number(step["to"]));
      CHECK(core.state.head.roots == golden::nodes(step["roots"]));
      CHECK(core.tree_hash() == golden::fixed<hash32>(step["treeHash"]));
      CHECK(core.state.head.signature == hex(step["storedSignature"]));
      CHECK(to_bytes(log::signable_of(core.state.header.key.view(), core.tree_hash(), core.state.head.length,
                                      core.state.head.fork)) == hex(step["signable"]));
      CHECK(core.store.nodes.size() == log::flat_tree::nodes_before(core.state.head.length));
    }
    REQUIRE(core.append({shared_bytes{hex(log["appendAfter"])}}, keys));
    CHECK(core.state.head.length == number(log["final"]["length"]));
    CHECK(core.state.head.fork == number(log["final"]["fork"]));
    CHECK(core.tree_hash() == golden::fixed<hash32>(log["final"]["treeHash"]));
    CHECK(core.state.head.signature == hex(log["final"]["storedSignature"]));
  }
}

TEST_CASE("sequences of appends, clears and truncations leave the state of the reference") {
  for (const auto& log : vectors()["operations"]) {
    auto keys = golden::keys(log["secretKey"]);
    auto core = test::memory_core::owned(keys);
    REQUIRE(core.state.header.key == golden::fixed<core_key>(log["key"]));
    for (const auto& step : log["steps"]) {
      INFO("size " << log["size"] << ": " << step.dump().substr(0, 100));
      if (step.contains("append")) {
        REQUIRE(core.append(golden::blocks(step["append"]), keys));
      } else if (step.contains("clear")) {
        REQUIRE(core.apply(log::stage_clear(core.state, {number(step["clear"][0]), number(step["clear"][1])})));
      } else {
        REQUIRE(step.contains("truncate"));
        auto length = number(step["truncate"]);
        REQUIRE(
          core.apply(log::stage_truncate(core.state, core.store, length, core.state.head.fork + 1, keys).value()));
      }
      CHECK(core.state.head.length == number(step["length"]));
      CHECK(core.state.head.byte_length == number(step["byteLength"]));
      CHECK(core.state.head.fork == number(step["fork"]));
      CHECK(core.state.contiguous_length() == number(step["contiguousLength"]));
      CHECK(core.tree_hash() == golden::fixed<hash32>(step["treeHash"]));
      CHECK(core.state.head.signature == hex(step["storedSignature"]));
      std::string has;
      for (std::uint64_t i = 0; i < core.state.head.length; ++i)
        has.push_back(core.state.bits.test(i) ? '1' : '0');
      CHECK(has == (step["has"].is_string() ? step["has"].get<std::string>() : step["has"].dump()));
    }
  }
}
