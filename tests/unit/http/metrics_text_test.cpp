#include "http/metrics_text.hpp"

#include <string>

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
  corestore::power_histogram values;
  for (auto value : {0, 3, 3, 1000000})
    values.add(static_cast<std::uint64_t>(value));
  values.add(std::uint64_t{1} << 40U); // beyond the last bound
  out.times("wait_seconds", "Wait.", values, {{"durability", "commit"}});
  const auto& text = out.text();
  CHECK(text.starts_with("# HELP wait_seconds Wait.\n# TYPE wait_seconds histogram\n"
                         "wait_seconds_bucket{durability=\"commit\",le=\"1e-06\"} 1\n"
                         "wait_seconds_bucket{durability=\"commit\",le=\"2e-06\"} 1\n"
                         "wait_seconds_bucket{durability=\"commit\",le=\"4e-06\"} 3\n"));
  CHECK(text.find("le=\"1.048576\"} 4\n") != std::string::npos);
  CHECK(text.find("le=\"+Inf\"} 5\n") != std::string::npos);
  CHECK(text.find("wait_seconds_sum{durability=\"commit\"} 1099512.627782\n") != std::string::npos);
  CHECK(text.ends_with("wait_seconds_count{durability=\"commit\"} 5\n"));
}

TEST_CASE("the bounds of whole numbers include them") {
  metrics_text out;
  corestore::power_histogram values;
  for (auto value : {1, 2, 3, 4})
    values.add(static_cast<std::uint64_t>(value));
  out.sizes("group", "Group.", values);
  CHECK(out.text().find("group_bucket{le=\"1\"} 1\ngroup_bucket{le=\"3\"} 3\ngroup_bucket{le=\"7\"} 4\n") !=
        std::string::npos);
}
