// The curves of one run as one HTML file that needs nothing else: latency by percentile, blocks over time, and what a
// long run sampled.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "programs/bench/outcome.hpp"

namespace corestore::bench {

class plot {
public:
  /// A run of ours.
  void add(const json& line, const outcome& measured);
  /// A line of a peer, with its percentiles only.
  void add(const json& line);

  /// storage_failed when the file cannot be written.
  [[nodiscard]] result<void> write(const std::string& path) const;

  [[nodiscard]] std::string to_html() const;

private:
  struct series {
    std::string name;
    std::vector<std::pair<double, double>> points;
  };
  struct chart {
    std::string title;
    std::string across;
    std::string up;
    bool is_logarithmic = false; ///< both axes
    std::vector<series> lines;
  };

  static std::string to_svg(const chart& drawn);

  std::vector<json> lines_;
  chart latency_{"Latency", "share of the requests that took longer", "ms", true, {}};
  chart rate_{"Blocks over time", "seconds", "blocks/s", false, {}};
  std::vector<chart> sampled_;
};

} // namespace corestore::bench
