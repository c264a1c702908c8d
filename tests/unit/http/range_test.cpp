#include "http/range.hpp"

#include <catch2/catch.hpp>

using namespace corestore;
using namespace corestore::http;

namespace {

byte_range range(std::string_view header, std::uint64_t size) {
  return parse_range(header, size).value().value();
}

} // namespace

TEST_CASE("a range names bytes from, to, or from the end") {
  CHECK(range("bytes=0-0", 10) == byte_range{0, 1});
  CHECK(range("bytes=2-5", 10) == byte_range{2, 6});
  CHECK(range("bytes=2-", 10) == byte_range{2, 10});
  CHECK(range("bytes=-3", 10) == byte_range{7, 10});
  CHECK(range(" bytes= 2 - 5 ", 10) == byte_range{2, 6});
}

TEST_CASE("a range ends with the bytes") {
  CHECK(range("bytes=2-99", 10) == byte_range{2, 10});
  CHECK(range("bytes=-99", 10) == byte_range{0, 10});
  CHECK(range("bytes=9-9007199254740991", 10) == byte_range{9, 10});
}

TEST_CASE("what does not ask for one range of bytes gets the whole") {
  for (const auto* header : {"", "items=0-1", "bytes=0-1,3-4", "bytes"})
    CHECK_FALSE(parse_range(header, 10).value().has_value());
}

TEST_CASE("a range that no byte is in is refused") {
  for (const auto* header : {"bytes=10-", "bytes=10-12", "bytes=5-2", "bytes=-0", "bytes=-", "bytes=a-b", "bytes=1",
                             "bytes=", "bytes=1-2-3", "bytes=0x1-2", "bytes=99999999999999999999-"})
    CHECK(parse_range(header, 10).error().code == ec::bad_argument);
  for (const auto* header : {"bytes=0-", "bytes=-1", "bytes=0-0"})
    CHECK(parse_range(header, 0).error().code == ec::bad_argument);
}
