#include "storage/journal_index.hpp"

#include <algorithm>
#include <mutex>

#include "storage/journal_format.hpp"

namespace corestore::storage {

namespace {

std::uint32_t key_of(log::core_number number) {
  return static_cast<std::uint32_t>(number);
}

} // namespace

journal_index::view_range journal_index::visible(const entries& all, transaction view) {
  auto first =
    std::partition_point(all.begin(), all.end(), [view](const versioned& entry) { return entry.folded <= view; });
  auto end = std::partition_point(first, all.end(), [view](const versioned& entry) { return entry.added <= view; });
  return {first, end};
}

std::optional<journal_index::place> journal_index::find(log::core_number number, std::uint64_t block,
                                                        transaction view) const {
  auto found = find_from(number, block, view);
  return found && found->first <= block ? found : std::nullopt;
}

std::optional<journal_index::place> journal_index::find_from(log::core_number number, std::uint64_t block,
                                                             transaction view) const {
  std::shared_lock guard{mutex_};
  auto core = cores_.find(key_of(number));
  if (core == cores_.end())
    return std::nullopt;
  auto [first, end] = visible(core->second, view);
  auto found = std::partition_point(first, end, [block](const versioned& entry) { return entry.where.end <= block; });
  return found == end ? std::nullopt : std::optional{found->where};
}

std::optional<journal_index::place> journal_index::newest(log::core_number number, transaction view) const {
  std::shared_lock guard{mutex_};
  auto core = cores_.find(key_of(number));
  if (core == cores_.end())
    return std::nullopt;
  auto [first, end] = visible(core->second, view);
  return first == end ? std::nullopt : std::optional{std::prev(end)->where};
}

std::vector<journal_index::place> journal_index::live(log::core_number number) const {
  std::vector<place> places;
  std::shared_lock guard{mutex_};
  if (auto core = cores_.find(key_of(number)); core != cores_.end())
    for (const auto& entry : core->second)
      if (entry.folded == never)
        places.push_back(entry.where);
  return places;
}

void journal_index::add(log::core_number number, std::uint64_t first, std::uint64_t end, std::size_t size,
                        transaction when) {
  std::unique_lock guard{mutex_};
  cores_[key_of(number)].push_back({{next_sequence(), first, end}, static_cast<std::uint32_t>(size), when, never});
  entries_.fetch_add(1, std::memory_order_release);
  order_.push_back(number);
  ++live_entries_;
  live_bytes_ += size;
}

void journal_index::start_at(std::uint64_t sequence) {
  base_ = sequence;
}

void journal_index::skip() {
  order_.push_back(nobodys_core);
}

void journal_index::take_from_order(const versioned& entry) {
  order_[entry.where.sequence - base_] = nobodys_core;
  --live_entries_;
  live_bytes_ -= entry.size;
}

void journal_index::fold(log::core_number number, transaction when, std::size_t count) {
  std::unique_lock guard{mutex_};
  auto core = cores_.find(key_of(number));
  if (core == cores_.end())
    return;
  for (auto& entry : core->second) {
    if (entry.folded != never)
      continue;
    if (count-- == 0)
      break;
    entry.folded = when;
    take_from_order(entry);
  }
  folded_.push_back(number);
}

void journal_index::undo(transaction when) {
  std::unique_lock guard{mutex_};
  for (auto core = cores_.begin(); core != cores_.end();) {
    auto& all = core->second;
    for (auto& entry : all) {
      if (entry.folded != when)
        continue;
      entry.folded = never;
      order_[entry.where.sequence - base_] = log::core_number{core->first};
      ++live_entries_;
      live_bytes_ += entry.size;
    }
    while (!all.empty() && all.back().added == when) {
      take_from_order(all.back());
      all.pop_back();
      entries_.fetch_sub(1, std::memory_order_release);
    }
    core = all.empty() ? cores_.erase(core) : std::next(core);
  }
  order_.resize(mark_ - base_); // those numbers are given again
  front_ = 0;
}

void journal_index::settle() {
  pass_folded();
  order_.erase(order_.begin(), order_.begin() + static_cast<std::ptrdiff_t>(front_));
  base_ += front_;
  front_ = 0;
}

void journal_index::forget(transaction oldest) {
  if (folded_.empty())
    return;
  std::unique_lock guard{mutex_};
  std::erase_if(folded_, [&](log::core_number number) {
    auto core = cores_.find(key_of(number));
    if (core == cores_.end())
      return true;
    auto& all = core->second;
    auto dropped = std::erase_if(all, [oldest](const versioned& entry) { return entry.folded <= oldest; });
    entries_.fetch_sub(dropped, std::memory_order_release);
    auto is_done = std::all_of(all.begin(), all.end(), [](const versioned& entry) { return entry.folded == never; });
    if (all.empty())
      cores_.erase(core);
    return is_done;
  });
}

void journal_index::renumber() {
  forget(never - 1);
  std::unique_lock guard{mutex_};
  for (auto& [number, all] : cores_)
    for (auto& entry : all)
      entry.added = 0;
}

void journal_index::pass_folded() {
  while (front_ < order_.size() && order_[front_] == nobodys_core)
    ++front_;
}

std::optional<log::core_number> journal_index::oldest_core() {
  pass_folded();
  return front_ < order_.size() ? std::optional{order_[front_]} : std::nullopt;
}

std::uint64_t journal_index::first_live() {
  pass_folded();
  return base_ + front_;
}

} // namespace corestore::storage
