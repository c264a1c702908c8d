#include "http/url.hpp"

#include <catch2/catch.hpp>

using namespace corestore;
using namespace corestore::http;

namespace {

std::vector<std::string> segments(std::string_view text) {
  return parse_target(text).value().segments;
}

} // namespace

TEST_CASE("a path falls into decoded segments") {
  using list = std::vector<std::string>;
  CHECK(segments("/").empty());
  CHECK(segments("/v1/cores") == list{"v1", "cores"});
  CHECK(segments("/a%2Fb/c+d") == list{"a/b", "c+d"});
  CHECK(segments("/a//b") == list{"a", "", "b"});
  CHECK(segments("/a/") == list{"a", ""});
}

TEST_CASE("what is no absolute path is refused") {
  for (const auto* text : {"", "*", "http://host/", "v1", "/%", "/%4", "/%zz", "/a?b=%g1"})
    CHECK(parse_target(text).error().code == ec::bad_argument);
  CHECK(parse_target("/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q").error().code == ec::bad_argument);
}

TEST_CASE("a query holds pairs in order") {
  auto parsed = query::parse("namespace=a&namespace=b%26c&x&wait=12&&sum=1+2").value();
  CHECK(parsed.all("namespace") == std::vector<std::string>{"a", "b&c"});
  CHECK(parsed.find("namespace") == "a");
  CHECK(parsed.find("x") == "");
  CHECK(parsed.find("sum") == "1 2");
  CHECK_FALSE(parsed.find("y").has_value());
  CHECK(parsed.number("wait", 5) == 12);
  CHECK(parsed.number("absent", 5) == 5);
}

TEST_CASE("numbers are whole, plain and exact in JavaScript") {
  CHECK(read_number("n", "0") == 0);
  CHECK(read_number("n", "9007199254740991") == 9007199254740991U);
  for (const auto* text :
       {"", "-1", "+1", " 1", "1 ", "1.0", "1e3", "0x1", "9007199254740992", "18446744073709551616", "a"})
    CHECK(read_number("n", text).error().code == ec::bad_argument);
}

TEST_CASE("a truth is spelled out") {
  auto parsed = query::parse("a=true&b=false&c&d=maybe").value();
  CHECK(parsed.truth("a") == true);
  CHECK(parsed.truth("b") == false);
  CHECK(parsed.truth("c") == true);
  CHECK(parsed.truth("absent") == false);
  CHECK(parsed.truth("d").error().code == ec::bad_argument);
}
