#include <catch2/catch.hpp>

#include <set>

#include "log/core_state.hpp"
#include "log/legacy/proofs.hpp"
#include "tests/golden/legacy/vectors.hpp"
#include "tests/unit/log/memory_log.hpp"

using namespace corestore;
using namespace corestore::golden::legacy;
namespace legacy = corestore::log::legacy;
using test::memory_core;

namespace {

legacy::index_set set_of(const json& indices) {
  legacy::index_set result;
  for (std::uint64_t index : indices)
    result.insert(index);
  return result;
}

memory_core core_of(const public_key& signer) {
  memory_core core;
  core.state.header.number = log::core_number{1};
  core.state.header.key.data = signer.data;
  core.state.header.generation = log::generation::g9;
  return core;
}

} // namespace

TEST_CASE("the digest of what is known is the reference's") {
  for (const auto& one : vectors()["treeIndex"]["digests"]) {
    INFO(one);
    auto known = set_of(one["set"]);
    std::uint64_t highest = 0;
    for (std::uint64_t index : one["have"]) {
      highest = std::max(highest, index);
      CHECK(known.contains(index));
    }
    CHECK(known.count() == one["have"].size());
    auto limit = (highest + 8) / 8 * 8; // the reference's fresh bitfield ends at a byte
    CHECK(legacy::digest_of(known, one["block"], limit) == one["digest"]);
  }
}

TEST_CASE("known nodes prove the lengths that the reference finds") {
  for (const auto& one : vectors()["treeIndex"]["spans"]) {
    INFO(one);
    CHECK(2 * legacy::verified_length(set_of(one["set"]), one["index"]) == one["verifiedBy"]);
  }
}

TEST_CASE("answers name the nodes that the reference names, and remember what the peer said") {
  auto pair = crypto::ed25519_key_pair(key_seed{});
  std::map<std::uint64_t, memory_core> cores;
  for (const auto& one : vectors()["treeIndex"]["proofs"]) {
    INFO(one);
    std::uint64_t length = one["length"];
    auto found = cores.find(length);
    if (found == cores.end()) {
      found = cores.emplace(length, core_of(pair.public_part)).first;
      REQUIRE(found->second.append(test::test_blocks(0, length), pair));
    }
    legacy::index_set remote; // what the peer has is told by the digest alone
    auto answer = legacy::build_answer(found->second.store, length, {one["block"], one["hash"], one["digest"]}, remote);
    REQUIRE(answer);
    std::vector<std::uint64_t> named;
    for (const auto& proven : answer->nodes)
      named.push_back(proven.index);
    CHECK(named == one["nodes"].get<std::vector<std::uint64_t>>());
    CHECK(answer->signature.has_value() == (one["verifiedBy"] != 0));
    auto expected = set_of(one["rememberedRemote"]);
    CHECK(remote.count() == expected.count());
    for (std::uint64_t index : one["rememberedRemote"])
      CHECK(remote.contains(index));
  }
}

TEST_CASE("logs built from batches answer every request as the reference does") {
  for (const auto& one : vectors()["proofs"]) {
    auto pair = key_pair{fixed<public_key>(one["publicKey"]), {}};
    auto core = core_of(pair.public_part);
    auto all = blocks(one["blocks"]);
    // The secret key is not recorded: the tree is built here, the signatures are taken from the record.
    auto stand_in = crypto::ed25519_key_pair(key_seed{});
    core.state.header.key.data = stand_in.public_part.data;
    REQUIRE(core.append(all, stand_in));
    core.store.signatures.clear();
    for (const auto& [index, signature] : one["signatures"].items())
      core.store.signatures[std::stoull(index) + 1] = fixed<signature64>(signature);
    for (const auto& asked : one["requests"]) {
      INFO(asked);
      legacy::index_set remote;
      const auto& request = asked["request"];
      auto answer = legacy::build_answer(core.store, core.state.head.length,
                                         {request["index"], request["hash"], request["nodes"]}, remote);
      REQUIRE(answer);
      CHECK(answer->nodes == nodes(asked["nodes"]));
      CHECK(answer->signature == fixed<signature64>(asked["signature"]));
    }
    legacy::index_set remote;
    for (const auto& asked : one["ordered"]) {
      INFO(asked);
      auto answer =
        legacy::build_answer(core.store, core.state.head.length, {asked["index"], false, asked["nodes"]}, remote);
      REQUIRE(answer);
      std::vector<std::uint64_t> named;
      for (const auto& proven : answer->nodes)
        named.push_back(proven.index);
      CHECK(named == asked["reply"].get<std::vector<std::uint64_t>>());
      CHECK(answer->signature.has_value() == asked["signed"].get<bool>());
    }
  }
}

TEST_CASE("a fresh reader takes and refuses what the reference takes and refuses, and serves it on") {
  const auto& group = vectors()["verification"];
  for (const auto& one : group["cases"]) {
    std::string title = one["title"];
    INFO(title);
    auto core = core_of(fixed<public_key>(group["publicKey"]));
    std::set<std::uint64_t> open_sizes; // the lowest nodes of hash-only answers, which are not taken over here
    std::size_t refused = 0;
    for (const auto& step : one["steps"]) {
      const auto& input = step["input"];
      legacy::block_answer answer{input["index"], {}, nodes(input["nodes"]), {}};
      if (!input["value"].is_null())
        answer.value = shared_bytes{hex(input["value"])};
      if (!input["signature"].is_null())
        answer.signature = fixed<signature64>(input["signature"]);
      auto head = core.state.head;
      legacy::answer_verifier verifier{core.state.header.key, head, core.store};
      auto verified = verifier.verify(answer);
      if (open_sizes.contains(2 * answer.index) && answer.value && answer.nodes.empty()) {
        CHECK_FALSE(verified); // the reference relies on the leaf of the hash-only answer; we ask with its sibling
        ++refused;
        continue;
      }
      INFO(step << (verified ? "" : to_string(verified.error())));
      REQUIRE(verified.has_value() == step["accepted"].get<bool>());
      if (!verified)
        continue;
      if (!answer.value && answer.nodes.size() > 1) {
        open_sizes.insert(2 * answer.index);
        open_sizes.insert(log::flat_tree::sibling(2 * answer.index));
      }
      if (answer.value)
        open_sizes.erase(2 * answer.index);
      REQUIRE(core.apply(core.stage({*verified}).value()));
      const auto& after = step["after"];
      CHECK(core.state.head.length == after["length"]);
      CHECK(core.state.head.byte_length == after["byteLength"]);
      for (std::uint64_t index : after["tree"])
        CHECK((core.store.nodes.contains(index) || open_sizes.contains(index)));
      for (const auto& [index, stored] : core.store.nodes)
        CHECK(std::find(after["tree"].begin(), after["tree"].end(), index) != after["tree"].end());
      CHECK(core.store.blocks.size() + refused == after["blocks"].size());
      CHECK(core.store.signatures.size() == after["signatures"].size());
      for (const auto& [index, signature] : after["signatures"].items())
        CHECK(core.store.signatures.at(std::stoull(index) + 1) == fixed<signature64>(signature));
    }
    for (const auto& asked : one["thenServes"]) {
      INFO(asked);
      legacy::index_set remote;
      const auto& request = asked["request"];
      if (open_sizes.contains(2 * request["index"].get<std::uint64_t>()))
        continue;
      auto answer = legacy::build_answer(core.store, 0, {request["index"], request["hash"], request["nodes"]}, remote);
      REQUIRE(answer);
      CHECK(answer->nodes == nodes(asked["nodes"]));
      if (asked["signature"].is_null())
        CHECK_FALSE(answer->signature);
      else
        CHECK(answer->signature == fixed<signature64>(asked["signature"]));
    }
  }
}

TEST_CASE("an answer that is signed and contradicts what is stored is a conflict") {
  auto pair = crypto::ed25519_key_pair(key_seed{});
  auto ours = core_of(pair.public_part);
  auto theirs = core_of(pair.public_part);
  REQUIRE(ours.append(test::test_blocks(0, 4), pair));
  REQUIRE(theirs.append(test::test_blocks(7, 12), pair));
  legacy::index_set remote;
  auto answer = legacy::build_answer(theirs.store, 5, {2, false, 0}, remote);
  REQUIRE(answer);
  answer->value = theirs.store.blocks.at(2);
  auto head = ours.state.head;
  auto verified = legacy::answer_verifier{ours.state.header.key, head, ours.store}.verify(*answer);
  REQUIRE_FALSE(verified);
  CHECK(verified.error().code == ec::conflict);
}

TEST_CASE("a hash-only answer must begin with the hash of the block") {
  auto pair = crypto::ed25519_key_pair(key_seed{});
  auto writer = core_of(pair.public_part);
  REQUIRE(writer.append(test::test_blocks(0, 4), pair));
  legacy::index_set remote;
  auto answer = legacy::build_answer(writer.store, 4, {1, true, 0}, remote);
  REQUIRE(answer);
  auto reader = core_of(pair.public_part);
  auto head = reader.state.head;
  legacy::answer_verifier verifier{reader.state.header.key, head, reader.store};
  auto other = *answer;
  other.nodes.erase(other.nodes.begin());
  CHECK(verifier.verify(other).error().code == ec::invalid_proof);
  other.nodes.clear();
  CHECK(verifier.verify(other).error().code == ec::invalid_proof);
  auto verified = verifier.verify(*answer);
  REQUIRE(verified);
  CHECK(head.length == 4);
  for (const auto& proven : verified->nodes)
    CHECK(log::flat_tree::depth(proven.index) > 0); // sizes of leaves are open without their blocks
}
