#include "http/kept_cores.hpp"

#include <algorithm>

namespace corestore::http {

std::optional<discovery_key> kept_cores::keep(const discovery_key& core) {
  std::lock_guard guard{mutex_};
  auto found = std::find(order_.begin(), order_.end(), core);
  if (found != order_.end()) {
    order_.splice(order_.begin(), order_, found);
    return core;
  }
  order_.push_front(core);
  if (order_.size() <= count_max_)
    return std::nullopt;
  auto oldest = order_.back();
  order_.pop_back();
  return oldest;
}

bool kept_cores::drop(const discovery_key& core) {
  std::lock_guard guard{mutex_};
  return order_.remove(core) > 0;
}

} // namespace corestore::http
