// How long nothing is asked for after what came could not be committed: the trouble is our own, and every answer is
// lost.
#pragma once

#include <algorithm>
#include <cstdint>

namespace corestore::replication {

/// A second after the first failure, twice as long after each further round, until a commit succeeds. Who wishes for
/// something new hears after a second at most whether it can be stored by now.
class stall {
public:
  static constexpr std::uint64_t wait_ms_min = 1000;
  static constexpr std::uint64_t wait_ms_max = 30000;

  [[nodiscard]] bool is_over(std::uint64_t now_ms) const {
    return until_ms_ <= now_ms;
  }
  [[nodiscard]] std::uint64_t until_ms() const {
    return until_ms_;
  }

  /// What had been asked for before the first failure of a round fails with it.
  void failed(std::uint64_t now_ms) {
    if (!is_over(now_ms))
      return;
    wait_ms_ = std::clamp(2 * wait_ms_, wait_ms_min, wait_ms_max);
    failed_ms_ = now_ms;
    until_ms_ = now_ms + wait_ms_;
  }
  void succeeded() {
    wait_ms_ = 0;
  }
  void wished() {
    until_ms_ = std::min(until_ms_, failed_ms_ + wait_ms_min);
  }

private:
  std::uint64_t wait_ms_ = 0;
  std::uint64_t failed_ms_ = 0;
  std::uint64_t until_ms_ = 0;
};

} // namespace corestore::replication
