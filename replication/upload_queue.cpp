#include "replication/upload_queue.hpp"

#include "base/limits.hpp"

namespace corestore::replication {

bool upload_queue::push(wire::request request) {
  cancel(request.id);
  if (waiting_.size() >= limits::upload_queue_max)
    return false;
  const place where{request.priority == 0 && request.id != 0, arrivals_++}; // 0: a signature check
  places_.emplace(request.id, where);
  waiting_.emplace_hint(waiting_.end(), where, std::move(request));
  return true;
}

void upload_queue::cancel(std::uint64_t id) {
  const auto found = places_.find(id);
  if (found == places_.end())
    return;
  waiting_.erase(found->second);
  places_.erase(found);
}

std::optional<wire::request> upload_queue::pop() {
  if (waiting_.empty())
    return std::nullopt;
  auto request = std::move(waiting_.begin()->second);
  waiting_.erase(waiting_.begin());
  places_.erase(request.id);
  return request;
}

} // namespace corestore::replication
