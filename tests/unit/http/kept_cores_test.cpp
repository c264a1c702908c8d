#include "http/kept_cores.hpp"

#include <catch2/catch.hpp>

using namespace corestore;
using corestore::http::kept_cores;

namespace {

discovery_key core(std::uint8_t number) {
  discovery_key key;
  key.data.front() = number;
  return key;
}

} // namespace

TEST_CASE("each core is kept once, and the one used longest ago makes room") {
  kept_cores kept{2};
  CHECK_FALSE(kept.keep(core(1)).has_value());
  CHECK_FALSE(kept.keep(core(2)).has_value());
  CHECK(kept.keep(core(1)) == core(1));
  CHECK(kept.keep(core(3)) == core(2));
  CHECK(kept.keep(core(2)) == core(1));
}

TEST_CASE("a dropped core is given back once") {
  kept_cores kept{2};
  CHECK_FALSE(kept.drop(core(1)));
  CHECK_FALSE(kept.keep(core(1)).has_value());
  CHECK(kept.drop(core(1)));
  CHECK_FALSE(kept.drop(core(1)));
}
