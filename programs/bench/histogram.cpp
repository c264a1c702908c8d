#include "programs/bench/histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace corestore::bench {

namespace {

constexpr double ns_per_ms = 1e6;

} // namespace

/// Values below 2^fine_bits have a bucket each; above, the highest bit chooses a group and the next ones the bucket.
std::size_t histogram::bucket_of(std::uint64_t ns) {
  auto width = static_cast<unsigned>(std::bit_width(ns));
  if (width <= fine_bits)
    return ns;
  auto group = width - fine_bits;
  auto fine = (ns >> (group - 1)) & ((std::uint64_t{1} << fine_bits) - 1);
  return (std::size_t{group} << fine_bits) + fine;
}

std::uint64_t histogram::middle_of(std::size_t bucket) {
  auto group = bucket >> fine_bits;
  if (group == 0)
    return bucket;
  auto fine = bucket & ((std::size_t{1} << fine_bits) - 1);
  auto low = ((std::uint64_t{1} << fine_bits) | fine) << (group - 1);
  return low + (std::uint64_t{1} << (group - 1)) / 2;
}

void histogram::add(std::chrono::nanoseconds time, std::uint64_t count) {
  auto ns = static_cast<std::uint64_t>(std::max<std::int64_t>(time.count(), 0));
  buckets_.at(bucket_of(ns)) += count;
  count_ += count;
  max_ns_ = std::max(max_ns_, ns);
}

std::vector<std::pair<std::int64_t, std::uint64_t>> histogram::samples() const {
  std::vector<std::pair<std::int64_t, std::uint64_t>> used;
  for (std::size_t bucket = 0; bucket < bucket_count; ++bucket)
    if (buckets_.at(bucket) > 0)
      used.emplace_back(static_cast<std::int64_t>(std::min(middle_of(bucket), max_ns_)), buckets_.at(bucket));
  return used;
}

double histogram::percentile_ms(double fraction) const {
  auto rank = static_cast<std::uint64_t>(std::ceil(fraction * static_cast<double>(count_)));
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket < bucket_count; ++bucket) {
    seen += buckets_.at(bucket);
    if (seen >= std::max<std::uint64_t>(rank, 1))
      return static_cast<double>(std::min(middle_of(bucket), max_ns_)) / ns_per_ms;
  }
  return 0;
}

double histogram::max_ms() const {
  return static_cast<double>(max_ns_) / ns_per_ms;
}

} // namespace corestore::bench
