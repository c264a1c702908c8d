#include <catch2/catch.hpp>

#include "base/bytes.hpp"

using namespace corestore;

TEST_CASE("fixed bytes take exactly their size") {
  bytes content(32, 7);
  auto hash = hash32::from(content);
  REQUIRE(hash);
  CHECK(to_bytes(hash->view()) == content);
  CHECK_FALSE(hash->is_zero());
  CHECK(hash32{}.is_zero());
  content.push_back(7);
  CHECK_FALSE(hash32::from(content));
  content.resize(31);
  CHECK_FALSE(hash32::from(content));
}

TEST_CASE("fixed bytes are ordered by their bytes") {
  hash32 low;
  hash32 high;
  low.data[1] = 0xff;
  high.data[0] = 1;
  CHECK(low < high);
  CHECK(low != high);
}

TEST_CASE("shared bytes keep their content alive in every copy") {
  shared_bytes copy;
  {
    shared_bytes original{to_bytes("hello")};
    copy = original;
    CHECK(copy.view().data() == original.view().data());
  }
  CHECK(as_text(copy.view()) == "hello");
  CHECK(copy == shared_bytes::copy_of(as_bytes("hello")));
  CHECK_FALSE(copy == shared_bytes{to_bytes("hellO")});
  CHECK(shared_bytes{}.empty());
}

TEST_CASE("a slice keeps the whole alive") {
  shared_bytes slice;
  {
    auto whole = std::make_shared<const bytes>(to_bytes("0123456789"));
    slice = shared_bytes{whole, byte_view{*whole}.subspan(2, 3)};
  }
  CHECK(as_text(slice.view()) == "234");
}
