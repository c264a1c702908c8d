#include <catch2/catch.hpp>

#include "tests/unit/log/memory_log.hpp"

using namespace corestore;
using test::memory_core;
using test::test_blocks;
using test::test_keys;

namespace {

memory_core writer_of(std::uint64_t length) {
  auto keys = test_keys();
  auto core = memory_core::owned(keys);
  REQUIRE(core.append(test_blocks(0, length), keys));
  return core;
}

memory_core reader_of(const memory_core& writer) {
  auto core = memory_core::remote(writer.state.header.key, writer.state.header.manifest);
  REQUIRE(core.receive({writer.prove({{}, {}, {}, log::upgrade_request{0, writer.state.head.length}, false}).value()}));
  return core;
}

ec code_of(const memory_core& core, const log::proof& candidate) {
  auto outcome = core.verifier().verify(candidate);
  return outcome ? ec::none : outcome.error().code;
}

} // namespace

TEST_CASE("numbers near the limits are refused without overflow") {
  auto writer = writer_of(8);
  auto reader = reader_of(writer);
  auto upgrade = writer.prove({{}, {}, {}, log::upgrade_request{0, 8}, false}).value();
  auto block = writer.prove({log::block_request{2, 2}, {}, {}, {}, false}).value();
  auto hash = writer.prove({{}, log::hash_request{4, 2}, {}, {}, false}).value();
  for (std::uint64_t number : {(std::uint64_t{1} << 52U) + 1, (std::uint64_t{1} << 53U) - 1, std::uint64_t{1} << 53U,
                               std::uint64_t{1} << 63U, UINT64_MAX - 1, UINT64_MAX}) {
    INFO(number);
    auto wrong = block;
    wrong.block->index = number;
    CHECK(code_of(reader, wrong) == ec::invalid_operation);
    wrong = block;
    wrong.block->nodes[1].index = number;
    CHECK(code_of(reader, wrong) == ec::invalid_operation);
    wrong = block;
    wrong.block->nodes[1].size = number;
    CHECK(code_of(reader, wrong) != ec::none);
    wrong = hash;
    wrong.hash->index = number;
    CHECK(code_of(reader, wrong) == ec::invalid_operation);
    wrong.hash->nodes[0].index = number;
    CHECK(code_of(reader, wrong) == ec::invalid_operation);
    for (auto list : {&log::upgrade_proof::nodes, &log::upgrade_proof::additional_nodes}) {
      wrong = upgrade;
      auto& nodes = (*wrong.upgrade).*list; // at the front: surplus nodes at the end are ignored, as by the reference
      nodes.insert(nodes.begin(), {number, number, {}});
      CHECK(code_of(memory_core::remote(writer.state.header.key, writer.state.header.manifest), wrong) != ec::none);
    }
    wrong = upgrade;
    wrong.upgrade->start = number;
    CHECK(code_of(reader, wrong) == ec::invalid_operation);
    wrong = upgrade;
    wrong.upgrade->length = number;
    CHECK(code_of(reader, wrong) == ec::invalid_operation);
    wrong = block;
    wrong.seek = log::seek_proof{number, {{number, number, {}}, {number, number, {}}}};
    CHECK(code_of(reader, wrong) == ec::invalid_operation);
  }
}

TEST_CASE("a proof for another fork is not applied") {
  auto writer = writer_of(4);
  auto reader = reader_of(writer);
  auto block = writer.prove({log::block_request{2, 2}, {}, {}, {}, false}).value();
  block.fork = 1;
  CHECK(code_of(reader, block) == ec::invalid_operation);
}

TEST_CASE("an upgrade that was passed already is a plain message") {
  auto keys = test_keys();
  auto writer = writer_of(4);
  auto late = writer.prove({log::block_request{3, 0}, {}, {}, log::upgrade_request{0, 4}, false}).value();
  REQUIRE(writer.append(test_blocks(4, 7), keys));
  auto reader = reader_of(writer);
  auto outcome = reader.verifier().verify(late);
  REQUIRE(outcome);
  CHECK_FALSE(outcome->head);
  CHECK(outcome->block);
  late.upgrade->nodes.push_back({3, 1, {}});
  CHECK(code_of(reader, late) == ec::invalid_checksum);
}

TEST_CASE("an upgrade that starts below the length is asked for again") {
  auto keys = test_keys();
  auto writer = writer_of(5);
  auto reader = reader_of(writer);
  REQUIRE(writer.append(test_blocks(5, 9), keys));
  auto late = writer.prove({{}, {}, {}, log::upgrade_request{0, 3}, false}).value();
  CHECK(code_of(reader, late) == ec::invalid_operation);
}

TEST_CASE("a manifest without an upgrade has to hash to the key") {
  auto writer = writer_of(4);
  auto reader = memory_core::remote(writer.state.header.key);
  log::proof bare;
  bare.manifest = writer.state.header.manifest;
  auto outcome = reader.verifier().verify(bare);
  REQUIRE(outcome);
  CHECK(outcome->manifest == writer.state.header.manifest);
  bare.manifest = log::identity_of(test_keys(9).public_part).manifest;
  CHECK(code_of(reader, bare) == ec::invalid_checksum);
  bare.manifest = bytes{9, 9};
  CHECK(code_of(reader, bare) == ec::invalid_checksum);
}

TEST_CASE("a manifest is not learned from an upgrade that does not verify") {
  auto writer = writer_of(4);
  auto reader = memory_core::remote(writer.state.header.key);
  auto upgrade = writer.prove({{}, {}, {}, log::upgrade_request{0, 4}, true}).value();
  upgrade.upgrade->signature.back() = 7;
  upgrade.upgrade->signature[10] ^= 1U;
  CHECK(code_of(reader, upgrade) == ec::invalid_signature);
}

TEST_CASE("a known manifest is not replaced by one in a message") {
  auto writer = writer_of(4);
  auto reader = memory_core::remote(writer.state.header.key, writer.state.header.manifest);
  auto upgrade = writer.prove({{}, {}, {}, log::upgrade_request{0, 4}, true}).value();
  upgrade.manifest = log::identity_of(test_keys(9).public_part).manifest;
  auto outcome = reader.verifier().verify(upgrade);
  REQUIRE(outcome);
  CHECK_FALSE(outcome->manifest);
}

TEST_CASE("sizes that a hash proof shifted between siblings are put right by the block") {
  auto writer = writer_of(8);
  for (std::uint64_t levels = 1; levels <= 3; ++levels) {
    auto reader = reader_of(writer);
    auto hash = writer.prove({{}, log::hash_request{4, levels}, {}, {}, false}).value();
    // climbing all the way: the receiver has nothing but the root
    hash = writer.prove({{}, log::hash_request{4, 3}, {}, {}, false}).value();
    auto& shifted = hash.hash->nodes;
    REQUIRE(shifted[1].size >= 2);
    shifted[0].size += 2;
    shifted[1].size -= 2;
    REQUIRE(reader.receive({hash})); // the sum is right, so nobody can tell
    CHECK(reader.store.nodes.at(4).size != writer.store.nodes.at(4).size);
    REQUIRE(reader.receive({writer.prove({log::block_request{2, levels - 1}, {}, {}, {}, false}).value()}));
    CHECK(reader.store.nodes.at(4) == writer.store.nodes.at(4));
    CHECK(reader.store.nodes.at(6) == writer.store.nodes.at(6));
  }
}

TEST_CASE("a bare node with another size does not replace the stored one") {
  auto writer = writer_of(8);
  auto reader = reader_of(writer);
  REQUIRE(reader.receive({writer.prove({log::block_request{2, 3}, {}, {}, {}, false}).value()}));
  auto bare = writer.prove({{}, log::hash_request{5, 0}, {}, {}, false}).value();
  bare.hash->nodes[0].size += 5;
  REQUIRE(reader.receive({bare}));
  CHECK(reader.store.nodes.at(5) == writer.store.nodes.at(5));
}

TEST_CASE("a path to a wrong or unknown node is refused") {
  auto writer = writer_of(8);
  auto reader = reader_of(writer);
  auto block = writer.prove({log::block_request{2, 3}, {}, {}, {}, false}).value();
  auto wrong = block;
  wrong.block->value = shared_bytes{bytes{1, 2, 3}};
  CHECK(code_of(reader, wrong) == ec::invalid_checksum);
  wrong = block;
  wrong.block->nodes.pop_back();
  CHECK(code_of(reader, wrong) == ec::invalid_operation);
  wrong = block;
  std::swap(wrong.block->nodes[0], wrong.block->nodes[1]);
  CHECK(code_of(reader, wrong) == ec::invalid_operation);
  CHECK(code_of(reader, block) == ec::none);
}

TEST_CASE("a prologue has to be proved exactly, also when it arrives with the proof") {
  auto keys = test_keys();
  auto honest = log::tree_batch{};
  for (const auto& block : test_blocks(0, 3))
    REQUIRE(honest.append(block.view()));
  log::manifest manifest = log::default_manifest(keys.public_part);
  manifest.beginning = log::prologue{log::tree_hash(honest.roots()), 3};
  auto encoded = log::encode_manifest(manifest);
  // Signed by the right signer, but the beginning is another one.
  auto writer = memory_core::remote(log::key_of(encoded), encoded);
  REQUIRE(writer.append(test_blocks(0, 6, 1), keys));
  auto proof = writer.prove({{}, {}, {}, log::upgrade_request{0, 6}, true}).value();
  CHECK(proof.upgrade->length == 3);
  CHECK(code_of(memory_core::remote(writer.state.header.key), proof) == ec::invalid_proof);
  auto sneaky = writer_of(0);
  log::proof direct;
  direct.manifest = encoded;
  direct.upgrade =
    log::upgrade_proof{0, 6, {writer.store.nodes.at(3), writer.store.nodes.at(9)}, {}, writer.state.head.signature};
  CHECK(code_of(memory_core::remote(writer.state.header.key), direct) == ec::invalid_proof);
  CHECK(code_of(memory_core::remote(writer.state.header.key, encoded), direct) == ec::invalid_proof);
}
