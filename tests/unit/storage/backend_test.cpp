// What every backend promises, asked of each of them.
#include <catch2/catch.hpp>

#include <algorithm>

#include "tests/unit/storage/support.hpp"

namespace corestore::storage {

namespace {

using testing::append_of;
using testing::core_a;
using testing::core_b;
using testing::header_of;
using testing::made_up_log;
using testing::sparse_of;

struct suite {
  explicit suite(bool is_lmdb) : fixture(is_lmdb ? testing::lmdb_fixture() : testing::memory_fixture()) {
    // nop
  }

  result<void> apply(std::vector<log::change_set> group) {
    auto applied = fixture->store().apply(group);
    fixture->reopen();
    return applied;
  }

  std::unique_ptr<snapshot> view() {
    auto opened = fixture->store().open_snapshot();
    REQUIRE(opened);
    return std::move(*opened);
  }

  std::optional<bytes> block(log::core_number number, std::uint64_t index) {
    auto found = view()->block(number, index);
    REQUIRE(found);
    return *found ? std::optional{to_bytes((*found)->view())} : std::nullopt;
  }

  std::unique_ptr<testing::store_fixture> fixture;
  made_up_log source;
};

suite make_suite() {
  return suite{GENERATE(false, true)};
}

} // namespace

TEST_CASE("a new store is empty and hands out core number zero") {
  auto store = make_suite();
  CHECK(store.fixture->store().next_number() == log::core_number{0});
  auto view = store.view();
  CHECK(view->head(core_a) == log::tree_head{});
  CHECK(view->bits(core_a) == log::bitfield{});
  CHECK(view->block(core_a, 0) == std::nullopt);
  CHECK(view->node(core_a, 0) == std::nullopt);
  CHECK(view->header(header_of(core_a).discovery) == std::nullopt);
  CHECK(view->alias({}, "none") == std::nullopt);
}

TEST_CASE("an appended batch is found block by block and node by node") {
  auto store = make_suite();
  REQUIRE(store.apply({append_of(store.source, core_a, 0, 5), append_of(store.source, core_a, 5, 20)}));
  auto view = store.view();
  CHECK(view->head(core_a) == store.source.head(20));
  CHECK(view->bits(core_a)->contiguous_length() == 20);
  for (std::uint64_t index = 0; index < 20; ++index)
    CHECK(view->block(core_a, index)->value().view().size() == store.source.block(index).size());
  for (const auto& node : store.source.nodes(0, 20))
    CHECK(view->node(core_a, node.index) == node);
  CHECK(view->block(core_a, 20) == std::nullopt);
  CHECK(view->node(core_a, 40) == std::nullopt);
  CHECK(view->node(core_a, 31) == std::nullopt); // reaches past the end
  CHECK(view->block(core_b, 0) == std::nullopt);
}

TEST_CASE("a batch of many megabytes is stored whole") {
  auto store = make_suite();
  store.source = made_up_log{3, 40000};
  REQUIRE(store.apply({append_of(store.source, core_a, 0, 300)}));
  for (auto index : {0U, 1U, 52U, 53U, 127U, 128U, 255U, 256U, 299U})
    CHECK(store.block(core_a, index) == store.source.block(index));
  auto view = store.view();
  for (const auto& node : store.source.nodes(0, 300))
    CHECK(view->node(core_a, node.index) == node);
}

TEST_CASE("a batch of ten thousand empty blocks is stored whole") {
  auto store = make_suite();
  store.source = made_up_log{3, 0};
  REQUIRE(store.apply({append_of(store.source, core_a, 0, 10000)}));
  auto view = store.view();
  CHECK(view->bits(core_a)->contiguous_length() == 10000);
  CHECK(view->block(core_a, 9999)->value().empty());
  CHECK(view->node(core_a, 8191) == store.source.node(8191));
}

TEST_CASE("cores lie beside each other without touching") {
  auto store = make_suite();
  made_up_log other{2};
  REQUIRE(store.apply({append_of(store.source, core_b, 0, 9), append_of(other, core_a, 0, 3)}));
  log::change_set changes;
  changes.number = core_a;
  changes.truncate_to = 0;
  REQUIRE(store.apply({changes}));
  CHECK(store.block(core_a, 0) == std::nullopt);
  CHECK(store.block(core_b, 8) == store.source.block(8));
}

TEST_CASE("sparse blocks leave gaps, and closing the gaps moves the contiguous length over them") {
  auto store = make_suite();
  REQUIRE(store.apply({sparse_of(store.source, core_a, {1, 2, 9000, 40000})}));
  CHECK(store.view()->bits(core_a)->contiguous_length() == 0);
  CHECK(store.view()->bits(core_a)->test(40000));
  CHECK_FALSE(store.view()->bits(core_a)->test(3));
  CHECK(store.block(core_a, 9000) == store.source.block(9000));
  REQUIRE(store.apply({sparse_of(store.source, core_a, {0})}));
  CHECK(store.view()->bits(core_a)->contiguous_length() == 3);
  std::vector<std::uint64_t> rest;
  for (std::uint64_t index = 3; index < 9000; ++index)
    rest.push_back(index);
  std::reverse(rest.begin(), rest.end());
  REQUIRE(store.apply({sparse_of(store.source, core_a, rest)}));
  CHECK(store.view()->bits(core_a)->contiguous_length() == 9001);
  CHECK(store.view()->bits(core_a)->test(40000));
  for (int round = 0; round < 8; ++round) // single blocks are gathered into runs step by step
    REQUIRE(store.apply({testing::no_change(core_a)}));
  for (std::uint64_t index = 0; index < 9001; index += 7)
    REQUIRE(store.block(core_a, index) == store.source.block(index));
  auto view = store.view();
  for (const auto& node : store.source.nodes(0, 9001)) {
    auto found = view->node(core_a, node.index);
    REQUIRE(found);
    if (*found)
      REQUIRE(**found == node);
    else
      REQUIRE(log::node{} == node); // every node was sent
  }
}

TEST_CASE("clearing blocks in the middle keeps their nodes and lowers the contiguous length") {
  auto store = make_suite();
  REQUIRE(store.apply({append_of(store.source, core_a, 0, 100)}));
  log::change_set changes;
  changes.number = core_a;
  changes.cleared = {{10, 20}, {90, 200}};
  changes.contiguous_length = 10;
  REQUIRE(store.apply({changes}));
  CHECK(store.block(core_a, 9) == store.source.block(9));
  CHECK(store.block(core_a, 10) == std::nullopt);
  CHECK(store.block(core_a, 20) == store.source.block(20));
  CHECK(store.block(core_a, 99) == std::nullopt);
  auto view = store.view();
  auto bits = view->bits(core_a);
  CHECK(bits->contiguous_length() == 10);
  CHECK(bits->all_set({20, 90}));
  CHECK(bits->count({0, 300}) == 80);
  for (const auto& node : store.source.nodes(0, 100))
    CHECK(view->node(core_a, node.index) == node);
}

TEST_CASE("forgetting blocks takes their nodes as well, and what comes again is whole again") {
  auto store = make_suite();
  REQUIRE(store.apply({append_of(store.source, core_a, 0, 40), sparse_of(store.source, core_a, {60, 61})}));
  log::change_set changes;
  changes.number = core_a;
  changes.forgotten = {{7, 8}, {61, 62}};
  changes.contiguous_length = 7;
  REQUIRE(store.apply({changes}));
  CHECK(store.block(core_a, 7) == std::nullopt);
  CHECK(store.block(core_a, 61) == std::nullopt);
  CHECK(store.block(core_a, 60) == store.source.block(60));
  auto view = store.view();
  CHECK(view->bits(core_a)->contiguous_length() == 7);
  CHECK(view->node(core_a, 14) == std::nullopt);
  CHECK(view->node(core_a, 7) == std::nullopt); // block 7 completed it
  for (std::uint64_t start : {0, 8})
    for (const auto& node : store.source.nodes(start, start == 0 ? 7 : 40))
      CHECK(view->node(core_a, node.index) == node);
  view.reset();
  log::change_set again;
  again.number = core_a;
  again.runs = {store.source.run(7, 8)};
  again.contiguous_length = 40;
  REQUIRE(store.apply({again}));
  CHECK(store.block(core_a, 7) == store.source.block(7));
  CHECK(store.view()->node(core_a, 7) == store.source.node(7));
}

TEST_CASE("user data belongs to one core and is replaced and forgotten by name") {
  auto store = make_suite();
  auto put = [&](log::core_number number, std::string name, std::optional<bytes> value) {
    log::change_set changes;
    changes.number = number;
    changes.user_data.push_back({std::move(name), std::move(value)});
    return store.apply({changes});
  };
  REQUIRE(put(core_a, "name", bytes{1}));
  REQUIRE(put(core_a, "other", bytes{2}));
  REQUIRE(put(core_b, "name", bytes{3}));
  REQUIRE(put(core_a, "name", bytes{4, 5}));
  REQUIRE(put(core_a, "other", std::nullopt));
  REQUIRE(put(core_a, "never there", std::nullopt));
  auto view = store.view();
  CHECK(view->user_data(core_a, "name").value() == std::optional{bytes{4, 5}});
  CHECK(view->user_data(core_b, "name").value() == std::optional{bytes{3}});
  CHECK(view->user_data(core_a, "other").value() == std::nullopt);
  CHECK(view->user_data(core_a, std::string(600, 'x')) == std::nullopt);
  std::vector<std::string> names;
  auto note = [&](std::string_view name, byte_view value) {
    CHECK(view->user_data(core_a, name).value() == std::optional{to_bytes(value)});
    names.emplace_back(name);
    return true;
  };
  REQUIRE(view->each_user_data(core_a, note).has_value());
  CHECK(names == std::vector<std::string>{"name"});
  view.reset();
  auto unnamed = put(core_a, "", bytes{1});
  REQUIRE_FALSE(unnamed);
  CHECK(unnamed.error().code == ec::bad_argument);
  CHECK_FALSE(put(core_a, std::string(508, 'x'), bytes{1}));
  CHECK(put(core_a, std::string(507, 'x'), bytes{1}));
}

TEST_CASE("a cleared block that comes again is found again") {
  auto store = make_suite();
  REQUIRE(store.apply({append_of(store.source, core_a, 0, 50)}));
  log::change_set changes;
  changes.number = core_a;
  changes.cleared = {{7, 9}};
  REQUIRE(store.apply({changes}));
  REQUIRE(store.apply({sparse_of(store.source, core_a, {7})}));
  CHECK(store.block(core_a, 7) == store.source.block(7));
  CHECK(store.view()->bits(core_a)->contiguous_length() == 8);
  REQUIRE(store.apply({sparse_of(store.source, core_a, {8})}));
  CHECK(store.view()->bits(core_a)->contiguous_length() == 50);
}

TEST_CASE("truncating in the middle of a batch drops what reaches past it") {
  auto store = make_suite();
  REQUIRE(store.apply({append_of(store.source, core_a, 0, 100), sparse_of(store.source, core_a, {150, 160})}));
  log::change_set changes;
  changes.number = core_a;
  changes.truncate_to = 37;
  changes.head = store.source.head(37, 1);
  REQUIRE(store.apply({changes}));
  auto view = store.view();
  CHECK(view->head(core_a)->fork == 1);
  CHECK(view->bits(core_a)->contiguous_length() == 37);
  CHECK_FALSE(view->bits(core_a)->test(150));
  CHECK(view->block(core_a, 37) == std::nullopt);
  CHECK(view->block(core_a, 36)->value() == shared_bytes{store.source.block(36)});
  for (const auto& node : store.source.nodes(0, 37))
    CHECK(view->node(core_a, node.index) == node);
  for (const auto& node : store.source.nodes(37, 100))
    CHECK(view->node(core_a, node.index) == std::nullopt);
}

TEST_CASE("another fork takes the place of a truncated one in the same change set") {
  auto store = make_suite();
  store.source = made_up_log{1, 500};
  made_up_log fork{9, 500};
  REQUIRE(store.apply({append_of(store.source, core_a, 0, 5000)}));
  auto changes = append_of(fork, core_a, 0, 9000); // several runs, whose sizes must not come from the old roots
  changes.truncate_to = 0;
  REQUIRE(store.apply({changes}));
  auto view = store.view();
  CHECK(view->head(core_a) == fork.head(9000));
  for (const auto& node : fork.nodes(0, 9000))
    REQUIRE(view->node(core_a, node.index) == node);
}

TEST_CASE("storing a block or a batch twice changes nothing") {
  auto store = make_suite();
  REQUIRE(store.apply({append_of(store.source, core_a, 0, 30)}));
  auto again = append_of(store.source, core_a, 10, 20);
  again.head.reset();
  again.contiguous_length.reset();
  REQUIRE(store.apply({again, sparse_of(store.source, core_a, {5, 29})}));
  CHECK(store.view()->bits(core_a)->contiguous_length() == 30);
  for (std::uint64_t index = 0; index < 30; ++index)
    CHECK(store.block(core_a, index) == store.source.block(index));
}

TEST_CASE("a run after single blocks without their parents adds the sizes up") {
  auto store = make_suite();
  auto single = sparse_of(store.source, core_a, {0, 1, 2, 3, 4, 5});
  SECTION("from the leaves") {
    std::erase_if(single.nodes, [](const log::node& node) { return node.index % 2 != 0; });
  }
  SECTION("from the blocks") {
    single.nodes.clear();
  }
  REQUIRE(store.apply({single}));
  log::change_set changes;
  changes.number = core_a;
  changes.runs.push_back(store.source.run(6, 9));
  changes.contiguous_length = 9;
  REQUIRE(store.apply({changes}));
  for (const auto& node : store.source.nodes(6, 9))
    CHECK(store.view()->node(core_a, node.index) == node);
}

TEST_CASE("blocks of a range are visited in order, over gaps, until the visitor has enough") {
  auto store = make_suite();
  REQUIRE(store.apply({append_of(store.source, core_a, 0, 10), sparse_of(store.source, core_a, {15, 16, 30})}));
  log::change_set changes;
  changes.number = core_a;
  changes.cleared = {{4, 6}};
  REQUIRE(store.apply({changes}));
  std::vector<std::uint64_t> seen;
  auto visit = [&](std::uint64_t index, byte_view value) {
    CHECK(to_bytes(value) == store.source.block(index));
    seen.push_back(index);
    return index != 16;
  };
  REQUIRE(store.view()->each_block(core_a, {2, 100}, visit));
  CHECK(seen == std::vector<std::uint64_t>{2, 3, 6, 7, 8, 9, 15, 16});
  seen.clear();
  REQUIRE(store.view()->each_block(core_a, {5, 8}, visit));
  CHECK(seen == std::vector<std::uint64_t>{6, 7});
}

TEST_CASE("signatures of generation 9 are found by their length, and go with their core only") {
  auto store = make_suite();
  auto put = [&](log::core_number number, std::uint64_t length, std::uint8_t fill) {
    log::change_set changes;
    changes.number = number;
    changes.header = header_of(number);
    changes.header->generation = log::generation::g9;
    signature64 signature;
    signature.data.fill(fill);
    changes.signatures.push_back({length, signature});
    return store.apply({changes});
  };
  auto first_byte = [&](log::core_number number, std::uint64_t length) {
    auto found = store.view()->signature(number, length);
    REQUIRE(found);
    return *found ? std::optional{(*found)->data[0]} : std::nullopt;
  };
  REQUIRE(put(core_a, 1, 11));
  REQUIRE(put(core_a, 300, 12));
  REQUIRE(put(core_b, 1, 21));
  CHECK(first_byte(core_a, 1) == 11);
  CHECK(first_byte(core_a, 300) == 12);
  CHECK(first_byte(core_a, 2) == std::nullopt);
  log::change_set gone;
  gone.number = core_a;
  gone.is_purge = true;
  REQUIRE(store.apply({gone}));
  CHECK(first_byte(core_a, 1) == std::nullopt);
  CHECK(first_byte(core_a, 300) == std::nullopt);
  CHECK(first_byte(core_b, 1) == 21);
}

TEST_CASE("headers are stored, replaced, and listed in the order of their discovery keys") {
  auto store = make_suite();
  log::change_set first;
  first.number = core_a;
  first.header = header_of(core_a);
  first.header->origin = log::key_origin::derived;
  first.header->name_space.data.fill(3);
  first.header->name = "a name";
  first.header->manifest = {1, 2, 3};
  log::change_set second;
  second.number = core_b;
  second.header = header_of(core_b);
  second.header->generation = log::generation::g9;
  second.header->origin = log::key_origin::foreign;
  second.header->pair.emplace();
  second.header->pair->secret_part.data.fill(5);
  second.header->is_mirrored = true;
  REQUIRE(store.apply({first, second}));
  first.header->is_frozen = true;
  REQUIRE(store.apply({first}));
  CHECK(store.view()->header(first.header->discovery).value() == first.header);
  std::vector<log::core_header> seen;
  REQUIRE(store.view()->each_header([&](const log::core_header& header) {
    seen.push_back(header);
    return true;
  }));
  CHECK(seen == std::vector<log::core_header>{*second.header, *first.header});
  CHECK(store.fixture->store().next_number() == log::core_number{9});
}

TEST_CASE("aliases are listed by namespace in the order of their names") {
  auto store = make_suite();
  namespace_id other;
  other.data.fill(1);
  std::vector<log::change_set> group;
  for (const auto* name : {"b", "", "a", "ab"}) {
    log::change_set changes;
    changes.number = core_a;
    changes.header = header_of(core_a);
    changes.alias = log::core_alias{{}, name};
    group.push_back(changes);
    changes.alias = log::core_alias{other, "c"};
    changes.header.reset();
    group.push_back(changes);
  }
  REQUIRE(store.apply(group));
  std::vector<std::string> seen;
  auto collect = [&](std::string_view name, const discovery_key& discovery) {
    CHECK(discovery == header_of(core_a).discovery);
    seen.emplace_back(name);
    return true;
  };
  REQUIRE(store.view()->each_alias({}, collect));
  CHECK(seen == std::vector<std::string>{"", "a", "ab", "b"});
  CHECK(store.view()->alias(other, "c") == header_of(core_a).discovery);
  CHECK(store.view()->alias(other, "a") == std::nullopt);
}

TEST_CASE("a snapshot keeps showing what was there when it was opened") {
  auto store = make_suite();
  REQUIRE(store.apply({append_of(store.source, core_a, 0, 10)}));
  auto old = store.view();
  log::change_set changes;
  changes.number = core_a;
  changes.truncate_to = 0;
  changes.head = log::tree_head{};
  REQUIRE(store.fixture->store().apply({&changes, 1}));
  CHECK(old->head(core_a)->length == 10);
  CHECK(old->block(core_a, 9)->has_value());
  CHECK(store.fixture->store().stats().readers >= 1);
  old.reset();
  CHECK(store.view()->head(core_a)->length == 0);
  CHECK(store.block(core_a, 9) == std::nullopt);
}

TEST_CASE("one change set that fails leaves nothing of its whole group") {
  auto store = make_suite();
  REQUIRE(store.apply({append_of(store.source, core_a, 0, 10)}));
  auto good = append_of(store.source, core_a, 10, 30);
  good.header = header_of(core_a);
  good.cleared = {{2, 4}};
  good.contiguous_length = 2;
  log::change_set bad;
  bad.number = core_b;
  SECTION("a run with a hash too few") {
    bad.runs.push_back(store.source.run(0, 4));
    bad.runs[0].hashes.pop_back();
  }
  SECTION("a run without blocks") {
    bad.runs.emplace_back();
  }
  SECTION("a run that leans on unknown sizes") {
    bad.runs.push_back(store.source.run(3, 4));
  }
  SECTION("a contiguous length without the blocks") {
    bad.contiguous_length = 1;
  }
  SECTION("the header of another core") {
    bad.header = header_of(core_a);
  }
  SECTION("a header that takes the number of a known core") {
    bad.number = core_a;
    bad.header = header_of(core_b);
    bad.header->number = core_a;
  }
  SECTION("an alias of a core without a header") {
    bad.alias = log::core_alias{{}, "name"};
  }
  SECTION("a range that ends before it starts") {
    bad.cleared = {{3, 2}};
  }
  SECTION("an index beyond every log") {
    bad.blocks.push_back({UINT64_MAX, {}});
  }
  auto applied = store.apply({good, bad});
  REQUIRE_FALSE(applied);
  CHECK(applied.error().code == ec::bad_argument);
  CHECK(store.view()->head(core_a) == store.source.head(10));
  CHECK(store.view()->bits(core_a)->contiguous_length() == 10);
  CHECK(store.block(core_a, 2) == store.source.block(2));
  CHECK(store.block(core_a, 10) == std::nullopt);
  CHECK(store.view()->header(header_of(core_a).discovery) == std::nullopt);
  CHECK(store.fixture->store().next_number() == log::core_number{0});
  REQUIRE(store.apply({good}));
  CHECK(store.view()->head(core_a)->length == 30);
}

TEST_CASE("a name beyond the limit is refused") {
  auto store = make_suite();
  log::change_set changes;
  changes.number = core_a;
  changes.header = header_of(core_a);
  changes.alias = log::core_alias{{}, std::string(480, 'x')};
  auto applied = store.apply({changes});
  REQUIRE_FALSE(applied);
  CHECK(applied.error().code == ec::limit_exceeded);
  changes.alias->name.pop_back();
  REQUIRE(store.apply({changes}));
  CHECK(store.view()->alias({}, changes.alias->name).value() == changes.header->discovery);
}

TEST_CASE("statistics count commits and payload") {
  auto store = make_suite();
  auto changes = append_of(store.source, core_a, 0, 10);
  REQUIRE(store.fixture->store().apply({&changes, 1}));
  auto stats = store.fixture->store().stats();
  CHECK(stats.commits == 1);
  CHECK(stats.bytes_written == log::size_of(changes));
  CHECK(stats.used_bytes > 0);
  CHECK(stats.readers == 0);
}

} // namespace corestore::storage
