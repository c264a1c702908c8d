// Random histories against both backends and a model that is nothing but maps.
#include <catch2/catch.hpp>
#include <rapidcheck.h>

#include <map>

#include "log/flat_tree.hpp"
#include "tests/unit/storage/support.hpp"

namespace corestore::storage {

namespace {

using testing::made_up_log;
namespace flat_tree = log::flat_tree;

constexpr std::uint64_t blocks_max = 400;

/// What a core holds, in the plainest form. Each fork of a core has content of its own beyond what it kept.
struct model {
  std::map<std::uint64_t, bytes> blocks;
  std::map<std::uint64_t, log::node> nodes;
  std::map<std::uint64_t, signature64> signatures; ///< by length
  log::tree_head head;

  [[nodiscard]] std::uint64_t contiguous_length() const {
    std::uint64_t length = 0;
    while (blocks.contains(length))
      ++length;
    return length;
  }

  void apply(const log::change_set& changes, const made_up_log& source) {
    if (changes.truncate_to) {
      blocks.erase(blocks.lower_bound(*changes.truncate_to), blocks.end());
      std::erase_if(nodes, [&](const auto& entry) { return !flat_tree::is_within(entry.first, *changes.truncate_to); });
    }
    for (const auto& range : changes.cleared)
      blocks.erase(blocks.lower_bound(range.start), blocks.lower_bound(range.end));
    for (const auto& run : changes.runs) {
      for (std::size_t i = 0; i < run.blocks.size(); ++i)
        blocks[run.first + i] = to_bytes(run.blocks[i].view());
      for (const auto& node : source.nodes(run.first, run.first + run.blocks.size()))
        nodes[node.index] = node;
    }
    for (const auto& block : changes.blocks)
      blocks[block.index] = to_bytes(block.value.view());
    for (const auto& node : changes.nodes)
      nodes[node.index] = node;
    for (const auto& one : changes.signatures)
      signatures[one.length] = one.signature;
    if (changes.head)
      head = *changes.head;
  }
};

/// One core with its model; the content of a truncated log goes on differently.
class history {
public:
  log::change_set next() {
    auto changes = make();
    changes.number = testing::core_a;
    if (changes.head && *rc::gen::inRange(0, 2) == 0) // as in generation 9
      changes.signatures.push_back({changes.head->length, *signature64::from(changes.head->signature)});
    model_.apply(changes, source_);
    if (*rc::gen::inRange(0, 3) != 0)
      changes.contiguous_length = model_.contiguous_length();
    return changes;
  }

  void compare(const snapshot& view) const {
    constexpr auto number = testing::core_a;
    auto head = view.head(number);
    RC_ASSERT(head.has_value());
    RC_ASSERT(*head == model_.head);
    auto bits = view.bits(number);
    RC_ASSERT(bits.has_value());
    RC_ASSERT(bits->contiguous_length() == model_.contiguous_length());
    for (std::uint64_t index = 0; index < blocks_max; ++index) {
      auto expected = model_.blocks.find(index);
      auto found = view.block(number, index);
      RC_ASSERT(found.has_value());
      RC_ASSERT(bits->test(index) == (expected != model_.blocks.end()));
      RC_ASSERT(found->has_value() == (expected != model_.blocks.end()));
      if (*found)
        RC_ASSERT(to_bytes((*found)->view()) == expected->second);
    }
    for (std::uint64_t index = 0; index < 2 * blocks_max; ++index) {
      auto expected = model_.nodes.find(index);
      auto found = view.node(number, index);
      RC_ASSERT(found.has_value());
      RC_ASSERT(found->has_value() == (expected != model_.nodes.end()));
      if (*found)
        RC_ASSERT(**found == expected->second);
    }
    for (std::uint64_t length = 0; length <= blocks_max; ++length) {
      auto expected = model_.signatures.find(length);
      auto found = view.signature(number, length);
      RC_ASSERT(found.has_value());
      RC_ASSERT(found->has_value() == (expected != model_.signatures.end()));
      if (*found)
        RC_ASSERT(**found == expected->second);
    }
    compare_scan(view);
  }

private:
  log::change_set make() {
    auto kind = *rc::gen::inRange(0, 10);
    auto length = model_.head.length;
    if (model_.contiguous_length() == length && *rc::gen::inRange(0, 2) == 0)
      return small_append();
    if (length == 0 || kind < 3)
      return append();
    if (kind < 6)
      return sparse();
    if (kind < 8)
      return clear();
    return kind == 8 ? refill() : truncate();
  }

  /// The run only when everything before it is known, as a writer has it; otherwise head and the roots alone.
  log::change_set append() {
    auto start = model_.head.length;
    auto end = std::min(blocks_max, start + *rc::gen::inRange<std::uint64_t>(1, 120));
    log::change_set changes;
    changes.head = source_.head(end, model_.head.fork);
    if (end > start && *rc::gen::inRange(0, 3) != 0)
      changes.runs.push_back(source_.run(start, end));
    else
      changes.nodes = changes.head->roots;
    if (!changes.runs.empty())
      changes.nodes = source_.head(start).roots;
    return changes;
  }

  /// What a writer appends block by block, and what a journal takes.
  log::change_set small_append() {
    auto start = model_.head.length;
    auto end = std::min(blocks_max, start + *rc::gen::inRange<std::uint64_t>(1, 4));
    log::change_set changes;
    changes.head = source_.head(end, model_.head.fork);
    if (end > start)
      changes.runs.push_back(source_.run(start, end));
    return changes;
  }

  log::change_set sparse() {
    std::vector<std::uint64_t> indices;
    auto length = model_.head.length;
    auto start = *rc::gen::inRange<std::uint64_t>(0, length);
    auto count = *rc::gen::inRange<std::uint64_t>(1, 80);
    auto step = *rc::gen::inRange<std::uint64_t>(1, 3);
    for (auto index = start; index < length && count-- > 0; index += step)
      indices.push_back(index);
    auto changes = testing::sparse_of(source_, testing::core_a, indices);
    if (*rc::gen::inRange(0, 4) == 0 && !changes.nodes.empty())
      changes.nodes.pop_back(); // a peer need not send every node
    std::erase_if(changes.nodes, [&](const log::node& node) { return !flat_tree::is_within(node.index, length); });
    return changes;
  }

  log::change_set clear() {
    log::change_set changes;
    for (auto count = *rc::gen::inRange(1, 3); count > 0; --count) {
      auto start = *rc::gen::inRange<std::uint64_t>(0, blocks_max);
      changes.cleared.push_back({start, start + *rc::gen::inRange<std::uint64_t>(0, 100)});
    }
    return changes;
  }

  /// A run over blocks that may be there already, once or twice in one change set.
  log::change_set refill() {
    auto start = *rc::gen::inRange<std::uint64_t>(0, model_.head.length);
    auto end = std::min(model_.head.length, start + *rc::gen::inRange<std::uint64_t>(1, 100));
    log::change_set changes;
    changes.nodes = source_.head(start).roots; // the sizes that the run leans on
    changes.runs.push_back(source_.run(start, end));
    return changes;
  }

  log::change_set truncate() {
    auto length = *rc::gen::inRange<std::uint64_t>(0, model_.head.length + 1);
    log::change_set changes;
    changes.truncate_to = length;
    changes.head = source_.head(length, model_.head.fork + 1);
    return changes;
  }

  void compare_scan(const snapshot& view) const {
    auto expected = model_.blocks.lower_bound(3);
    auto scanned = view.each_block(testing::core_a, {3, blocks_max - 5}, [&](std::uint64_t index, byte_view value) {
      RC_ASSERT(expected != model_.blocks.end());
      RC_ASSERT(expected->first == index);
      RC_ASSERT(expected->second == to_bytes(value));
      ++expected;
      return true;
    });
    RC_ASSERT(scanned.has_value());
    RC_ASSERT((expected == model_.blocks.end() || expected->first >= blocks_max - 5));
  }

  made_up_log source_;
  model model_;
};

void check_history(testing::store_fixture& fixture, bool reopens) {
  history story;
  auto steps = *rc::gen::inRange(1, 25);
  for (int step = 0; step < steps; ++step) {
    std::vector<log::change_set> group;
    for (auto count = *rc::gen::inRange(1, 3); count > 0; --count)
      group.push_back(story.next());
    auto applied = fixture.store().apply(group);
    if (!applied)
      RC_FAIL(to_string(applied.error()));
    if (reopens && *rc::gen::inRange(0, 3) == 0)
      fixture.reopen();
    auto view = fixture.store().open_snapshot();
    RC_ASSERT(view.has_value());
    story.compare(**view);
  }
}

} // namespace

TEST_CASE("any history leaves the memory backend with what a map would hold") {
  CHECK(rc::check([] { check_history(*testing::memory_fixture(), false); }));
}

TEST_CASE("any history leaves the LMDB backend with what a map would hold, also after a restart") {
  CHECK(rc::check([] { check_history(*testing::lmdb_fixture(), true); }));
}

TEST_CASE("any history leaves a backend without a journal with what a map would hold") {
  CHECK(rc::check([] { check_history(*testing::lmdb_fixture({0, 0}), true); }));
}

TEST_CASE("any history leaves a backend whose journal is always full with what a map would hold") {
  CHECK(rc::check([] { check_history(*testing::lmdb_fixture({3, 1000}), true); }));
}

} // namespace corestore::storage
