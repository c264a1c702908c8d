#include "programs/bench/timeline.hpp"

#include <algorithm>

namespace corestore::bench {

namespace {

/// A day of steps: a clock that jumps takes no memory beyond that.
constexpr std::size_t steps_max = std::size_t{24} * 3600 * 10;

} // namespace

void timeline::add(std::chrono::nanoseconds since, std::uint64_t count) {
  auto position = static_cast<std::size_t>(std::max<std::int64_t>(since / step, 0));
  position = std::min(position, steps_max - 1);
  if (position >= counts_.size())
    counts_.resize(position + 1);
  counts_[position] += count;
}

std::vector<std::pair<double, double>> timeline::rates(std::size_t points_max) const {
  std::vector<std::pair<double, double>> points;
  if (counts_.empty() || points_max == 0)
    return points;
  auto width = (counts_.size() + points_max - 1) / points_max;
  auto step_s = std::chrono::duration<double>(step).count();
  for (std::size_t first = 0; first < counts_.size(); first += width) {
    auto end = std::min(first + width, counts_.size());
    std::uint64_t sum = 0;
    for (auto position = first; position < end; ++position)
      sum += counts_[position];
    auto seconds = static_cast<double>(end - first) * step_s;
    points.emplace_back(static_cast<double>(first) * step_s + seconds / 2, static_cast<double>(sum) / seconds);
  }
  return points;
}

} // namespace corestore::bench
