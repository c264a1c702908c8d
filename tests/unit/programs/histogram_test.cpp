#include "programs/bench/histogram.hpp"

#include <catch2/catch.hpp>

using corestore::bench::histogram;
using std::chrono::nanoseconds;

TEST_CASE("an empty histogram answers zero") {
  const histogram empty;
  CHECK(empty.percentile_ms(0.5) == 0);
  CHECK(empty.max_ms() == 0);
}

TEST_CASE("percentiles are within two per cent of the exact ones") {
  histogram times;
  for (int us = 1; us <= 10000; ++us)
    times.add(nanoseconds{us * 1000});
  for (auto fraction : {0.001, 0.1, 0.5, 0.9, 0.99, 0.999})
    CHECK(times.percentile_ms(fraction) == Approx(10 * fraction).epsilon(0.02));
  CHECK(times.percentile_ms(1) == Approx(10).epsilon(0.02));
  CHECK(times.max_ms() == 10);
}

TEST_CASE("no percentile is above the maximum") {
  for (std::int64_t ns : {std::int64_t{0}, std::int64_t{1}, std::int64_t{63}, std::int64_t{64}, std::int64_t{1} << 40,
                          std::int64_t{0x7fffffffffffffff}}) {
    histogram one;
    one.add(nanoseconds{ns});
    CHECK(one.percentile_ms(1) <= one.max_ms());
    CHECK(one.percentile_ms(1) == Approx(static_cast<double>(ns) / 1e6).epsilon(0.02));
  }
}

TEST_CASE("samples rebuild the same percentiles in another histogram") {
  histogram times;
  for (int step = 1; step <= 1000; ++step)
    times.add(nanoseconds{step * step});
  histogram copy;
  for (const auto& [ns, count] : times.samples())
    copy.add(nanoseconds{ns}, count);
  CHECK(copy.count() == times.count());
  for (auto fraction : {0.01, 0.5, 0.99})
    CHECK(copy.percentile_ms(fraction) == times.percentile_ms(fraction));
}
