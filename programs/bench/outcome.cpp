#include "programs/bench/outcome.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>

#include <fmt/format.h>
#include <sys/resource.h>

namespace corestore::bench {

namespace {

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

rusage usage_of_self() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage;
}

} // namespace

double rounded(double value) {
  if (value == 0)
    return 0;
  auto scale = std::pow(10.0, 3 - std::floor(std::log10(std::fabs(value))));
  return std::round(value * scale) / scale;
}

std::string_view name_of(way over) {
  if (over == way::plain)
    return "plain";
  return over == way::node ? "node" : "process";
}

std::string_view name_of(storage::durability what) {
  switch (what) {
  case storage::durability::commit:
    return "commit";
  case storage::durability::interval:
    return "interval";
  case storage::durability::none:
    break;
  }
  return "none";
}

bool is_of_generation(beside peer, log::generation generation) {
  return (peer == beside::js9) == (generation == log::generation::g9);
}

double cpu_seconds() {
  auto usage = usage_of_self();
  return seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
}

double peak_rss_mb() {
  return static_cast<double>(usage_of_self().ru_maxrss) * 1024 / 1e6;
}

std::uint64_t disk_bytes_written() {
  std::ifstream file{"/proc/self/io"};
  std::string name;
  std::uint64_t value = 0;
  while (file >> name >> value)
    if (name == "write_bytes:")
      return value;
  return 0;
}

json without_curves(json line) {
  line.erase("rates");
  return line;
}

void put_percentiles(json& line, const histogram& latency, const std::string& prefix) {
  line[prefix + "p50_ms"] = rounded(latency.percentile_ms(0.5));
  line[prefix + "p90_ms"] = rounded(latency.percentile_ms(0.9));
  line[prefix + "p99_ms"] = rounded(latency.percentile_ms(0.99));
  line[prefix + "p99_9_ms"] = rounded(latency.percentile_ms(0.999));
  line[prefix + "max_ms"] = rounded(latency.max_ms());
}

json to_json(const options& asked, const outcome& measured) {
  auto wall_s = std::max(measured.wall_s, 1e-9);
  auto blocks = static_cast<double>(measured.blocks);
  json line{{"workload", asked.workload},
            {"peer", "native"},
            {"blocks_s", rounded(blocks / wall_s)},
            {"mb_s", rounded(blocks * static_cast<double>(asked.block_bytes) / wall_s / 1e6)},
            {"wall_s", rounded(measured.wall_s)},
            {"blocks", measured.blocks},
            {"load", asked.rate > 0 ? "open" : "closed"}};
  put_percentiles(line, measured.latency);
  line["cpu_s"] = rounded(measured.cpu_s);
  line["peak_rss_mb"] = rounded(measured.peak_rss_mb);
  line["bytes_per_core"] = measured.used_bytes / std::max<std::uint64_t>(asked.cores, 1);
  line["bytes_written"] = measured.bytes_written;
  line["syncs"] = measured.syncs;
  line["durability"] = name_of(asked.durability);
  if (measured.serve_cpu_s > 0)
    line["serve_cpu_s"] = rounded(measured.serve_cpu_s);
  for (const auto& [field, value] : measured.more.items()) {
    if (value.is_number_float())
      line[field] = rounded(value.get<double>());
    else
      line[field] = value;
  }
  line["params"] = {{"cores", asked.cores},
                    {"blocks", asked.blocks},
                    {"block_size", asked.block_bytes},
                    {"generation", static_cast<int>(asked.generation)},
                    {"batch", asked.batch},
                    {"peers", asked.peers},
                    {"callers", asked.callers},
                    {"requests", asked.requests},
                    {"reads", asked.reads},
                    {"rate", asked.rate},
                    {"warm_up_s", asked.warm_up_s},
                    {"duration_s", asked.duration_s},
                    {"seed", asked.seed},
                    {"over", name_of(asked.over)}};
  if (asked.connections > 0)
    line["params"]["connections"] = asked.connections;
  if (asked.reader_processor)
    line["params"]["reader_processor"] = *asked.reader_processor;
  return line;
}

std::string to_text(const json& line) {
  std::string text;
  for (const auto& [field, value] : line.items()) {
    if (!text.empty())
      text += '\n';
    if (!value.is_object()) {
      text += fmt::format("{:<22}{}", field, value.is_string() ? value.get<std::string>() : value.dump());
      continue;
    }
    text += fmt::format("{:<22}", field);
    for (const auto& [name, part] : value.items())
      text += fmt::format("{}={} ", name, part.dump());
  }
  return text;
}

stopwatch::stopwatch()
    : start_(std::chrono::steady_clock::now()), cpu_s_(cpu_seconds()), written_(disk_bytes_written()) {
  // nop
}

void stopwatch::stop(outcome& target) const {
  target.wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  target.cpu_s = cpu_seconds() - cpu_s_;
  target.bytes_written = disk_bytes_written() - written_;
}

} // namespace corestore::bench
