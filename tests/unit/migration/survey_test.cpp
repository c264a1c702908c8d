// Which directory is which, by what lies in it.
#include <catch2/catch.hpp>

#include <fstream>

#include "migration/survey.hpp"
#include "tests/support/temp_dir.hpp"

using namespace corestore;
using namespace corestore::migration;

namespace {

void put(const std::filesystem::path& path, const std::string& content) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream{path, std::ios::binary} << content;
}

layout kind_with(const std::vector<std::pair<std::string, std::string>>& files) {
  test::temp_dir place;
  for (const auto& [name, content] : files)
    put(place.path() / name, content);
  return look_at(place.path())->kind;
}

} // namespace

TEST_CASE("directories are told apart") {
  const std::string key(32, 'k');
  const auto id = "ab/cd/abcd" + std::string(60, '0');
  CHECK(kind_with({}) == layout::unknown);
  CHECK(kind_with({{"readme", "x"}}) == layout::unknown);
  CHECK(kind_with({{"data.mdb", "x"}}) == layout::native);
  CHECK(kind_with({{"key", key}}) == layout::hypercore_9);
  CHECK(kind_with({{"key", "short"}}) == layout::unknown);
  CHECK(kind_with({{"oplog", "x"}}) == layout::hypercore_10);
  CHECK(kind_with({{"master_key", key}}) == layout::corestore_5);
  CHECK(kind_with({{id + "/key", key}}) == layout::corestore_5);
  CHECK(kind_with({{"primary-key", key}}) == layout::corestore_6);
  CHECK(kind_with({{"cores/" + id + "/oplog", "x"}}) == layout::corestore_6);
  CHECK(kind_with({{"CURRENT", "MANIFEST-000001\n"}, {"MANIFEST-000001", "x"}}) == layout::corestore_7);
  CHECK(kind_with({{"db/CURRENT", "MANIFEST-000001\n"}, {"db/MANIFEST-000001", "x"}}) == layout::corestore_7);
}

TEST_CASE("cores are found in byte order, and what should hold one and does not is named") {
  test::temp_dir place;
  const std::string key(32, 'k');
  put(place.path() / "master_key", key + "more");
  for (const auto* two : {"ff", "00"})
    put(place.path() / two / "00" / (std::string{two} + std::string(62, '0')) / "key", key);
  put(place.path() / "11/00" / ("1100" + std::string(60, '0')) / "bitfield", "x");
  put(place.path() / "22/00" / ("2200" + std::string(60, 'z')) / "key", key);
  auto found = look_at(place.path());
  REQUIRE(found);
  REQUIRE(found->cores.size() == 2);
  CHECK(found->cores[0] < found->cores[1]);
  CHECK(found->secret == primary_key::from(as_bytes(key)));
  REQUIRE(found->complaints.size() == 1);
  CHECK(found->complaints[0].find("holds no core") != std::string::npos);
  CHECK(open_core(*found, found->cores[0], {}).error().code == ec::key_mismatch);
}

TEST_CASE("what is no directory is not found") {
  test::temp_dir place;
  put(place.path() / "file", "x");
  CHECK(look_at(place.path() / "file").error().code == ec::not_found);
  CHECK(look_at(place.path() / "nothing").error().code == ec::not_found);
}
