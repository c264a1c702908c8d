// What a slow peer owes while another one has nothing to do: asked for there as well, long before it counts as lost.
#include <algorithm>
#include <limits>

#include "replication/replicator_core.hpp"

namespace corestore::replication {

namespace {

constexpr std::size_t swaps_of_a_pass = 16;     ///< blocks that one idle peer takes over at a time
constexpr std::size_t requests_looked_at = 256; ///< of one slow peer in one pass
constexpr std::size_t peers_for_a_block = 3;    ///< as in the reference
constexpr std::uint64_t swap_ms_min = 200;      ///< younger requests stay where they are
constexpr std::uint64_t swap_ms_first = 100;    ///< between two passes; doubled while there is nobody to ask
constexpr std::uint64_t swap_ms_last = 2000;
constexpr std::uint64_t single_swap_ms_min = 500; ///< for what only one peer is asked at a time

constexpr std::uint64_t never = std::numeric_limits<std::uint64_t>::max();

} // namespace

/// Age at which a request of `slow` is better asked of a peer that answers after `best_ms`.
std::uint64_t replicator::implementation::stale_ms(const peer& slow, std::uint64_t best_ms) const {
  return std::max(swap_ms_min, std::min(4 * slow.pace.latency_ms() + swap_ms_min, 8 * best_ms + swap_ms_min));
}

std::uint64_t replicator::implementation::best_latency() const {
  auto best = never / 16;
  for (const auto& entry : peers) {
    if (may_ask(entry.second) && entry.second.pace.latency_ms() > 0)
      best = std::min(best, entry.second.pace.latency_ms());
  }
  return best == never / 16 ? swap_ms_min : best;
}

/// When the next request becomes stale; nothing while one peer at most may be asked.
std::optional<std::uint64_t> replicator::implementation::next_swap_ms() {
  const auto able =
    std::count_if(peers.begin(), peers.end(), [this](const auto& entry) { return may_ask(entry.second); });
  if (able < 1 || peers.size() < 2)
    return std::nullopt;
  const auto best = best_latency();
  std::optional<std::uint64_t> next;
  for (auto& entry : peers) {
    const auto oldest = entry.second.requests.oldest();
    const bool is_alone = able == 1 && may_ask(entry.second);
    if (oldest && !is_alone)
      next = std::min(next.value_or(never), oldest->sent_ms + stale_ms(entry.second, best));
  }
  return next ? std::optional{std::max(*next, swapped_ms + swap_wait_ms)} : std::nullopt;
}

void replicator::implementation::swap_stale(const log::log_source& source) {
  if (peers.size() < 2 || is_frozen() || now < swapped_ms + swap_wait_ms)
    return;
  swapped_ms = now;
  const auto best = best_latency();
  std::vector<std::uint64_t> blocks;
  std::vector<request_place> singles;
  for (auto& entry : peers) {
    auto& slow = entry.second;
    const auto age = stale_ms(slow, best);
    std::size_t seen = 0;
    slow.requests.for_oldest([&](std::uint64_t id, const asked& request) {
      if (request.sent_ms + age > now || ++seen > requests_looked_at)
        return false;
      if (request.kind == request_kind::block)
        blocks.push_back(request.wanted.block->index);
      else if (request.sent_ms + std::max(age, single_swap_ms_min) <= now)
        singles.push_back({slow.id, id});
      return true;
    });
  }
  bool is_moved = false;
  for (const auto& place : singles)
    is_moved = move_single(place) || is_moved;
  if (is_moved)
    settle(source);
  std::sort(blocks.begin(), blocks.end());
  for (auto& entry : peers)
    is_moved = (!blocks.empty() && take_over(entry.second, blocks, source)) || is_moved;
  swap_wait_ms = is_moved ? swap_ms_first : std::min(2 * swap_wait_ms, swap_ms_last);
}

/// `idle` is asked for blocks that others owe, if it has nothing better to do.
bool replicator::implementation::take_over(peer& idle, const std::vector<std::uint64_t>& blocks,
                                           const log::log_source& source) {
  const auto window = idle.pace.window(settings.in_flight_max);
  std::size_t taken = 0;
  const auto end = askable_end(idle);
  const auto oldest = idle.requests.oldest();
  if (oldest && oldest->sent_ms + stale_ms(idle, best_latency()) <= now)
    return false; // slow itself
  for (const auto index : blocks) {
    if (taken >= swaps_of_a_pass || !may_ask(idle) || !has_room(idle) || 2 * idle.requests.count() >= window)
      break;
    if (index >= end || !idle.has.test(index) || plan.is_asked_at(index, idle.id))
      continue;
    const auto places = plan.places(index).size();
    if (places == 0 || places >= peers_for_a_block || !ask_block(idle, index, 1, source))
      continue;
    ++idle.counts.hotswaps;
    ++taken;
  }
  return taken > 0;
}

/// Upgrades, seeks and fork searches go to one peer at a time: the slow one gives way if another one can serve.
bool replicator::implementation::move_single(request_place place) {
  auto* slow = find(place.peer);
  const auto* request = slow == nullptr ? nullptr : slow->requests.find(place.id);
  if (request == nullptr)
    return false;
  const bool is_upgrade = request->kind == request_kind::upgrade;
  const bool can_move = std::any_of(peers.begin(), peers.end(), [&](const auto& entry) {
    const auto& other = entry.second;
    if (other.id == place.peer || !may_ask(other) || !has_room(other) || other.theirs.fork != request->fork)
      return false;
    return !is_upgrade || (other.theirs.length > state.head.length && other.theirs.can_upgrade &&
                           other.length_acked == state.head.length);
  });
  if (!can_move)
    return false;
  withdraw(*slow, place.id);
  ++slow->counts.hotswaps;
  slow->ready_ms = std::max(slow->ready_ms, now + single_swap_ms_min); // the others are asked first
  return true;
}

} // namespace corestore::replication
