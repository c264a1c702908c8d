#include <catch2/catch.hpp>

#include <set>

#include "base/error.hpp"

using namespace corestore;

TEST_CASE("every error has a name of its own and a sentence") {
  std::set<std::string_view> names;
  for (unsigned code = 0; code <= static_cast<unsigned>(ec::core_held); ++code) {
    auto name = name_of(static_cast<ec>(code));
    CHECK_FALSE(name.empty());
    CHECK(names.insert(name).second);
    CHECK_FALSE(describe(static_cast<ec>(code)).empty());
    CHECK(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos);
  }
  CHECK(name_of(ec::storage_full) == "storage_full");
  CHECK(name_of(ec::internal) == "internal");
}

TEST_CASE("a code from another version reads as internal") {
  CHECK(name_of(static_cast<ec>(200)) == "internal");
}

TEST_CASE("an error is printed with its subject, or with its sentence") {
  CHECK(to_string(error{ec::not_found, "core 7"}) == "not_found: core 7");
  CHECK(to_string(error{ec::not_found, {}}) == "not_found: " + std::string{describe(ec::not_found)});
  result<int> failed = fail(ec::conflict, "fork 2");
  REQUIRE_FALSE(failed);
  CHECK(failed.error() == error{ec::conflict, "fork 2"});
}
