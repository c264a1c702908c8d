#include <catch2/catch.hpp>

#include <set>

#include "log/flat_tree.hpp"

namespace tree = corestore::log::flat_tree;

TEST_CASE("relations between nodes hold for every node of a small tree") {
  for (std::uint64_t index = 0; index < 4096; ++index) {
    REQUIRE(tree::index_of(tree::depth(index), tree::offset(index)) == index);
    REQUIRE(tree::sibling(tree::sibling(index)) == index);
    REQUIRE(tree::parent(index) == tree::parent(tree::sibling(index)));
    REQUIRE(tree::covers(tree::parent(index), index));
    REQUIRE_FALSE(tree::covers(index, tree::sibling(index)));
    REQUIRE(tree::completing_block(index) - tree::first_block(index) + 1 == tree::block_count(index));
    if (!tree::is_leaf(index)) {
      REQUIRE(tree::parent(tree::left_child(index)) == index);
      REQUIRE(tree::parent(tree::right_child(index)) == index);
      REQUIRE(tree::left_child(index) < tree::right_child(index));
    }
  }
}

TEST_CASE("nodes are completed in the order that runs store them in") {
  std::vector<std::uint64_t> completed;
  for (std::uint64_t block = 0; block < 300; ++block) {
    REQUIRE(tree::nodes_before(block) == completed.size());
    auto index = 2 * block;
    for (std::uint64_t i = 0; i < tree::completed_by(block); ++i, index = tree::parent(index)) {
      REQUIRE(tree::completing_block(index) == block);
      completed.push_back(index);
    }
  }
  CHECK(std::set<std::uint64_t>(completed.begin(), completed.end()).size() == completed.size());
  for (std::uint64_t first : {0, 1, 6, 7, 128, 200})
    for (std::size_t i = tree::nodes_before(first); i < completed.size(); ++i)
      REQUIRE(tree::position_in_run(first, completed[i]) == i - tree::nodes_before(first));
}

TEST_CASE("full roots cover every block once") {
  for (std::uint64_t length = 0; length < 300; ++length) {
    std::uint64_t next = 0;
    for (auto root : tree::full_roots(length)) {
      REQUIRE(tree::first_block(root) == next);
      REQUIRE(tree::is_within(root, length));
      next += tree::block_count(root);
    }
    REQUIRE(next == length);
  }
}

TEST_CASE("needed nodes are what the longer tree has and the shorter has not") {
  CHECK(tree::needed_nodes(3, 7) == std::vector<std::uint64_t>{6, 9, 12});
  CHECK(tree::needed_nodes(4, 5) == std::vector<std::uint64_t>{8});
  CHECK(tree::needed_nodes(5, 5).empty());
  for (std::uint64_t to = 0; to < 70; ++to) {
    REQUIRE(tree::needed_nodes(0, to) == tree::full_roots(to));
    for (std::uint64_t from = 0; from <= to; ++from) {
      auto next = from;
      for (auto index : tree::needed_nodes(from, to)) {
        REQUIRE(tree::first_block(index) == next);
        next += tree::block_count(index);
      }
      REQUIRE(next == to);
    }
  }
}

TEST_CASE("arithmetic is exact at the largest length") {
  auto roots = tree::full_roots(tree::length_max);
  REQUIRE(roots.size() == 1);
  CHECK(roots[0] == tree::length_max - 1);
  CHECK(tree::completing_block(roots[0]) == tree::length_max - 1);
  auto ragged = tree::full_roots(tree::length_max - 1);
  CHECK(ragged.size() == 52);
  CHECK(ragged.back() == 2 * (tree::length_max - 2));
  CHECK(tree::depth(tree::index_max) == 53);
  CHECK(tree::parent(tree::index_max) == 2 * tree::index_max + 1);
}

TEST_CASE("a peer with nothing but roots misses the nodes below them") {
  CHECK(tree::missing_nodes_max(0, 1) == 0);
  CHECK(tree::missing_nodes_max(0, 2) == 1);
  CHECK(tree::missing_nodes_max(0, 8) == 3);
  CHECK(tree::missing_nodes_max(12, 7) == 0);
  CHECK(tree::missing_nodes_max(14, 7) == 0);
}
