#include "http/fields.hpp"

#include <catch2/catch.hpp>

using namespace corestore;
using namespace corestore::http;

namespace {

fields parse(std::string_view text) {
  return fields::parse(text, {"a", "b", "list"}).value();
}

} // namespace

TEST_CASE("no body is an empty object") {
  CHECK(parse("").find("a") == nullptr);
  CHECK(parse("{}").find("a") == nullptr);
  CHECK(parse(R"({"a":null})").find("a") == nullptr);
}

TEST_CASE("a body that is no object of known fields is refused") {
  for (const auto* text : {"{", "[]", "1", "\"a\"", "{\"a\":}", "{\"c\":1}", "{}x", "\xff"})
    CHECK(fields::parse(text, {"a"}).error().code == ec::bad_argument);
  CHECK(fields::parse(R"({"lenght":1})", {"length"}).error().detail == "there is no field `lenght` here");
}

TEST_CASE("numbers of a body are whole and exact") {
  CHECK(parse(R"({"a":7})").number("a", 1) == 7);
  CHECK(parse("{}").number("a", 1) == 1);
  CHECK(parse(R"({"a":9007199254740991})").needed_number("a") == 9007199254740991U);
  for (const auto* text :
       {R"({"a":-1})", R"({"a":1.5})", R"({"a":"1"})", R"({"a":9007199254740992})", R"({"a":1e300})", R"({"a":[]})"})
    CHECK(parse(text).number("a", 1).error().code == ec::bad_argument);
  CHECK(parse("{}").needed_number("a").error().detail == "a is missing");
}

TEST_CASE("texts, truths and lists are what they say") {
  auto body = parse(R"({"a":"x","b":true,"list":["y","z"]})");
  CHECK(body.text("a").value() == "x");
  CHECK(body.truth("b").value() == true);
  CHECK(body.texts("list").value() == std::vector<std::string>{"y", "z"});
  CHECK(body.text("b").error().code == ec::bad_argument);
  CHECK(body.truth("a").error().code == ec::bad_argument);
  CHECK(body.texts("a").error().code == ec::bad_argument);
  CHECK(parse(R"({"list":[1]})").texts("list").error().code == ec::bad_argument);
}

TEST_CASE("keys are hex of one length; short ones also z-base-32") {
  nlohmann::json hex = std::string(64, 'a');
  nlohmann::json z32 = std::string(52, 'y');
  CHECK(read_key<core_key>("key", hex).value().data.front() == 0xaa);
  CHECK(read_key<core_key>("key", z32).value().is_zero());
  CHECK(read_key<secret_key>("key", std::string(128, '0')).has_value());
  for (const auto& wrong : {nlohmann::json("aa"), nlohmann::json(5), nlohmann::json(std::string(64, 'g')),
                            nlohmann::json(nullptr), nlohmann::json(std::string(63, 'a'))})
    CHECK(read_key<core_key>("key", wrong).error() == error{ec::bad_argument, "key is 64 hex digits"});
}
