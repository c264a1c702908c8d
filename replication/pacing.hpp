// How many requests one peer gets at a time: as many as it answers within a second or a few round trips.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace corestore::replication {

/// Grows by one with each answer that came in time, so it doubles with each round trip; shrinks by a quarter, once for
/// each round trip, when answers queue up at the peer or on the line. What is in flight then costs little to wait for,
/// to cancel and to ask of somebody else.
class pacing {
public:
  static constexpr std::size_t window_min = 16;
  static constexpr std::size_t window_start = 64;
  static constexpr std::uint64_t queueing_ms_max = 1000; ///< an answer within that time came in time

  [[nodiscard]] std::size_t window(std::size_t most) const {
    return std::min(window_, std::max<std::size_t>(most, 1));
  }
  /// Smoothed time from a request to its answer; 0 before the first answer.
  [[nodiscard]] std::uint64_t latency_ms() const {
    return smoothed_ / scale;
  }

  void answered(std::uint64_t sent_ms, std::uint64_t now_ms, std::size_t most) {
    const auto latency = now_ms - std::min(sent_ms, now_ms);
    smoothed_ = is_known_ ? (7 * smoothed_ + latency * scale) / 8 : latency * scale;
    lowest_ms_ = is_known_ ? std::min(lowest_ms_, latency) : latency;
    is_known_ = true;
    if (latency <= std::max(queueing_ms_max, round_trips * lowest_ms_))
      window_ = std::min(window_ + 1, std::max(most, window_min));
    else if (now_ms >= shrunk_ms_ + latency)
      shrink(window_ * 3 / 4, now_ms);
  }
  void lost(std::uint64_t now_ms) {
    shrink(window_ / 2, now_ms);
  }

private:
  static constexpr std::uint64_t scale = 16;
  static constexpr std::uint64_t round_trips = 4;

  void shrink(std::size_t to, std::uint64_t now_ms) {
    window_ = std::max(to, window_min);
    shrunk_ms_ = now_ms;
  }

  std::size_t window_ = window_start;
  bool is_known_ = false;
  std::uint64_t smoothed_ = 0; ///< milliseconds times `scale`
  std::uint64_t lowest_ms_ = 0;
  std::uint64_t shrunk_ms_ = 0;
};

} // namespace corestore::replication
