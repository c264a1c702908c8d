#include "actors/group_board.hpp"

#include <algorithm>
#include <utility>

namespace corestore::actors {

bool group_board::put(const corestore::discovery_key& core, const change& newest) {
  std::lock_guard guard{mutex_};
  if (changes_.size() < changes_max || changes_.contains(core))
    changes_[core] = {++last_number_, newest};
  else if (crowded_.size() < topics_max || crowded_.contains(newest.topic))
    crowded_.insert(newest.topic);
  else
    is_overrun_ = true;
  return !std::exchange(is_announced_, true);
}

std::vector<group_board::entry> group_board::take() {
  std::lock_guard guard{mutex_};
  std::vector<std::pair<std::uint64_t, entry>> ordered;
  ordered.reserve(changes_.size());
  for (const auto& [core, known] : changes_)
    ordered.push_back({known.number, {core, known.newest}});
  std::sort(ordered.begin(), ordered.end(),
            [](const auto& left, const auto& right) { return left.first < right.first; });
  std::vector<entry> taken;
  taken.reserve(ordered.size() + crowded_.size() + 1);
  for (auto& [number, what] : ordered)
    taken.push_back(std::move(what));
  for (const auto& topic : crowded_)
    taken.push_back({{}, {topic, {}, 0, 0}});
  if (is_overrun_)
    taken.emplace_back();
  changes_.clear();
  crowded_.clear();
  is_overrun_ = is_announced_ = false;
  return taken;
}

} // namespace corestore::actors
