#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>

#include <algorithm>

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
  auto core = memory_core::remote(writer.state.header.key);
  REQUIRE(core.receive({writer.prove({{}, {}, {}, log::upgrade_request{0, writer.state.head.length}, true}).value()}));
  return core;
}

log::proof block_proof(const memory_core& writer, const memory_core& reader, std::uint64_t index) {
  auto nodes = log::missing_nodes(reader.state.head, reader.store, 2 * index).value();
  return writer.prove({log::block_request{index, nodes}, {}, {}, {}, false}).value();
}

log::change_set staged(const memory_core& reader, const std::vector<log::proof>& proofs) {
  auto verifier = reader.verifier();
  std::vector<log::verification> verified;
  for (const auto& one : proofs)
    verified.push_back(verifier.verify(one).value());
  return reader.stage(verified).value();
}

} // namespace

TEST_CASE("the first upgrade teaches the manifest") {
  auto writer = writer_of(3);
  auto reader = reader_of(writer);
  CHECK(reader.state.header.manifest == writer.state.header.manifest);
  CHECK(reader.state.manifest == writer.state.manifest);
}

TEST_CASE("a compat core is followed without a manifest in the message") {
  auto keys = test_keys();
  auto encoded = log::encode_manifest(log::default_manifest(keys.public_part));
  auto writer = memory_core::remote(core_key{keys.public_part.data}, encoded);
  REQUIRE(writer.append(test_blocks(0, 3), keys));
  auto reader = reader_of(writer);
  CHECK(reader.state.head == writer.state.head);
  CHECK(reader.state.header.manifest == encoded);
}

TEST_CASE("blocks that extend the prefix become a run, others stay sparse") {
  auto writer = writer_of(16);
  auto reader = reader_of(writer);
  auto changes =
    staged(reader, {block_proof(writer, reader, 0), block_proof(writer, reader, 1), block_proof(writer, reader, 9)});
  REQUIRE(changes.runs.size() == 1);
  CHECK(changes.runs[0].first == 0);
  CHECK(changes.runs[0].blocks.size() == 2);
  REQUIRE(changes.blocks.size() == 1);
  CHECK(changes.blocks[0].index == 9);
  CHECK(changes.contiguous_length == 2U);
  for (const auto& node : changes.nodes)
    CHECK(log::flat_tree::completing_block(node.index) >= 2);
}

TEST_CASE("longer stretches away from the prefix are runs as well") {
  auto writer = writer_of(64);
  auto reader = reader_of(writer);
  std::vector<log::proof> step;
  for (std::uint64_t index : {20, 21, 22, 40, 41, 42, 43, 44, 45, 46, 47, 48, 50})
    step.push_back(block_proof(writer, reader, index));
  auto changes = staged(reader, step);
  REQUIRE(changes.runs.size() == 1);
  CHECK(changes.runs[0].first == 40);
  CHECK(changes.runs[0].blocks.size() == 9);
  CHECK(changes.blocks.size() == 4);
  CHECK_FALSE(changes.contiguous_length);
  REQUIRE(reader.apply(changes));
  for (const auto& [index, node] : reader.store.nodes)
    CHECK(node == writer.store.nodes.at(index));
}

TEST_CASE("what follows a growing log is a run, also where the first blocks are not wanted") {
  auto keys = test_keys();
  auto writer = writer_of(21);
  auto reader = reader_of(writer);
  for (std::uint64_t length = 21; length < 40; ++length) {
    REQUIRE(writer.append(test_blocks(length, length + 1), keys));
    log::proof_request request;
    request.upgrade = log::upgrade_request{length, 1};
    request.block = log::block_request{length, log::missing_nodes(reader.state.head, reader.store, 2 * length).value()};
    auto changes = staged(reader, {writer.prove(request).value()});
    REQUIRE(changes.runs.size() == 1);
    CHECK(changes.runs[0].first == length);
    CHECK(changes.blocks.empty());
    REQUIRE(reader.apply(changes));
  }
  for (const auto& [index, node] : reader.store.nodes)
    CHECK(node == writer.store.nodes.at(index));
}

TEST_CASE("a block that closes a gap takes the stored blocks behind it along") {
  auto writer = writer_of(16);
  auto reader = reader_of(writer);
  for (auto index : {1, 2, 4, 5})
    REQUIRE(reader.receive({block_proof(writer, reader, static_cast<std::uint64_t>(index))}));
  auto first = staged(reader, {block_proof(writer, reader, 0)});
  CHECK(first.contiguous_length == 3U);
  REQUIRE(first.runs.size() == 1);
  CHECK(first.runs[0].blocks.size() == 1);
  auto both =
    staged(reader, {block_proof(writer, reader, 3), block_proof(writer, reader, 0), block_proof(writer, reader, 6)});
  CHECK(both.contiguous_length == 7U);
  REQUIRE(both.runs.size() == 3);
  CHECK(both.runs[1].first == 3);
  CHECK(both.runs[2].first == 6);
  REQUIRE(reader.apply(both));
  CHECK(reader.state.contiguous_length() == 7);
}

TEST_CASE("blocks that are stored already are dropped") {
  auto writer = writer_of(8);
  auto reader = reader_of(writer);
  auto proof = block_proof(writer, reader, 0);
  REQUIRE(reader.receive({proof}));
  auto again = staged(reader, {proof, proof});
  CHECK(again.runs.empty());
  CHECK(again.blocks.empty());
  CHECK_FALSE(again.contiguous_length);
}

TEST_CASE("a prefix whose nodes are lost is stored sparsely") {
  auto writer = writer_of(8);
  auto reader = reader_of(writer);
  REQUIRE(reader.receive({block_proof(writer, reader, 0)}));
  log::verification bare;
  bare.block = log::sparse_block{1, writer.store.blocks.at(1)};
  reader.store.nodes.erase(1);
  auto changes = reader.stage({bare}).value();
  CHECK(changes.runs.empty());
  REQUIRE(changes.blocks.size() == 1);
  CHECK(changes.contiguous_length == 2U);
}

TEST_CASE("an upgrade and blocks of one step become one change set") {
  auto keys = test_keys();
  auto writer = writer_of(5);
  auto reader = reader_of(writer);
  for (std::uint64_t index = 0; index < 5; ++index)
    REQUIRE(reader.receive({block_proof(writer, reader, index)}));
  REQUIRE(writer.append(test_blocks(5, 9), keys));
  log::proof_request request;
  request.upgrade = log::upgrade_request{5, 4};
  request.block = log::block_request{5, 0};
  REQUIRE(reader.receive({writer.prove(request).value()}));
  CHECK(reader.state.head == writer.state.head);
  CHECK(reader.state.contiguous_length() == 6);
}

TEST_CASE("two heads in one step are refused") {
  auto writer = writer_of(5);
  auto reader = memory_core::remote(writer.state.header.key, writer.state.header.manifest);
  auto verified =
    reader.verifier().verify(writer.prove({{}, {}, {}, log::upgrade_request{0, 5}, false}).value()).value();
  CHECK(reader.stage({verified, verified}).error().code == ec::invalid_operation);
}

TEST_CASE("blocks are adopted after the log has grown, heads are not") {
  auto keys = test_keys();
  auto writer = writer_of(5);
  auto reader = reader_of(writer);
  auto block = staged(reader, {block_proof(writer, reader, 3)});
  REQUIRE(writer.append(test_blocks(5, 9), keys));
  auto upgrade_proof = writer.prove({{}, {}, {}, log::upgrade_request{5, 4}, false}).value();
  auto upgrade = staged(reader, {upgrade_proof});
  REQUIRE(reader.apply(upgrade));
  REQUIRE(reader.apply(block));
  CHECK(reader.state.bits.test(3));
  CHECK(reader.apply(upgrade).error().code == ec::stale_base);
}

TEST_CASE("any order of stretches ends as the writer") {
  rc::prop("stretches", [] {
    auto length = *rc::gen::inRange<std::uint64_t>(20, 150);
    auto writer = writer_of(length);
    auto reader = reader_of(writer);
    std::vector<log::block_range> order;
    for (std::uint64_t start = 0; start < length;) {
      auto end = std::min(length, start + *rc::gen::inRange<std::uint64_t>(1, 30));
      order.push_back({start, end});
      start = end;
    }
    for (std::size_t i = order.size(); i > 1; --i)
      std::swap(order[i - 1], order[*rc::gen::inRange<std::size_t>(0, i)]);
    for (const auto& range : order) {
      std::vector<log::proof> step;
      for (auto index = range.start; index < range.end; ++index)
        step.push_back(block_proof(writer, reader, index));
      RC_ASSERT(reader.receive(step).has_value());
      RC_ASSERT(reader.store.contiguous_length.value_or(0) == reader.state.contiguous_length());
    }
    RC_ASSERT(reader.store.nodes == writer.store.nodes);
    RC_ASSERT(reader.store.blocks == writer.store.blocks);
    RC_ASSERT(reader.state.bits == writer.state.bits);
  });
}

TEST_CASE("any order of blocks in any steps ends as the writer") {
  rc::prop("shuffle", [] {
    auto length = *rc::gen::inRange<std::uint64_t>(1, 60);
    auto writer = writer_of(length);
    auto reader = reader_of(writer);
    std::vector<std::uint64_t> order;
    for (std::uint64_t i = 0; i < length; ++i)
      order.push_back(i);
    for (std::size_t i = order.size(); i > 1; --i)
      std::swap(order[i - 1], order[*rc::gen::inRange<std::size_t>(0, i)]);
    while (!order.empty()) {
      auto count = std::min(order.size(), *rc::gen::inRange<std::size_t>(1, 9));
      std::vector<log::proof> step;
      for (std::size_t i = 0; i < count; ++i, order.pop_back())
        step.push_back(block_proof(writer, reader, order.back()));
      RC_ASSERT(reader.receive(step).has_value());
      RC_ASSERT(reader.store.contiguous_length.value_or(0) == reader.state.contiguous_length());
    }
    RC_ASSERT(reader.store.nodes == writer.store.nodes);
    RC_ASSERT(reader.store.blocks == writer.store.blocks);
    RC_ASSERT(reader.state.bits == writer.state.bits);
  });
}
