// The formats of the files: round trips, and bytes that nobody wrote.
#include <catch2/catch.hpp>

#include <rapidcheck/catch.h>

#include "base/compact.hpp"
#include "log/manifest.hpp"
#include "migration/key_material.hpp"
#include "migration/legacy_format.hpp"
#include "migration/modern_directory.hpp"
#include "migration/oplog.hpp"

using namespace corestore;
using namespace corestore::migration;

namespace {

oplog::header sample() {
  oplog::header header;
  header.key.data.fill(7);
  header.manifest = log::encode_manifest(log::default_manifest(public_key{header.key.data}));
  header.public_part = bytes(32, 1);
  header.secret_part = bytes(64, 2);
  header.user_data.push_back({"a", to_bytes("b")});
  header.fork = 3;
  header.length = 70000;
  header.root_hash = bytes(32, 4);
  header.signature = bytes(64, 5);
  header.contiguous_length = 69999;
  return header;
}

} // namespace

TEST_CASE("a header of the oplog comes back") {
  auto header = sample();
  CHECK(oplog::decode_header(oplog::encode_header(header)).value() == header);
  auto file = oplog::decode(oplog::encode_file(oplog::encode_header(header)));
  REQUIRE(file);
  CHECK(file->header == header);
  CHECK(file->entries.empty());
  CHECK(file->surplus_bytes == 0);
  auto aside = oplog::decode(oplog::encode_file_external(5000));
  REQUIRE(aside);
  CHECK(aside->header.external == oplog::external_place{0, 5000});
}

TEST_CASE("an oplog without a header that can be read is refused, an empty one is no core") {
  CHECK(oplog::decode({}).error().code == ec::not_found);
  CHECK(oplog::decode(bytes(100)).error().code == ec::not_found);
  CHECK(oplog::decode(bytes(9000)).error().code == ec::decoding_failed);
  auto file = oplog::encode_file(oplog::encode_header(sample()));
  for (std::size_t i = 0; i < 300; ++i) {
    auto damaged = file;
    damaged[i] ^= 1U;
    CHECK(oplog::decode(damaged).error().code == ec::decoding_failed);
  }
}

TEST_CASE("a version, counts and lengths that cannot be are refused before memory is taken") {
  CHECK(oplog::decode_header(bytes{2, 0}).error().detail.find("version 2") != std::string::npos);
  auto encoded = oplog::encode_header(sample());
  const auto hint_bytes = compact::uint_size(sample().contiguous_length); // older headers end without it
  for (std::size_t size = 0; size < encoded.size(); ++size)
    CHECK(oplog::decode_header(byte_view{encoded}.first(size)).has_value() == (size == encoded.size() - hint_bytes));
  bytes many{1, 0};
  many.resize(34);
  many.insert(many.end(), {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x00});
  CHECK_FALSE(oplog::decode_header(many));
  bytes nodes{2, 0xfe, 0xff, 0xff, 0xff, 0xff};
  CHECK_FALSE(oplog::decode_entry(nodes));
}

TEST_CASE("headers of hypercore 9 come back, and others are named") {
  using namespace legacy;
  for (auto type : {file_type::bitfield, file_type::signatures, file_type::tree}) {
    auto encoded = encode_header(header_of(type));
    CHECK(encoded.size() == header_bytes);
    CHECK(decode_header(encoded, type).value() == header_of(type));
    CHECK_FALSE(decode_header(byte_view{encoded}.first(31), type));
    for (std::size_t i : {0, 1, 2, 3, 4, 7}) {
      auto damaged = encoded;
      damaged[i] = 0xee;
      CHECK(decode_header(damaged, type).error().code == ec::decoding_failed);
    }
  }
  auto wider = encode_header({file_type::bitfield, 3328, {}});
  CHECK(decode_header(wider, file_type::bitfield)->entry_bytes == 3328);
  CHECK_FALSE(decode_header(encode_header({file_type::bitfield, 100, {}}), file_type::bitfield));
}

TEST_CASE("names of hypercore 9 fill their file exactly") {
  CHECK(legacy::decode_name(legacy::encode_name("log")).value() == "log");
  CHECK(legacy::decode_name(legacy::encode_name(std::string(300, 'x'))).value() == std::string(300, 'x'));
  CHECK_FALSE(legacy::decode_name({}));
  CHECK_FALSE(legacy::decode_name(bytes{0}));
  CHECK_FALSE(legacy::decode_name(bytes{3, 'a', 'b'}));
  CHECK_FALSE(legacy::decode_name(bytes{1, 'a', 'b'}));
  CHECK_FALSE(legacy::decode_name(bytes(40, 0xff)));
}

TEST_CASE("nodes of both formats come back; zeros are none") {
  log::node node{12, 0x0102030405ULL, {}};
  node.hash.data.fill(9);
  CHECK(legacy::decode_node(12, legacy::encode_node(node)) == node);
  CHECK(modern::decode_node(12, modern::encode_node(node)) == node);
  CHECK_FALSE(legacy::decode_node(12, bytes(40)));
  CHECK_FALSE(modern::decode_node(12, bytes(40)));
}

TEST_CASE("pages of bits come back, whatever is set") {
  rc::prop("bits", [] {
    auto length = *rc::gen::inRange<std::uint64_t>(1, 30000);
    legacy::bit_content bits;
    for (auto i : *rc::gen::container<std::vector<std::uint64_t>>(20, rc::gen::inRange<std::uint64_t>(0, length))) {
      bits.blocks.set({i, std::min(length, i + 40)});
      bits.nodes.set({2 * i, 2 * i + 1});
    }
    auto encoded = legacy::encode_pages(bits, length);
    RC_ASSERT(encoded.size() % legacy::page_bytes == 0);
    legacy::bit_content again;
    for (std::uint64_t page = 0; page * legacy::page_bytes < encoded.size(); ++page)
      load_page(again, page, byte_view{encoded}.subspan(page * legacy::page_bytes, legacy::page_bytes));
    RC_ASSERT(again.blocks == bits.blocks);
    RC_ASSERT(again.nodes == bits.nodes);
  });
}

TEST_CASE("a page that is cut off counts as zeros behind its end") {
  legacy::bit_content bits;
  load_page(bits, 2, bytes{0x80, 0x01});
  CHECK(bits.blocks.count({0, 100000}) == 2);
  CHECK(bits.blocks.test(2 * 8192));
  CHECK(bits.blocks.test(2 * 8192 + 15));
}

TEST_CASE("what is text and what is not") {
  for (const auto* good : {"a", "log:b", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80"})
    CHECK(is_text(good));
  for (const auto* bad : {"", "\x01", "\x80", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "a\x7f"})
    CHECK_FALSE(is_text(bad));
}
