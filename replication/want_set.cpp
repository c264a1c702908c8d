#include "replication/want_set.hpp"

#include <algorithm>
#include <bit>

namespace corestore::replication {

namespace {

bool touches(const std::vector<log::block_range>& ranges, log::block_range range) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](const auto& other) { return other.start < range.end && range.start < other.end; });
}

} // namespace

bool want_set::add(const wire::want& wanted) {
  const log::block_range range{wanted.start, wanted.start + wanted.length};
  if (wanted.any) {
    if (any_.size() < any_max && std::find(any_.begin(), any_.end(), range) == any_.end())
      any_.push_back(range);
    return true;
  }
  if (wanted.length > segment_blocks)
    return false;
  const bool is_segment =
    wanted.length >= 32 && std::has_single_bit(wanted.length) && wanted.start % wanted.length == 0;
  if (!is_segment || ranges_.size() >= limits::wants_max)
    is_everything_ = true;
  else if (std::find(ranges_.begin(), ranges_.end(), range) == ranges_.end())
    ranges_.push_back(range);
  return true;
}

void want_set::remove(const wire::unwant& released) {
  std::erase(released.any ? any_ : ranges_, log::block_range{released.start, released.start + released.length});
}

bool want_set::covers(log::block_range range) const {
  return is_everything_ || touches(ranges_, range) || touches(any_, range);
}

} // namespace corestore::replication
