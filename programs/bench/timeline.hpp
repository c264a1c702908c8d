// How much was done in each tenth of a second, and whatever else a long run samples.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace corestore::bench {

class timeline {
public:
  static constexpr std::chrono::milliseconds step{100};

  /// `count` units, `since` after the start of the measurement.
  void add(std::chrono::nanoseconds since, std::uint64_t count);

  /// Units of every step.
  [[nodiscard]] const std::vector<std::uint64_t>& counts() const {
    return counts_;
  }

  /// (seconds, units a second), at most `points_max` points.
  [[nodiscard]] std::vector<std::pair<double, double>> rates(std::size_t points_max) const;

private:
  std::vector<std::uint64_t> counts_;
};

/// Named curves over time: (seconds, value).
using curves = std::map<std::string, std::vector<std::pair<double, double>>>;

} // namespace corestore::bench
