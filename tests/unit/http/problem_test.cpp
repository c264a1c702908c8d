#include "http/problem.hpp"

#include <catch2/catch.hpp>

using namespace corestore;
using namespace corestore::http;

TEST_CASE("every cause has a status that says whose fault it is") {
  CHECK(status_of(ec::bad_argument) == 400);
  CHECK(status_of(ec::not_found) == 404);
  CHECK(status_of(ec::block_not_available) == 404);
  CHECK(status_of(ec::not_writable) == 409);
  CHECK(status_of(ec::conflict) == 409);
  CHECK(status_of(ec::store_closed) == 503);
  CHECK(status_of(ec::timed_out) == 504);
  CHECK(status_of(ec::storage_full) == 507);
  CHECK(status_of(ec::storage_damaged) == 500);
  for (int code = 1; code <= static_cast<int>(ec::internal); ++code) {
    auto status = status_of(static_cast<ec>(code));
    CHECK(status >= 400);
    if (status != 500)
      CHECK(reason_of(status) != reason_of(500));
  }
}

TEST_CASE("a body names the cause and says what it was about") {
  CHECK(error_body({ec::not_found, "no \"such\" core"}) ==
        R"({"error":{"code":"not_found","message":"no \"such\" core"}})");
  CHECK(error_body({ec::timed_out, ""}).find("\"message\":\"\"") == std::string::npos);
  CHECK(error_body({ec::bad_argument, "\xff"}).find("\xff") == std::string::npos);
}

TEST_CASE("a problem may have a status of its own") {
  CHECK(problem{error{ec::timed_out, ""}}.code() == 504);
  CHECK(problem{416, ec::bad_argument, "range"}.code() == 416);
}
