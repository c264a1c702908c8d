#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>

#include "base/text.hpp"

using namespace corestore;

TEST_CASE("bytes survive every text form") {
  rc::prop("hex, z-base-32, base64", [](const bytes& content) {
    RC_ASSERT(text::from_hex(text::to_hex(content)) == content);
    RC_ASSERT(text::from_z32(text::to_z32(content)) == content);
    RC_ASSERT(text::from_base64(text::to_base64(content)) == content);
  });
}

TEST_CASE("hex is read in both cases and refused when odd or foreign") {
  CHECK(text::from_hex("00fFAb") == bytes{0, 255, 0xab});
  CHECK_FALSE(text::from_hex("0"));
  CHECK_FALSE(text::from_hex("0g"));
}

TEST_CASE("base64 is that of RFC 4648") {
  CHECK(text::to_base64(as_bytes("foobar")) == "Zm9vYmFy");
  CHECK(text::to_base64(as_bytes("fooba")) == "Zm9vYmE=");
  CHECK(text::to_base64(as_bytes("foob")) == "Zm9vYg==");
  CHECK(text::from_base64("Zm9vYg") == to_bytes("foob"));
  CHECK_FALSE(text::from_base64("Zm9v*mFy"));
  CHECK_FALSE(text::from_base64("Zm9vY"));
}

TEST_CASE("z-base-32 is case sensitive") {
  CHECK(text::to_z32(bytes{0xff}) == "9h");
  CHECK(text::from_z32("9h") == bytes{0xff});
  CHECK_FALSE(text::from_z32("9H"));
}

TEST_CASE("ids are read in their three forms") {
  core_key key;
  key.data.fill(0x5a);
  auto z32 = text::to_z32(key.view());
  CHECK(text::parse_key<core_key>(z32) == key);
  CHECK(text::parse_key<core_key>(text::to_hex(key.view())) == key);
  CHECK(text::parse_key<core_key>("pear://" + z32) == key);
  CHECK(text::parse_key<core_key>("pear://" + z32 + "/some/path") == key);
  for (const std::string& wrong : {z32.substr(1), z32 + "/path", std::string{"http://"} + z32, std::string{}}) {
    auto parsed = text::parse_key<core_key>(wrong);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code == ec::bad_argument);
  }
}
