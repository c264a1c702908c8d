#include <catch2/catch.hpp>

#include "log/reorg.hpp"
#include "tests/golden/data/vectors.hpp"

using namespace corestore;
using golden::hex;
using golden::json;
using golden::number;
using golden::vectors;

namespace {

void check_state(const test::memory_core& core, const json& after) {
  CHECK(core.state.head.fork == number(after["fork"]));
  CHECK(core.state.head.length == number(after["length"]));
  CHECK(core.state.head.byte_length == number(after["byteLength"]));
  CHECK(core.tree_hash() == golden::fixed<hash32>(after["treeHash"]));
  CHECK(core.state.head.signature == (after["signature"].is_null() ? bytes{} : hex(after["signature"])));
  CHECK(core.state.contiguous_length() == number(after["contiguousLength"]));
  CHECK(core.store.contiguous_length.value_or(0) == number(after["contiguousLength"]));
  std::vector<std::uint64_t> stored;
  for (const auto& one : core.store.blocks) {
    stored.push_back(one.first);
    CHECK(core.state.bits.test(one.first));
  }
  CHECK(stored == after["blocks"].get<std::vector<std::uint64_t>>());
  CHECK(core.state.bits.count({0, core.state.head.length}) == stored.size());
  std::vector<std::uint64_t> nodes;
  for (const auto& one : core.store.nodes)
    nodes.push_back(one.first);
  CHECK(nodes == after["nodes"].get<std::vector<std::uint64_t>>());
}

} // namespace

TEST_CASE("a receiver of the vectors' messages reaches the states of the reference") {
  for (const auto& log : vectors()["sync"]) {
    auto core = test::memory_core::remote(golden::fixed<core_key>(log["key"]));
    for (const auto& step : log["steps"]) {
      INFO("length " << log["length"] << " padding " << log["padding"] << ": " << step["name"] << " "
                     << step["request"].dump());
      auto request = golden::request(step["request"]);
      if (request.block && request.block->index < core.state.head.length)
        CHECK(log::missing_nodes(core.state.head, core.store, 2 * request.block->index) == request.block->nodes);
      REQUIRE(step["result"] == true);
      REQUIRE(core.receive({golden::proof(step["wireData"])}));
      check_state(core, step["after"]);
      CHECK(core.state.header.manifest == hex(log["manifest"]));
    }
  }
}

TEST_CASE("damaged messages are refused for the reason that the reference gives") {
  for (const auto& log : vectors()["invalid"]) {
    for (const auto& test : log["cases"]) {
      INFO("length " << log["length"] << ": " << test["name"]);
      auto core = test::memory_core::remote(golden::fixed<core_key>(log["key"]));
      if (test["setup"] == true)
        REQUIRE(core.receive({golden::proof(log["setup"])}));
      auto before = core.state.head;
      auto message = golden::decode_data(hex(test["wireData"]));
      REQUIRE(message);
      auto status = core.receive({message->content});
      if (test["result"].is_object()) {
        REQUIRE_FALSE(status);
        CHECK(status.error().code == golden::error_code(test["result"]["error"].get<std::string>()));
      } else {
        CHECK(status.has_value() == test["result"].get<bool>());
      }
      CHECK((core.state.head != before) == test["changedTree"].get<bool>());
    }
  }
}

TEST_CASE("a reorganisation asks and ends as in the reference") {
  for (const auto& log : vectors()["reorg"]) {
    INFO("size " << log["size"] << " " << log["variant"]);
    auto key = golden::fixed<core_key>(log["key"]);
    auto manifest = log::encode_manifest(log::default_manifest({})); // replaced below: the vectors leave it out
    auto core = test::memory_core::with_blocks(key, manifest, 0, golden::blocks(log["oldBlocks"]),
                                               hex(log["before"]["signature"]));
    core.store.contiguous_length = core.state.head.length;
    check_state(core, log["before"]);
    auto proof = golden::proof(log["forkProof"]);
    if (proof.manifest) {
      core.state.header.manifest = *proof.manifest;
      core.state.manifest = log::decode_manifest(*proof.manifest).value();
    } else {
      core.state.header.manifest.clear();
      core.state.manifest.reset();
    }
    auto verified = log::verify_fork(key, core.manifest(), core.state.header.manifest, proof);
    if (!verified && !proof.manifest) { // without its manifest the fork proof cannot be verified: take it as it is
      log::tree_batch batch;
      for (const auto& list : {proof.upgrade->nodes, proof.upgrade->additional_nodes})
        for (const auto& one : list)
          REQUIRE(batch.push(one));
      log::verification trusted;
      trusted.nodes = batch.added();
      trusted.head = batch.head(proof.fork, proof.upgrade->signature);
      verified = trusted;
    }
    REQUIRE(verified);
    auto search = log::reorg_search::start(*verified, core.state.head.length, core.store).value();
    for (const auto& step : log["steps"]) {
      REQUIRE(search.wanted());
      const auto& want = step["want"];
      CHECK(*search.wanted() ==
            log::reorg_request{{number(want["start"]), number(want["end"])}, number(want["nodes"])});
      REQUIRE(search.accept(golden::proof(step["wireData"]), core.store));
    }
    CHECK(search.is_done());
    auto ancestors = search.ancestors();
    CHECK(ancestors == number(log["ancestors"]));
    REQUIRE(core.apply(log::stage_reorg(core.state, search.take(), ancestors).value()));
    check_state(core, log["after"]);
  }
}

TEST_CASE("two histories of one length are a conflict, our own is none") {
  for (const auto& one : vectors()["conflict"]) {
    auto key = golden::fixed<core_key>(one["key"]);
    auto local = golden::proof(one["local"]);
    auto remote = golden::proof(one["remote"]);
    auto core = test::memory_core::remote(key, hex(one["manifest"]));
    REQUIRE(core.receive({local}));
    CHECK(core.tree_hash() == golden::fixed<hash32>(one["localTreeHash"]));
    auto is_conflict = [&](const log::proof& candidate) {
      return log::contradicts(key, *core.manifest(), core.state.header.manifest, core.state.head, core.store,
                              candidate);
    };
    CHECK(is_conflict(local) == one["ownProofIsConflict"].get<bool>());
    CHECK(is_conflict(remote) == one["remoteProofIsConflict"].get<bool>());
    auto damaged = remote;
    damaged.upgrade->nodes.front().hash.data[5] ^= 1U;
    CHECK(is_conflict(damaged).error().code == ec::invalid_signature);
  }
}
