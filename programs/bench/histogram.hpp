// Latencies in logarithmic buckets: bounded memory, at most 1.6 % off, the maximum exact.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace corestore::bench {

class histogram {
public:
  void add(std::chrono::nanoseconds time, std::uint64_t count = 1);

  /// (nanoseconds, samples) of every bucket in use: what add() takes to rebuild this histogram elsewhere.
  [[nodiscard]] std::vector<std::pair<std::int64_t, std::uint64_t>> samples() const;

  [[nodiscard]] std::uint64_t count() const {
    return count_;
  }
  /// Milliseconds that a share of `fraction` (0 to 1) did not exceed; 0 without samples.
  [[nodiscard]] double percentile_ms(double fraction) const;
  [[nodiscard]] double max_ms() const;

private:
  static constexpr unsigned fine_bits = 6; ///< buckets of one power of two: 2^6
  static constexpr std::size_t bucket_count = (64 - fine_bits + 1) << fine_bits;

  static std::size_t bucket_of(std::uint64_t ns);
  static std::uint64_t middle_of(std::size_t bucket);

  std::array<std::uint64_t, bucket_count> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t max_ns_ = 0;
};

} // namespace corestore::bench
