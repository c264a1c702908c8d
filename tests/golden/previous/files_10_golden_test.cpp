// Directories of hypercore 10, as recorded: read with everything in them, written again, and read again.
#include <catch2/catch.hpp>

#include "log/hashes.hpp"
#include "log/namespaces.hpp"
#include "migration/core_writer.hpp"
#include "migration/modern_directory.hpp"
#include "migration/oplog.hpp"
#include "tests/golden/previous/directories.hpp"

using namespace corestore;
using namespace corestore::golden;

namespace {

const json& recorded() {
  static const json all = json::parse(std::ifstream{CORESTORE_TEST_DATA "/previous/files-10.json"});
  return all["cores"];
}

void check(const migration::core_source& source, const json& expected) {
  const auto& facts = source.facts();
  CHECK(text::to_hex(facts.header.key.view()) == expected["key"].get<std::string>());
  CHECK(facts.head.length == expected["length"].get<std::uint64_t>());
  CHECK(facts.head.byte_length == expected["byteLength"].get<std::uint64_t>());
  CHECK(facts.head.fork == expected["fork"].get<std::uint64_t>());
  CHECK(facts.bits.contiguous_length() == expected["contiguousLength"].get<std::uint64_t>());
  CHECK((facts.header.origin != log::key_origin::none) == expected["writable"].get<bool>());
  if (facts.head.length > 0)
    CHECK(text::to_hex(log::tree_hash(facts.head.roots).view()) == expected["treeHash"].get<std::string>());
  collector seen;
  REQUIRE(migration::walk(source, seen));
  CHECK(seen.faults.empty());
  CHECK(seen.blocks == blocks_of(expected["blocks"]));
}

std::optional<primary_key> root_of(const json& entry) {
  return entry.contains("primaryKey") ? primary_key::from(hex(entry["primaryKey"])) : std::nullopt;
}

} // namespace

TEST_CASE("every recorded directory of hypercore 10 is read as the package reads it") {
  for (const auto& entry : recorded()) {
    INFO(entry["title"].get<std::string>());
    test::temp_dir place;
    lay_out(place.path(), entry["files"]);
    REQUIRE(migration::modern::is_core_directory(place.path()));
    auto source = migration::modern::open_directory(place.path(), root_of(entry));
    REQUIRE(source);
    CHECK((*source)->facts().complaints.empty());
    check(**source, entry);
  }
}

TEST_CASE("what was read of hypercore 10 is written, and read again as the same") {
  for (const auto& entry : recorded()) {
    INFO(entry["title"].get<std::string>());
    test::temp_dir place;
    lay_out(place.path() / "a", entry["files"]);
    auto source = migration::modern::open_directory(place.path() / "a", root_of(entry));
    REQUIRE(source);
    REQUIRE(migration::write_core(**source, place.path() / "b", {}));
    auto again = migration::modern::open_directory(place.path() / "b", root_of(entry));
    REQUIRE(again);
    check(**again, entry);
    CHECK((*again)->facts().head == (*source)->facts().head);
    CHECK((*again)->facts().user_data == (*source)->facts().user_data);
    CHECK((*again)->facts().header.pair == (*source)->facts().header.pair);
  }
}

TEST_CASE("names, namespaces and user data are where corestore 6 keeps them") {
  for (const auto& entry : recorded()) {
    test::temp_dir place;
    lay_out(place.path(), entry["files"]);
    auto source = migration::modern::open_directory(place.path(), root_of(entry));
    REQUIRE(source);
    const auto& facts = (*source)->facts();
    if (entry.contains("name")) {
      REQUIRE(facts.alias);
      CHECK(facts.alias->name == "log");
      CHECK(facts.alias->name_space == log::child_namespace({}, as_bytes("app")));
    } else {
      CHECK_FALSE(facts.alias);
    }
    auto title = entry["title"].get<std::string>();
    if (title.starts_with("cleared"))
      CHECK(facts.user_data == std::vector<log::user_entry>{{"mark", to_bytes("kept")}});
    if (title.starts_with("a header"))
      CHECK(facts.user_data == std::vector<log::user_entry>{{"large", bytes(5000, 7)}});
  }
}

TEST_CASE("an oplog that was cut off anywhere is read up to its last whole entry, or refused") {
  for (const auto& entry : recorded()) {
    auto whole = hex(entry["files"]["oplog"]);
    auto full = migration::oplog::decode(whole);
    REQUIRE(full);
    for (std::size_t size = 0; size < whole.size(); size += size < 200 || size > 8000 ? 1 : 97) {
      auto cut = migration::oplog::decode(byte_view{whole}.first(size));
      if (!cut)
        continue;
      REQUIRE(cut->entries.size() <= full->entries.size());
      for (std::size_t i = 0; i < cut->entries.size(); ++i)
        REQUIRE(cut->entries[i] == full->entries[i]);
    }
  }
}
