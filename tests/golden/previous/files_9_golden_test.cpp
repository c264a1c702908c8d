// Directories of corestore 5, as recorded in legacy-9.json: read with everything in them, and written byte for byte.
#include <catch2/catch.hpp>

#include "log/hashes.hpp"
#include "migration/core_writer.hpp"
#include "migration/legacy_directory.hpp"
#include "migration/legacy_format.hpp"
#include "migration/survey.hpp"
#include "tests/golden/previous/directories.hpp"

using namespace corestore;
using namespace corestore::golden;

namespace {

const json& recorded() {
  static const json all = json::parse(std::ifstream{CORESTORE_TEST_DATA "/legacy/legacy-9.json"});
  return all["stores"];
}

const json* core_with(const json& dump, const std::string& key) {
  for (const auto& core : dump["cores"])
    if (core["publicKey"] == key)
      return &core;
  return nullptr;
}

bool is_read_only(const json& core) {
  return core["secretKey"].is_null();
}

} // namespace

TEST_CASE("every recorded store of corestore 5 is recognised, and each core read as the package reads it") {
  for (const auto& dump : recorded()["dumps"]) {
    INFO(dump["title"].get<std::string>());
    test::temp_dir place;
    lay_out(place.path(), dump["files"]);
    auto found = migration::look_at(place.path());
    REQUIRE(found);
    CHECK(found->kind == migration::layout::corestore_5);
    REQUIRE(found->secret);
    CHECK(text::to_hex(found->secret->view()) == dump["masterKey"].get<std::string>());
    CHECK(found->cores.size() == dump["cores"].size());
    for (const auto& core : found->cores) {
      auto source = migration::open_core(*found, core, {});
      REQUIRE(source);
      const auto& facts = (*source)->facts();
      const auto* expected = core_with(dump, text::to_hex(facts.header.key.view()));
      REQUIRE(expected != nullptr);
      CHECK(facts.head.length == (*expected)["length"].get<std::uint64_t>());
      CHECK(facts.head.byte_length == (*expected)["byteLength"].get<std::uint64_t>());
      CHECK((facts.header.origin == log::key_origin::none) == is_read_only(*expected));
      CHECK(facts.complaints.empty());
      collector seen;
      REQUIRE(migration::walk(**source, seen));
      CHECK(seen.faults.empty());
      auto blocks = (*expected)["blocks"].is_object() ? blocks_of((*expected)["blocks"]) : seen.blocks;
      CHECK(seen.blocks == blocks);
    }
  }
}

TEST_CASE("what was read of hypercore 9 is written byte for byte") {
  for (const auto& dump : recorded()["dumps"]) {
    INFO(dump["title"].get<std::string>());
    test::temp_dir place;
    lay_out(place.path() / "in", dump["files"]);
    auto found = migration::look_at(place.path() / "in");
    REQUIRE(found);
    for (const auto& core : found->cores) {
      auto source = migration::open_core(*found, core, {});
      REQUIRE(source);
      auto target = place.path() / "out" / core.filename();
      REQUIRE(migration::write_core(**source, target, {}));
      for (const auto* name : {"key", "tree", "signatures", "bitfield"}) {
        INFO(core.string() << " " << name);
        CHECK(content_of(target / name) == content_of(core / name));
      }
      auto is_whole = (*source)->facts().bits.contiguous_length() == (*source)->facts().head.length;
      if (is_whole) // bytes of blocks that were cleared may be left in the original
        CHECK(content_of(target / "data") == content_of(core / "data"));
    }
  }
}

TEST_CASE("the bitfield of a core of two pages comes out as it went in, index included") {
  const auto& large = recorded()["large"];
  for (const auto& [name, file] : large["files"].items()) {
    if (!name.ends_with("bitfield"))
      continue;
    auto original = hex(file["hex"]);
    auto header = migration::legacy::decode_header(original, migration::legacy::file_type::bitfield);
    REQUIRE(header);
    CHECK(header->entry_bytes == migration::legacy::page_bytes);
    migration::legacy::bit_content bits;
    byte_view pages = byte_view{original}.subspan(migration::legacy::header_bytes);
    for (std::uint64_t page = 0; page * migration::legacy::page_bytes < pages.size(); ++page)
      load_page(bits, page, pages.subspan(page * migration::legacy::page_bytes, migration::legacy::page_bytes));
    auto length = large["length"].get<std::uint64_t>();
    CHECK(bits.blocks.count({0, length}) == length - 100);
    CHECK(bits.nodes.count({0, 2 * length}) > 0);
    auto again = migration::legacy::encode_header(*header);
    auto encoded = migration::legacy::encode_pages(bits, length);
    again.insert(again.end(), encoded.begin(), encoded.end());
    CHECK(again == original);
  }
}
