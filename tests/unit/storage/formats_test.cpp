// Keys, records and runs, byte for byte.
#include <catch2/catch.hpp>
#include <rapidcheck.h>

#include <algorithm>

#include "base/text.hpp"
#include "log/flat_tree.hpp"
#include "storage/change_check.hpp"
#include "storage/commit_group.hpp"
#include "storage/records.hpp"
#include "storage/run_format.hpp"
#include "storage/schema.hpp"
#include "tests/unit/storage/support.hpp"

namespace corestore::storage {

namespace {

using testing::made_up_log;

bytes encode_made_up_run(const made_up_log& source, std::uint64_t first, std::uint64_t end) {
  auto run = source.run(first, end);
  std::vector<std::uint64_t> ends;
  for (auto index = first; index < end; ++index)
    ends.push_back(source.block(index).size() + (ends.empty() ? 0 : ends.back()));
  std::vector<std::uint64_t> crossing;
  for (const auto& node : source.nodes(first, end)) {
    if (log::flat_tree::first_block(node.index) < first)
      crossing.push_back(node.size);
  }
  bytes hashes;
  for (const auto& hash : run.hashes)
    hashes.insert(hashes.end(), hash.data.begin(), hash.data.end());
  run_parts parts{first, ends, crossing, hashes, run.blocks, {}, false};
  bytes value(run_size(parts));
  encode_run(parts, value);
  return value;
}

} // namespace

TEST_CASE("keys are big endian and come back") {
  auto key = schema::encode_key(log::core_number{0x01020304}, 0x05060708090a0b0c);
  CHECK(text::to_hex(key) == "0102030405060708090a0b0c");
  CHECK(schema::decode_core_index_key(key) == schema::core_index{log::core_number{0x01020304}, 0x05060708090a0b0c});
  CHECK(text::to_hex(schema::encode_key(log::core_number{7})) == "00000007");
  CHECK(schema::decode_core_key(schema::encode_key(log::core_number{7})) == log::core_number{7});
  CHECK(schema::decode_core_index_key(byte_view{key}.first(11)) == std::nullopt);
  CHECK(schema::decode_core_key(key) == std::nullopt);
}

TEST_CASE("keys sort as their numbers do") {
  CHECK(rc::check([](std::uint32_t core_1, std::uint64_t index_1, std::uint32_t core_2, std::uint64_t index_2) {
    auto key_1 = schema::encode_key(log::core_number{core_1}, index_1);
    auto key_2 = schema::encode_key(log::core_number{core_2}, index_2);
    RC_ASSERT((key_1 < key_2) == (std::pair{core_1, index_1} < std::pair{core_2, index_2}));
  }));
}

TEST_CASE("an alias key gives its name back to its own namespace only") {
  namespace_id name_space;
  name_space.data.fill(4);
  auto key = schema::encode_alias_key(name_space, "name");
  CHECK(schema::decode_alias_name(key, name_space) == "name");
  CHECK(schema::decode_alias_name(key, {}) == std::nullopt);
}

TEST_CASE("a head record has the bytes that the format names") {
  core_record record;
  record.contiguous_length = 3;
  record.fold_position = 2;
  record.sparse_blocks = 1;
  CHECK(text::to_hex(encode(record)) == "010003020100");
  record.has_head = true;
  record.head.fork = 5;
  record.head.length = 2;
  record.head.byte_length = 300;
  record.head.roots.push_back({1, 300, {}});
  record.head.roots[0].hash.data.fill(0xaa);
  record.head.signature = {0xbb};
  std::string hash;
  for (int i = 0; i < 32; ++i)
    hash += "aa";
  CHECK(text::to_hex(encode(record)) == "0101030201000502fd2c0101fd2c01" + hash + "01bb");
  CHECK(decode_core_record(encode(record)) == record);
}

TEST_CASE("a head record of a core in a group, and its entry, have the bytes that the format names") {
  core_record record;
  record.contiguous_length = 3;
  record.fold_position = 2;
  record.sparse_blocks = 1;
  record.journal_position = 9;
  record.group = group_place{{}, 0};
  record.group->topic.data.fill(0xcc);
  std::string topic;
  for (int i = 0; i < 32; ++i)
    topic += "cc";
  CHECK(text::to_hex(encode(record)) == "01060302010009" + topic + "00");
  CHECK(decode_core_record(encode(record)) == record);
  record.group->position = 1700000000123456; // November 2023
  auto position = "ff40222018240a0600";
  CHECK(text::to_hex(encode(record)) == "01060302010009" + topic + position);
  record.has_head = true;
  record.head.signature = {0xbb};
  record.journal_position = 0;
  CHECK(text::to_hex(encode(record)) == "010503020100" + topic + position + "00000000" + "01bb");
  CHECK(decode_core_record(encode(record)) == record);
  auto key = schema::encode_group_key(record.group->topic, record.group->position);
  CHECK(text::to_hex(key) == topic + "00060a2418202240");
  CHECK(schema::decode_group_key(key, record.group->topic) == record.group->position);
  CHECK(schema::decode_group_key(key, {}) == std::nullopt);
  CHECK(schema::decode_group_key(byte_view{key}.first(39), record.group->topic) == std::nullopt);
  CHECK(text::to_hex(encode_position(record.group->position)) == "40222018240a0600");
  CHECK(decode_position(encode_position(77), "it") == 77);
  CHECK(decode_position(encode_number(77), "it").error().code == ec::storage_damaged);
}

TEST_CASE("no cut or altered record is read past its end") {
  auto header = testing::header_of(testing::core_a);
  header.origin = log::key_origin::derived;
  header.name = "name";
  header.pair.emplace();
  header.manifest = bytes(40, 1);
  core_record record;
  record.has_head = true;
  record.head = made_up_log{}.head(21);
  record.group = group_place{{}, 300};
  CHECK(decode_header(header.discovery, encode(header)) == header);
  CHECK(decode_core_record(encode(record)) == record);
  for (const auto& whole : {encode(header), encode(record)}) {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      auto cut = byte_view{whole}.first(size);
      CHECK_FALSE((decode_header(header.discovery, cut) && decode_core_record(cut)));
    }
    auto longer = whole;
    longer.push_back(0);
    CHECK_FALSE((decode_header(header.discovery, longer) && decode_core_record(longer)));
  }
  auto value = encode(made_up_log{}.node(5));
  CHECK(decode_node(5, value) == made_up_log{}.node(5));
  CHECK(decode_node(5, byte_view{value}.first(39)).error().code == ec::storage_damaged);
}

TEST_CASE("a run has the bytes that the format names") {
  log::block_run run;
  bytes hashes(3 * 32, 0);
  for (std::size_t i = 0; i < 3; ++i)
    std::fill_n(hashes.begin() + static_cast<std::ptrdiff_t>(32 * i), 32, static_cast<std::uint8_t>(0x10 + i));
  std::vector<std::uint64_t> ends{2};
  std::vector<std::uint64_t> crossing{5, 9};
  std::vector<shared_bytes> blocks{bytes{0xab, 0xcd}};
  run_parts parts{3, ends, crossing, hashes, blocks, {}, false};
  bytes value(run_size(parts));
  encode_run(parts, value);
  CHECK(text::to_hex(value) == "0100000001000000"
                               "02000000"
                               "05000000000000000900000000000000" +
                                 text::to_hex(hashes) + "abcd");
  auto view = run_view::open(3, value);
  REQUIRE(view);
  CHECK(view->first() == 3);
  CHECK(view->node(6)->size == 2);
  CHECK(view->node(5)->size == 5);
  CHECK(view->node(3)->size == 9);
  CHECK(view->node(7) == std::nullopt);
  CHECK(to_bytes(*view->block(3)) == bytes{0xab, 0xcd});
}

TEST_CASE("every node and block of a run, and of any part of it, is found") {
  CHECK(rc::check([] {
    made_up_log source{*rc::gen::inRange<std::uint64_t>(1, 50), 30};
    auto first = *rc::gen::inRange<std::uint64_t>(0, 70);
    auto end = first + *rc::gen::inRange<std::uint64_t>(1, 70);
    auto value = encode_made_up_run(source, first, end);
    auto start = *rc::gen::inRange(first, end);
    auto stop = *rc::gen::inRange(start, end) + 1;
    auto whole = run_view::open(end - 1, value);
    RC_ASSERT(whole.has_value());
    auto part = slice_run(*whole, start, stop, true);
    RC_ASSERT(part.has_value());
    RC_ASSERT(*part == encode_made_up_run(source, start, stop));
    auto husk = slice_run(*whole, start, stop, false);
    auto view = run_view::open(stop - 1, *husk);
    RC_ASSERT(view.has_value());
    RC_ASSERT(!view->has_blocks());
    for (const auto& node : source.nodes(start, stop)) {
      RC_ASSERT(whole->node(node.index) == node);
      RC_ASSERT(view->node(node.index) == node);
    }
    for (auto index = first; index < end; ++index) {
      RC_ASSERT(to_bytes(*whole->block(index)) == source.block(index));
    }
  }));
}

TEST_CASE("no cut or altered run is read past its end") {
  made_up_log source{1, 20};
  const auto value = encode_made_up_run(source, 5, 21);
  for (std::size_t size = 0; size < value.size(); ++size)
    CHECK_FALSE(run_view::open(20, byte_view{value}.first(size)));
  CHECK_FALSE(run_view::open(7, value)); // more blocks than fit before its last one
  CHECK(rc::check([&] {
    auto altered = value;
    auto position = *rc::gen::inRange<std::size_t>(0, altered.size());
    altered[position] = *rc::gen::arbitrary<std::uint8_t>();
    auto view = run_view::open(20, altered);
    if (!view)
      return;
    for (auto index = view->first(); view->has_blocks() && index < view->end(); ++index)
      static_cast<void>(view->block(index));
    for (std::uint64_t index = 0; index < 60; ++index)
      static_cast<void>(view->node(index));
    static_cast<void>(slice_run(*view, view->first(), view->end(), true));
  }));
}

TEST_CASE("a run that does not start at zero completes nodes that reach to its left") {
  auto depths = crossing_depths(3, 4);
  CHECK(depths.start == 1);
  CHECK(depths.end == 3);
  depths = crossing_depths(4, 8);
  CHECK(depths.start == 3);
  CHECK(depths.end == 4);
  depths = crossing_depths(4, 7);
  CHECK(depths.start == depths.end);
  CHECK(crossing_depths(0, 1000).end == 0);
}

TEST_CASE("the size of a node that reaches to the left of a run comes from its left part or from itself") {
  made_up_log source;
  auto run = source.run(6, 8);
  auto from = [&](std::vector<std::uint64_t> given) {
    return nodes_of(run, [&, given](std::uint64_t index) -> result<std::optional<std::uint64_t>> {
      auto is_given = std::find(given.begin(), given.end(), index) != given.end();
      return is_given ? std::optional{source.node(index).size} : std::nullopt;
    });
  };
  CHECK(from({3, 9}) == source.nodes(6, 8));
  CHECK(from({11, 3}) == source.nodes(6, 8));
  CHECK(from({11, 7}) == source.nodes(6, 8));
  CHECK(from({3}).error().code == ec::bad_argument);
  CHECK(from({}).error().code == ec::bad_argument);
}

TEST_CASE("a group is the longest prefix of the queue within the caps") {
  made_up_log source{1, 1000};
  std::vector<log::change_set> queue;
  std::size_t total = 0;
  for (std::uint64_t start = 0; start < 100; start += 10) {
    queue.push_back(testing::append_of(source, testing::core_a, start, start + 10));
    total += log::size_of(queue.back());
  }
  CHECK(group_length({}) == 0);
  CHECK(group_length(queue) == 10);
  CHECK(group_length(queue, {total, 100}) == 10);
  CHECK(group_length(queue, {total - 1, 100}) == 9);
  CHECK(group_length(queue, {total, 4}) == 4);
  CHECK(group_length(queue, {0, 4}) == 1); // one too large for the cap still goes, alone
}

TEST_CASE("nothing overtakes a member that was refused") {
  commit_group group{{100, 10}};
  CHECK(group.admit(60));
  CHECK_FALSE(group.admit(50));
  CHECK_FALSE(group.admit(10));
  CHECK(group.count() == 1);
  CHECK(group.bytes() == 60);
}

} // namespace corestore::storage
