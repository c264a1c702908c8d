#include "storage/commit_group.hpp"

namespace corestore::storage {

bool commit_group::admit(std::size_t bytes) {
  auto fits = count_ < caps_.count_max && bytes <= caps_.bytes_max && bytes_ <= caps_.bytes_max - bytes;
  is_closed_ = is_closed_ || !(fits || count_ == 0);
  if (is_closed_)
    return false;
  ++count_;
  bytes_ += bytes;
  return true;
}

std::size_t group_length(std::span<const log::change_set> queue, group_limits caps) {
  commit_group group{caps};
  for (const auto& changes : queue) {
    if (!group.admit(log::size_of(changes)))
      break;
  }
  return group.count();
}

} // namespace corestore::storage
