#include <catch2/catch.hpp>

#include <algorithm>
#include <numeric>

#include "tests/unit/log/memory_log.hpp"

using namespace corestore;
using test::memory_core;
using test::test_block;
using test::test_blocks;
using test::test_keys;
namespace tree = log::flat_tree;

namespace {

constexpr std::uint64_t length_tested_max = 64;

memory_core writer_of(std::uint64_t length) {
  auto keys = test_keys();
  auto core = memory_core::owned(keys);
  REQUIRE(core.append(test_blocks(0, length), keys));
  return core;
}

/// A receiver that knows the log up to `length` and holds nothing but its roots.
memory_core reader_of(const memory_core& writer) {
  auto core = memory_core::remote(writer.state.header.key, writer.state.header.manifest);
  if (writer.state.head.length > 0)
    REQUIRE(
      core.receive({writer.prove({{}, {}, {}, log::upgrade_request{0, writer.state.head.length}, false}).value()}));
  return core;
}

/// Everything that the reader holds has to be what the writer holds.
void check_subset(const memory_core& reader, const memory_core& writer) {
  for (const auto& [index, node] : reader.store.nodes)
    REQUIRE(writer.store.nodes.at(index) == node);
  for (const auto& [index, block] : reader.store.blocks)
    REQUIRE(writer.store.blocks.at(index) == block);
}

log::proof_request block_of(std::uint64_t index, std::uint64_t nodes) {
  return {log::block_request{index, nodes}, {}, {}, {}, false};
}

} // namespace

TEST_CASE("every upgrade between small lengths is proved and verified") {
  std::vector<memory_core> writers;
  std::vector<memory_core> readers;
  for (std::uint64_t length = 0; length <= length_tested_max; ++length) {
    writers.push_back(writer_of(length));
    readers.push_back(reader_of(writers.back()));
  }
  for (std::uint64_t length = 1; length <= length_tested_max; ++length) {
    const auto& writer = writers[length];
    for (std::uint64_t start = 0; start < length; ++start) {
      for (std::uint64_t wanted = 1; wanted <= length - start; wanted += length < 20 ? 1 : 7) {
        INFO(start << " + " << wanted << " of " << length);
        auto reader = readers[start];
        auto proof = writer.prove({{}, {}, {}, log::upgrade_request{start, wanted}, false});
        REQUIRE(proof);
        REQUIRE(reader.receive({*proof}));
        REQUIRE(reader.state.head == writer.state.head);
        check_subset(reader, writer);
      }
    }
  }
}

TEST_CASE("every block comes with the upgrade that covers it") {
  for (std::uint64_t length = 1; length <= 24; ++length) {
    auto writer = writer_of(length);
    for (std::uint64_t start = 0; start < length; ++start) {
      auto begin = reader_of(writer_of(start));
      for (auto index = start; index < length; ++index) {
        INFO("block " << index << " with " << start << " to " << length);
        auto reader = begin;
        auto request = block_of(index, 0);
        request.upgrade = log::upgrade_request{start, length - start};
        REQUIRE(reader.receive({writer.prove(request).value()}));
        REQUIRE(reader.state.head == writer.state.head);
        REQUIRE(reader.state.bits.test(index));
        check_subset(reader, writer);
        reader = begin;
        request.block.reset();
        request.hash = log::hash_request{2 * index, 0};
        REQUIRE(reader.receive({writer.prove(request).value()}));
        REQUIRE(reader.store.nodes.contains(2 * index));
        check_subset(reader, writer);
      }
    }
  }
}

TEST_CASE("every block is fetched one by one, in any order, with no more nodes than missing") {
  for (std::uint64_t length = 1; length <= length_tested_max; ++length) {
    auto writer = writer_of(length);
    auto reader = reader_of(writer);
    std::vector<std::uint64_t> order(length);
    std::iota(order.begin(), order.end(), std::uint64_t{0});
    std::sort(order.begin(), order.end(), [](auto left, auto right) { return left * 37 % 64 < right * 37 % 64; });
    for (auto index : order) {
      INFO("block " << index << " of " << length);
      auto missing = log::missing_nodes(reader.state.head, reader.store, 2 * index).value();
      auto proof = writer.prove(block_of(index, missing)).value();
      CHECK(proof.block->nodes.size() == missing);
      REQUIRE(reader.receive({proof}));
      REQUIRE(reader.store.contiguous_length.value_or(0) == reader.state.contiguous_length());
    }
    check_subset(reader, writer);
    CHECK(reader.state.is_complete());
    CHECK(reader.store.nodes.size() == tree::nodes_before(length));
    CHECK(reader.store.blocks == writer.store.blocks);
  }
}

TEST_CASE("all blocks of one step share their paths") {
  for (std::uint64_t length = 1; length <= length_tested_max; ++length) {
    auto writer = writer_of(length);
    auto reader = reader_of(writer);
    std::vector<log::proof> proofs;
    for (std::uint64_t index = 0; index < length; ++index)
      proofs.push_back(writer.prove(block_of(index, tree::missing_nodes_max(2 * index, length))).value());
    std::vector<log::verification> verified;
    std::size_t nodes = 0;
    auto verifier = reader.verifier();
    for (const auto& proof : proofs) {
      verified.push_back(verifier.verify(proof).value());
      nodes += verified.back().nodes.size();
    }
    CHECK(nodes <= 3 * length); // not length * log(length)
    auto staged = reader.stage(verified).value();
    REQUIRE(staged.runs.size() == 1);
    CHECK(staged.runs[0].blocks.size() == length);
    CHECK(staged.blocks.empty());
    CHECK(staged.nodes.empty());
    CHECK(staged.contiguous_length == length);
    REQUIRE(reader.apply(staged));
    CHECK(reader.store.nodes == writer.store.nodes);
  }
}

TEST_CASE("every tree node is proved up to every level") {
  for (std::uint64_t length : {1, 2, 3, 7, 8, 13, 16, 33, 64}) {
    auto writer = writer_of(length);
    auto full = writer; // knows every node, so that any level is an anchor
    for (std::uint64_t index = 0; index < 2 * length + 4; ++index) {
      for (std::uint64_t levels = 0; levels < 9; ++levels) {
        INFO("node " << index << " + " << levels << " of " << length);
        auto answer = writer.prove({{}, log::hash_request{index, levels}, {}, {}, false});
        auto is_legal = tree::is_within(index, length) && levels <= tree::missing_nodes_max(index, length);
        REQUIRE(answer.has_value() == is_legal);
        if (is_legal)
          REQUIRE(full.verifier().verify(*answer));
        else
          REQUIRE(answer.error().code == ec::invalid_operation);
      }
    }
  }
}

TEST_CASE("requests that nobody can answer are refused without overflow") {
  auto writer = writer_of(7);
  auto refuses = [&](const log::proof_request& request) {
    auto answer = writer.prove(request);
    return !answer && answer.error().code == ec::invalid_operation;
  };
  for (std::uint64_t number :
       {std::uint64_t{7}, std::uint64_t{8}, (std::uint64_t{1} << 52U) - 1, std::uint64_t{1} << 52U,
        (std::uint64_t{1} << 53U) - 1, std::uint64_t{1} << 63U, UINT64_MAX - 1, UINT64_MAX}) {
    INFO(number);
    CHECK(refuses(block_of(number, 0)));
    CHECK(refuses(block_of(number, number)));
    CHECK(refuses(block_of(0, number)));
    CHECK(refuses({{}, log::hash_request{number + 7, 0}, {}, {}, false}) == (number + 7 > 12));
    CHECK(refuses({{}, {}, {}, log::upgrade_request{0, number}, false}) == (number > 7));
    CHECK(refuses({{}, {}, {}, log::upgrade_request{number, 1}, false}));
    CHECK(refuses({{}, {}, {}, log::upgrade_request{number, UINT64_MAX}, false}));
    CHECK(refuses({{}, log::hash_request{0, 2}, log::seek_request{number, 0}, {}, false}) ==
          (number >= writer.store.nodes.at(3).size));
    CHECK(writer.prove({{}, {}, log::seek_request{number, number}, log::upgrade_request{0, 7}, false}));
  }
  CHECK(refuses({{}, {}, {}, log::upgrade_request{3, 0}, false}));
}

TEST_CASE("a missing node is not the requester's fault") {
  auto writer = writer_of(8);
  writer.store.nodes.erase(2);
  CHECK(writer.prove(block_of(0, 1)).error().code == ec::not_found);
  CHECK(writer.prove(block_of(0, 0)));
}

TEST_CASE("an empty log answers with an empty proof") {
  auto writer = writer_of(0);
  auto answer = writer.prove({log::block_request{3, 0}, {}, {}, log::upgrade_request{0, 1}, false}).value();
  CHECK(answer == log::proof{});
}

TEST_CASE("roots of a shorter length are looked for in the store") {
  auto writer = writer_of(13);
  auto reader = reader_of(writer);
  for (std::uint64_t length = 0; length <= 14; ++length) {
    CHECK(log::has_roots_of(writer.state.head, writer.store, length).value() == (length <= 13));
    CHECK(log::has_roots_of(reader.state.head, reader.store, length).value() ==
          (length == 0 || length == 8 || length == 12 || length == 13));
  }
}
