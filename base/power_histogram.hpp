// A histogram that many threads count into: by powers of two, so that counting is one addition.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace corestore {

struct power_histogram {
  using counter = std::atomic<std::uint64_t>;

  /// Bucket `i` counts values below 2^i that are not below half of it; the last one everything above, too. In
  /// microseconds that is up to 33 seconds.
  static constexpr std::size_t buckets_count = 26;

  std::array<counter, buckets_count> buckets{};
  counter sum{0};

  void add(std::uint64_t value) {
    auto bucket = static_cast<std::size_t>(std::bit_width(value));
    ++buckets.at(std::min(bucket, buckets_count - 1));
    sum += value;
  }
};

} // namespace corestore
