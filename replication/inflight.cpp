#include "replication/inflight.hpp"

#include <algorithm>
#include <utility>

namespace corestore::replication {

std::uint64_t inflight::add(asked request) {
  std::uint64_t id = next_id_;
  if (free_.empty()) {
    ++next_id_;
  } else {
    id = free_.back();
    free_.pop_back();
  }
  request.order = next_order_++;
  bytes_ += request.bytes;
  by_age_.push_back({id, request.order, request.sent_ms});
  open_.emplace(id, std::move(request));
  return id;
}

const asked* inflight::find(std::uint64_t id) const {
  const auto found = open_.find(id);
  return found == open_.end() ? nullptr : &found->second;
}

std::optional<asked> inflight::take(std::uint64_t id) {
  const auto found = open_.find(id);
  if (found == open_.end())
    return std::nullopt;
  auto request = std::move(found->second);
  open_.erase(found);
  bytes_ -= request.bytes;
  if (by_age_.size() > 2 * open_.size() + age_slack)
    std::erase_if(by_age_, [this](const sent& entry) { return !is_open(entry); });
  return request;
}

std::optional<asked> inflight::answered(std::uint64_t id) {
  auto request = take(id);
  if (!request)
    return std::nullopt;
  free_.push_back(id);
  while (!withdrawn_.empty() && withdrawn_.front().order <= request->order) {
    free_.insert(free_.begin(), withdrawn_.front().id); // last to be reused
    withdrawn_.pop_front();
  }
  return request;
}

std::optional<asked> inflight::withdraw(std::uint64_t id) {
  auto request = take(id);
  if (request)
    withdrawn_.push_back({id, next_order_});
  return request;
}

bool inflight::is_open(const sent& entry) const {
  const auto* request = find(entry.id);
  return request != nullptr && request->order == entry.order;
}

std::optional<inflight::aged> inflight::oldest() {
  while (!by_age_.empty()) {
    const auto& front = by_age_.front();
    if (is_open(front))
      return aged{front.id, front.sent_ms};
    by_age_.pop_front();
  }
  return std::nullopt;
}

std::vector<std::uint64_t> inflight::ids() const {
  std::vector<std::uint64_t> result;
  result.reserve(open_.size());
  for (const auto& entry : open_)
    result.push_back(entry.first);
  std::sort(result.begin(), result.end());
  return result;
}

} // namespace corestore::replication
