// What a run measured, and how it is shown.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

#include "programs/bench/histogram.hpp"
#include "programs/bench/options.hpp"

namespace corestore::bench {

using json = nlohmann::ordered_json;

/// CPU seconds (user and system) of this process so far.
double cpu_seconds();

/// Largest resident size of this process so far, in MB (10^6 bytes).
double peak_rss_mb();

struct outcome {
  std::uint64_t blocks = 0; ///< measured
  double wall_s = 0;
  double cpu_s = 0;
  double serve_cpu_s = 0;          ///< of the serving process, when there is one
  std::uint64_t bytes_written = 0; ///< payload given to storage, set-up included
  std::uint64_t used_bytes = 0;    ///< pages in use on disk at the end
  double peak_rss_mb = 0;
  histogram latency;
  json more = json::object(); ///< fields of this workload only, in place of those of the same name
};

/// The fields of `--json`: blocks_s, mb_s (10^6 payload bytes), wall_s, percentiles, cpu_s, peak_rss_mb,
/// bytes_per_core (disk; of open-many: memory), bytes_written, durability, params.
json to_json(const options& asked, const outcome& measured);

/// The same for people.
std::string to_text(const json& line);

/// Measures from construction on.
class stopwatch {
public:
  stopwatch();
  /// Fills wall_s and cpu_s.
  void stop(outcome& target) const;

private:
  std::chrono::steady_clock::time_point start_;
  double cpu_s_;
};

} // namespace corestore::bench
