#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>

#include "base/compact.hpp"
#include "base/limits.hpp"

using namespace corestore;

TEST_CASE("integers survive, in the size announced") {
  rc::prop("uint", [] {
    auto value = *rc::gen::inRange<std::uint64_t>(0, limits::safe_integer_max) >> *rc::gen::inRange(0U, 53U);
    bytes encoded;
    compact::writer{encoded}.uint(value);
    RC_ASSERT(encoded.size() == compact::uint_size(value));
    compact::reader source{encoded};
    RC_ASSERT(source.uint() == value);
    RC_ASSERT(source.finish("value").has_value());
    RC_ASSERT(source.left() == 0U);
  });
}

TEST_CASE("any sequence of fields survives, and any shorter input fails") {
  rc::prop("fields", [](std::uint8_t byte, std::uint32_t small, std::uint64_t large, const bytes& buffer,
                        const std::string& text) {
    bytes encoded;
    compact::writer target{encoded};
    target.byte(byte);
    target.uint32(small);
    target.uint64(large);
    target.buffer(buffer);
    target.string(text);
    compact::reader source{encoded};
    RC_ASSERT(source.byte() == byte);
    RC_ASSERT(source.uint32() == small);
    RC_ASSERT(source.uint64() == large);
    RC_ASSERT(to_bytes(source.buffer()) == buffer);
    RC_ASSERT(source.string() == text);
    RC_ASSERT(!source.failed() && source.left() == 0U);
    auto cut = *rc::gen::inRange<std::size_t>(0, encoded.size());
    compact::reader torn{byte_view{encoded}.first(cut)};
    torn.byte();
    torn.uint32();
    torn.uint64();
    torn.buffer();
    torn.string();
    RC_ASSERT(torn.failed());
  });
}

TEST_CASE("longer forms than needed are read") {
  for (const bytes& form :
       {bytes{5}, bytes{0xfd, 5, 0}, bytes{0xfe, 5, 0, 0, 0}, bytes{0xff, 5, 0, 0, 0, 0, 0, 0, 0}}) {
    compact::reader source{form};
    CHECK(source.uint() == 5);
    CHECK_FALSE(source.failed());
  }
}

TEST_CASE("integers above 2^53 - 1 are refused") {
  bytes encoded;
  compact::writer{encoded}.uint(limits::safe_integer_max + 1);
  compact::reader source{encoded};
  CHECK(source.uint() == 0);
  CHECK(source.failed());
  CHECK(source.finish("value").error().code == ec::decoding_failed);
}

TEST_CASE("a failure sticks") {
  bytes encoded{1, 2};
  compact::reader source{encoded};
  CHECK(source.raw(3).empty());
  CHECK(source.byte() == 0);
  CHECK(source.rest().empty());
  hash32 untouched;
  source.fixed(untouched);
  CHECK(untouched.is_zero());
  CHECK(source.failed());
}

TEST_CASE("an array longer than the input fails before it is allocated") {
  bytes encoded;
  compact::writer target{encoded};
  target.uint(1000);
  target.raw(bytes(999));
  compact::reader source{encoded};
  CHECK(source.array(1) == 0);
  CHECK(source.failed());
  compact::reader wide{encoded};
  CHECK(wide.array(0) == 1000);
  bytes enormous;
  compact::writer{enormous}.uint(limits::array_elements_max + 1);
  compact::reader capped{enormous};
  CHECK(capped.array(0) == 0);
  CHECK(capped.failed());
}

TEST_CASE("a buffer longer than the input fails") {
  bytes encoded;
  compact::writer{encoded}.uint(limits::safe_integer_max);
  compact::reader source{encoded};
  CHECK(source.buffer().empty());
  CHECK(source.failed());
}
