#include <catch2/catch.hpp>

#include "log/reorg.hpp"
#include "tests/unit/log/memory_log.hpp"

using namespace corestore;
using test::memory_core;
using test::test_blocks;
using test::test_keys;

namespace {

struct histories {
  memory_core ours;
  memory_core theirs;
};

/// Two signed logs that share `common` blocks.
histories fork_at(std::uint64_t common, std::uint64_t our_length, std::uint64_t their_length) {
  auto keys = test_keys();
  histories result{memory_core::owned(keys), memory_core::owned(keys)};
  REQUIRE(result.ours.append(test_blocks(0, common), keys));
  REQUIRE(result.theirs.append(test_blocks(0, common), keys));
  REQUIRE(result.theirs.apply(log::stage_truncate(result.theirs.state, result.theirs.store, common, 3, keys).value()));
  REQUIRE(result.ours.append(test_blocks(common, our_length), keys));
  REQUIRE(result.theirs.append(test_blocks(common, their_length, 1), keys));
  return result;
}

log::verification fork_proof(const histories& both) {
  auto length = both.theirs.state.head.length;
  auto proof = both.theirs.prove({{}, {}, {}, log::upgrade_request{0, length}, false}).value();
  return log::verify_fork(both.ours.state.header.key, both.ours.manifest(), both.ours.state.header.manifest, proof)
    .value();
}

} // namespace

TEST_CASE("the shared length of any two histories is found and applied") {
  for (std::uint64_t common = 0; common <= 12; ++common) {
    for (auto our_length = common; our_length <= 14; ++our_length) {
      for (auto their_length = std::max<std::uint64_t>(common, 1); their_length <= 14; ++their_length) {
        INFO(common << " shared of " << our_length << " and " << their_length);
        auto [ours, theirs] = fork_at(common, our_length, their_length);
        auto search = log::reorg_search::start(fork_proof({ours, theirs}), our_length, ours.store).value();
        int rounds = 0;
        while (search.wanted()) {
          REQUIRE(++rounds <= 5);
          auto want = *search.wanted();
          auto block = want.blocks.start + (want.blocks.end - want.blocks.start) / 2;
          auto answer = theirs.prove({{}, log::hash_request{2 * block, want.nodes}, {}, {}, false});
          REQUIRE(answer);
          REQUIRE(search.accept(*answer, ours.store));
        }
        auto ancestors = search.ancestors();
        // Blocks of both flavours may be equal (empty), so the histories may share more than was planned.
        std::uint64_t shared = 0;
        while (shared < our_length && shared < their_length &&
               ours.store.blocks.at(shared) == theirs.store.blocks.at(shared))
          ++shared;
        REQUIRE(ancestors == shared);
        REQUIRE(ours.apply(log::stage_reorg(ours.state, search.take(), ancestors).value()));
        REQUIRE(ours.state.head == theirs.state.head);
        REQUIRE(ours.state.contiguous_length() == ancestors);
        for (const auto& [index, node] : ours.store.nodes)
          REQUIRE(theirs.store.nodes.at(index) == node);
        for (auto index : log::flat_tree::full_roots(their_length))
          REQUIRE(ours.store.nodes.contains(index));
        for (auto index = ancestors; index < their_length; ++index) {
          auto nodes = log::missing_nodes(ours.state.head, ours.store, 2 * index).value();
          REQUIRE(ours.receive({theirs.prove({log::block_request{index, nodes}, {}, {}, {}, false}).value()}));
        }
        REQUIRE(ours.store.blocks == theirs.store.blocks);
      }
    }
  }
}

TEST_CASE("answers that do not lead to the differing node are ignored") {
  auto both = fork_at(3, 8, 8);
  auto search = log::reorg_search::start(fork_proof(both), 8, both.ours.store).value();
  REQUIRE(search.wanted());
  auto want = *search.wanted();
  auto answer = both.theirs.prove({{}, log::hash_request{2 * want.blocks.start, want.nodes}, {}, {}, false}).value();
  auto refused = [&](const log::proof& candidate) {
    auto status = search.accept(candidate, both.ours.store);
    return !status && status.error().code == ec::invalid_checksum && search.wanted() == want;
  };
  auto wrong = answer;
  wrong.fork = 9;
  CHECK(refused(wrong));
  wrong = answer;
  wrong.hash.reset();
  CHECK(refused(wrong));
  wrong = answer;
  wrong.hash->nodes.pop_back();
  CHECK(refused(wrong));
  wrong = answer;
  wrong.hash->nodes.clear();
  CHECK(refused(wrong));
  wrong = answer;
  wrong.hash->nodes[1].hash.data[0] ^= 1U;
  CHECK(refused(wrong));
  wrong = answer;
  wrong.hash->nodes[0].index = UINT64_MAX;
  CHECK(refused(wrong));
  wrong = answer;
  wrong.hash->nodes[1].size = UINT64_MAX;
  CHECK(refused(wrong));
  CHECK(search.accept(answer, both.ours.store));
}

TEST_CASE("a fork proof stands on its own") {
  auto both = fork_at(3, 8, 8);
  auto verify = [&](const log::proof& candidate) {
    return log::verify_fork(both.ours.state.header.key, both.ours.manifest(), both.ours.state.header.manifest,
                            candidate);
  };
  log::proof_request request;
  request.upgrade = log::upgrade_request{0, 8};
  request.block = log::block_request{2, 0};
  CHECK(verify(both.theirs.prove(request).value()));
  request.upgrade = log::upgrade_request{4, 4};
  request.block = log::block_request{2, 1};
  auto leaning = both.theirs.prove(request).value();
  CHECK_FALSE(verify(leaning));
  request = {};
  request.block = log::block_request{2, 1};
  CHECK(verify(both.theirs.prove(request).value()).error().code == ec::invalid_proof);
  request.upgrade = log::upgrade_request{0, 8};
  auto stray = both.theirs.prove({{}, {}, {}, log::upgrade_request{0, 8}, false}).value();
  stray.block = both.theirs.prove({log::block_request{2, 1}, {}, {}, {}, false}).value().block;
  CHECK(verify(stray).error().code == ec::invalid_proof);
}

TEST_CASE("a reorganisation to an older fork is stale") {
  auto both = fork_at(3, 8, 8);
  auto verified = fork_proof(both);
  both.ours.state.head.fork = 3;
  CHECK(log::stage_reorg(both.ours.state, verified, 3).error().code == ec::stale_base);
}
