#include <catch2/catch.hpp>

#include "log/bitfield.hpp"
#include "log/merkle_tree.hpp"
#include "log/signable.hpp"
#include "tests/golden/data/vectors.hpp"

using namespace corestore;
using golden::hex;
using golden::json;
using golden::number;
using golden::vectors;
namespace tree = log::flat_tree;

TEST_CASE("index arithmetic is that of the reference") {
  for (const auto& one : vectors()["flatTree"]["fullRoots"])
    CHECK(tree::full_roots(number(one["length"])) == one["roots"].get<std::vector<std::uint64_t>>());
  for (const auto& one : vectors()["flatTree"]["nodes"]) {
    auto index = number(one["index"]);
    CHECK(tree::depth(index) == number(one["depth"]));
    CHECK(tree::offset(index) == number(one["offset"]));
    CHECK(tree::parent(index) == number(one["parent"]));
    CHECK(tree::sibling(index) == number(one["sibling"]));
    CHECK(tree::left_span(index) == number(one["spans"][0]));
    CHECK(tree::right_span(index) == number(one["spans"][1]));
    CHECK(tree::is_leaf(index) == one["children"].is_null());
    if (!one["children"].is_null()) {
      CHECK(tree::left_child(index) == number(one["children"][0]));
      CHECK(tree::right_child(index) == number(one["children"][1]));
    }
  }
}

TEST_CASE("bitfield pages have the bits of the reference") {
  const auto& group = vectors()["bitfield"];
  REQUIRE(number(group["bitsPerPage"]) == log::bits_per_page);
  log::bitfield bits;
  for (const auto& index : group["set"])
    bits.set({number(index), number(index) + 1});
  for (const auto& one : group["pages"]) {
    bytes expected(number(one["length"]));
    for (const auto& part : one["parts"]) {
      auto content = hex(part[1]);
      std::copy(content.begin(), content.end(), expected.begin() + part[0].get<std::ptrdiff_t>());
    }
    auto page = bits.page(number(one["page"]));
    bytes ours;
    for (auto word : page)
      for (unsigned i = 0; i < 8; ++i)
        ours.push_back(static_cast<std::uint8_t>(word >> (8 * i)));
    CHECK(ours == expected);
    log::bitfield loaded;
    loaded.load_page(number(one["page"]), page);
    CHECK(loaded.page(number(one["page"])) == page);
    bytes wire;
    auto start = number(one["page"]) * log::bits_per_page;
    compact::writer target{wire};
    for (auto word : bits.words({start, start + log::bits_per_page}))
      target.uint32(word);
    CHECK(wire == expected);
  }
}

TEST_CASE("appending makes the tree and the signature of the reference") {
  for (const auto& one : vectors()["merkle"]) {
    auto keys = golden::keys(one["secretKey"]);
    auto core = test::memory_core::owned(keys);
    REQUIRE(core.state.header.key == golden::fixed<core_key>(one["key"]));
    CHECK(core.tree_hash() == golden::fixed<hash32>(one["treeHashAtLength"][0]));
    auto blocks = golden::blocks(one["blocks"]);
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      REQUIRE(core.append({blocks[i]}, keys));
      CHECK(core.tree_hash() == golden::fixed<hash32>(one["treeHashAtLength"][i + 1]));
    }
    auto batched = test::memory_core::owned(keys);
    REQUIRE(batched.append(blocks, keys));
    CHECK(batched.state.head == core.state.head);
    CHECK(batched.store.nodes == core.store.nodes);
    auto nodes = golden::nodes(one["nodes"]);
    REQUIRE(core.store.nodes.size() == nodes.size());
    for (const auto& node : nodes)
      CHECK(core.store.nodes.at(node.index) == node);
    std::vector<std::uint64_t> roots;
    for (const auto& root : core.state.head.roots)
      roots.push_back(root.index);
    CHECK(roots == one["roots"].get<std::vector<std::uint64_t>>());
    CHECK(core.state.head.byte_length == number(one["byteLength"]));
    CHECK(core.tree_hash() == golden::fixed<hash32>(one["treeHash"]));
    if (!blocks.empty())
      CHECK(core.state.head.signature == hex(one["storedSignature"]));
    CHECK(to_bytes(log::signable_of(core.state.header.key.view(), core.tree_hash(), blocks.size(), 0)) ==
          hex(one["signable"]));
    for (std::uint64_t i = 0; i <= blocks.size(); ++i) {
      CHECK(log::byte_offset(core.state.head, core.store, i).value() ==
            std::optional<std::uint64_t>{number(one["byteOffsets"][i])});
      auto roots_then = log::roots_at(core.state.head, core.store, i).value();
      CHECK(log::tree_hash(roots_then) == golden::fixed<hash32>(one["treeHashAtLength"][i]));
    }
  }
}

TEST_CASE("seeking finds the block that the reference finds") {
  for (const auto& one : vectors()["seeks"]) {
    auto padding = number(one["padding"]);
    std::vector<shared_bytes> blocks;
    for (const auto& size : one["blockSizes"])
      blocks.emplace_back(bytes(number(size) + padding));
    auto keys = test::test_keys();
    auto core = test::memory_core::owned(keys);
    REQUIRE(core.append(blocks, keys));
    CHECK(core.state.head.byte_length == number(one["treeByteLength"]));
    for (const auto& test : one["results"]) {
      INFO(blocks.size() << " blocks, padding " << padding << ", byte " << test["bytes"]);
      auto found = log::seek(core.state.head, core.store, number(test["bytes"]), padding).value();
      if (test["result"].is_null()) {
        CHECK_FALSE(found.is_found);
        CHECK(found.candidates.start >= core.state.head.length);
      } else {
        CHECK(found.is_found);
        CHECK(found.index == number(test["result"][0]));
        CHECK(found.offset == number(test["result"][1]));
      }
    }
  }
}
