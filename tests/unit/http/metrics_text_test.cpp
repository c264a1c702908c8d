#include "http/metrics_text.hpp"

#include <array>

#include <catch2/catch.hpp>

using corestore::http::metrics_text;

TEST_CASE("a family says what it is before its samples") {
  metrics_text out;
  out.gauge("cores", "Cores.", 3);
  out.family("refusals_total", "counter", "Refusals.")
    .sample(1, {{"why", "limit"}})
    .sample(2.5, {{"why", "a\"b\\c\nd"}});
  CHECK(out.text() == "# HELP cores Cores.\n# TYPE cores gauge\ncores 3\n"
                      "# HELP refusals_total Refusals.\n# TYPE refusals_total counter\n"
                      "refusals_total{why=\"limit\"} 1\nrefusals_total{why=\"a\\\"b\\\\c\\nd\"} 2.5\n");
}

TEST_CASE("large whole numbers are written out") {
  metrics_text out;
  out.counter("bytes_total", "Bytes.", 9007199254740991.0);
  CHECK(out.text().ends_with("bytes_total 9007199254740991\n"));
}

TEST_CASE("a histogram counts upwards and ends with everything") {
  metrics_text out;
  std::array<std::uint64_t, 4> buckets{1, 0, 2, 4};
  out.histogram("wait_seconds", "Wait.", buckets, 3000000, {{"durability", "commit"}});
  CHECK(out.text() == "# HELP wait_seconds Wait.\n# TYPE wait_seconds histogram\n"
                      "wait_seconds_bucket{durability=\"commit\",le=\"1e-06\"} 1\n"
                      "wait_seconds_bucket{durability=\"commit\",le=\"2e-06\"} 1\n"
                      "wait_seconds_bucket{durability=\"commit\",le=\"4e-06\"} 3\n"
                      "wait_seconds_bucket{durability=\"commit\",le=\"+Inf\"} 7\n"
                      "wait_seconds_sum{durability=\"commit\"} 3\n"
                      "wait_seconds_count{durability=\"commit\"} 7\n");
}
