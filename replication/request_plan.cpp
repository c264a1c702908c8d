#include "replication/request_plan.hpp"

#include <algorithm>

#include "replication/want_set.hpp"

namespace corestore::replication {

void request_plan::want(std::uint64_t index) {
  if (wanted_[index]++ == 0)
    release(index);
}

bool request_plan::drop(std::uint64_t index) {
  const auto found = wanted_.find(index);
  if (found == wanted_.end())
    return false;
  if (--found->second > 0)
    return false;
  wanted_.erase(found);
  unassigned_.erase(index);
  return true;
}

bool request_plan::is_downloaded(std::uint64_t index) const {
  return std::any_of(downloads.begin(), downloads.end(), [index](const auto& entry) {
    return entry.second.range.start <= index && index < entry.second.range.end;
  });
}

std::optional<std::uint64_t> request_plan::next_block(scan& at, const download& wanted, std::uint64_t end,
                                                      const remote_bitfield& theirs, double start_share,
                                                      std::uint64_t knowledge) const {
  const auto start = wanted.range.start;
  end = std::min(end, wanted.range.end);
  if (start >= end)
    return std::nullopt;
  if (!at.is_begun || at.version != knowledge || at.end != end) {
    if (!at.is_begun)
      at.cursor = start + static_cast<std::uint64_t>(static_cast<double>(end - start) * start_share);
    if (wanted.is_linear || at.cursor >= end || at.cursor < start)
      at.cursor = start;
    at = {true, at.cursor, end - start, end, knowledge};
  }
  const auto advance = [&at](std::uint64_t to) {
    at.left -= std::min(at.left, to - at.cursor);
    at.cursor = to;
  };
  while (at.left > 0) {
    if (at.cursor >= end)
      at.cursor = start;
    const auto stop = std::min(end, at.cursor + at.left);
    const auto next = candidate({at.cursor, stop}, theirs);
    advance(next ? *next + 1 : stop);
    if (next && is_free(*next))
      return next;
  }
  return std::nullopt;
}

/// First block of `range` that is missing here and known there.
std::optional<std::uint64_t> request_plan::candidate(log::block_range range, const remote_bitfield& theirs) const {
  auto position = range.start;
  while (const auto missing = bits_.first_unset({position, range.end})) {
    if (theirs.test(*missing))
      return missing;
    const auto known = theirs.first_set({*missing, range.end});
    if (!known)
      return std::nullopt;
    position = *known;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> request_plan::unknown_segment(log::block_range range, const remote_bitfield& theirs,
                                                           const std::set<std::uint64_t>& told) const {
  auto position = range.start;
  while (position < range.end) {
    const auto segment = position / segment_blocks;
    const auto stop = std::min(range.end, (segment + 1) * segment_blocks);
    while (position < stop && !told.contains(segment)) {
      const auto missing = bits_.first_unset({position, stop});
      if (!missing)
        break;
      if (!theirs.test(*missing))
        return segment;
      position = theirs.first_unset({*missing, stop}).value_or(stop);
    }
    position = stop;
  }
  return std::nullopt;
}

void request_plan::asked(std::uint64_t index, request_place where) {
  asked_[index].push_back(where);
  unassigned_.erase(index);
}

void request_plan::lost(std::uint64_t index, request_place where) {
  const auto found = asked_.find(index);
  if (found == asked_.end())
    return;
  std::erase(found->second, where);
  if (!found->second.empty())
    return;
  asked_.erase(found);
  ++loss_version_;
  release(index);
}

std::vector<request_place> request_plan::arrived(std::uint64_t index, request_place where, std::uint64_t size) {
  std::vector<request_place> others;
  if (const auto found = asked_.find(index); found != asked_.end()) {
    others = std::move(found->second);
    std::erase(others, where);
    asked_.erase(found);
  }
  unassigned_.erase(index);
  if (arrived_.emplace(index, arrival{where.peer, size}).second)
    arrived_bytes_ += size;
  return others;
}

std::optional<request_plan::arrival> request_plan::committed(std::uint64_t index) {
  unassigned_.erase(index);
  const auto found = arrived_.find(index);
  if (found == arrived_.end())
    return std::nullopt;
  const auto result = found->second;
  arrived_bytes_ -= result.size;
  arrived_.erase(found);
  return result;
}

void request_plan::rejected(std::uint64_t index) {
  if (!committed(index))
    return;
  ++loss_version_;
  release(index);
}

std::vector<request_place> request_plan::places(std::uint64_t index) const {
  const auto found = asked_.find(index);
  return found == asked_.end() ? std::vector<request_place>{} : found->second;
}

bool request_plan::is_asked_at(std::uint64_t index, std::uint64_t peer) const {
  const auto found = asked_.find(index);
  return found != asked_.end() && std::any_of(found->second.begin(), found->second.end(),
                                              [peer](const auto& place) { return place.peer == peer; });
}

void request_plan::reset_arrived() {
  arrived_.clear();
  arrived_bytes_ = 0;
  refresh_wanted();
}

void request_plan::refresh_wanted() {
  ++loss_version_;
  for (const auto& entry : wanted_)
    release(entry.first);
}

void request_plan::release(std::uint64_t index) {
  if (!wanted_.contains(index) || bits_.test(index) || !is_free(index))
    return;
  if (unassigned_.insert(index).second)
    ++wanted_version_;
}

} // namespace corestore::replication
