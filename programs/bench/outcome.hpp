// What a run measured, and how it is shown.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "programs/bench/histogram.hpp"
#include "programs/bench/options.hpp"
#include "programs/bench/timeline.hpp"

namespace corestore::bench {

using json = nlohmann::ordered_json;

/// CPU seconds (user and system) of this process so far.
double cpu_seconds();

/// Largest resident size of this process so far, in MB (10^6 bytes).
double peak_rss_mb();

/// Bytes that this process has had written to disks, or what it would have to; 0 where the system does not tell.
std::uint64_t disk_bytes_written();

/// Four significant digits: more would pretend.
double rounded(double value);

struct outcome {
  std::uint64_t blocks = 0; ///< measured
  double wall_s = 0;
  double cpu_s = 0;
  double serve_cpu_s = 0;          ///< of the serving process, when there is one
  std::uint64_t bytes_written = 0; ///< to the disk, while it was measured
  std::uint64_t syncs = 0;         ///< commits that waited for the disk, while it was measured
  std::uint64_t used_bytes = 0;    ///< pages in use on disk at the end
  double peak_rss_mb = 0;
  histogram latency;
  timeline done;              ///< blocks over time
  json more = json::object(); ///< fields of this workload only, in place of those of the same name
  curves sampled;             ///< for the plot
  std::string failure;        ///< a run that ended, but must not count as good
  double direct_s = 0;        ///< the same read from the storage, without actors, where that is the bound
};

/// The fields of `--json`: blocks_s, mb_s (10^6 payload bytes), wall_s, percentiles, cpu_s, peak_rss_mb,
/// bytes_per_core (disk; of open-many: memory), bytes_written, syncs, durability, load, params.
json to_json(const options& asked, const outcome& measured);

/// The same for people.
std::string to_text(const json& line);

/// A line without what is only drawn.
json without_curves(json line);

/// p50_ms ... max_ms of a histogram, with `prefix` in front of each name.
void put_percentiles(json& line, const histogram& latency, const std::string& prefix = {});

/// Measures from construction on.
class stopwatch {
public:
  stopwatch();
  /// Fills wall_s, cpu_s and bytes_written.
  void stop(outcome& target) const;

private:
  std::chrono::steady_clock::time_point start_;
  double cpu_s_;
  std::uint64_t written_;
};

} // namespace corestore::bench
