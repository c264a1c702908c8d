// What do we ask: whatever is missing, from a peer that announced it, never more than the peer may be asked (wire 5.5).
#include <algorithm>
#include <bit>
#include <cmath>
#include <tuple>
#include <utility>

#include "base/limits.hpp"
#include "log/flat_tree.hpp"
#include "log/prove.hpp"
#include "replication/replicator_core.hpp"

namespace corestore::replication {

namespace {

constexpr std::size_t request_bytes = 32;     ///< estimate of a request or want on the wire
constexpr std::size_t proof_bytes = 1024;     ///< estimate of an answer without a block
constexpr std::size_t wants_of_a_pass = 16;   ///< new segments in one pass over one peer
constexpr std::uint64_t segments_of_seek = 4; ///< segments asked about for one seek
constexpr std::size_t turns_of_a_second = 64; ///< unfinished segments that make room for others
constexpr double golden_share = 0.6180339887498949;

} // namespace

bool replicator::implementation::may_ask(const peer& whom) const {
  return whom.options.may_download && !is_push_only && whom.is_synced && whom.theirs.uploading && !whom.is_paused &&
         !whom.is_failed && whom.ready_ms <= now && stalled.is_over(now) && !is_reorg_pending;
}

std::size_t replicator::implementation::block_estimate() const {
  const auto& head = proven_head();
  return head.length == 0 ? proof_bytes : static_cast<std::size_t>(head.byte_length / head.length) + 64;
}

bool replicator::implementation::has_room(const peer& whom) const {
  const auto count = whom.requests.count();
  return count < whom.pace.window(std::min(settings.in_flight_max, limits::requests_in_flight_max)) &&
         (count == 0 || whom.requests.bytes() + block_estimate() <= settings.in_flight_bytes_max) &&
         plan.arrived_bytes() < uncommitted_bytes_max;
}

/// Blocks below this may be asked for without an upgrade.
std::uint64_t replicator::implementation::askable_end(const peer& whom) const {
  const auto& head = proven_head();
  if (whom.theirs.fork != head.fork || whom.provable_fork != head.fork)
    return 0;
  return whom.theirs.length >= head.length ? head.length : std::min(whom.theirs.length, whom.provable_length);
}

void replicator::implementation::pump(peer& whom, const log::log_source& source) {
  if (!may_ask(whom))
    return;
  ask_fork(whom, source);
  if (whom.theirs.fork != state.head.fork)
    return;
  ask_manifest(whom);
  ask_upgrade(whom);
  ask_seeks(whom, source);
  ask_wanted(whom, source);
  ask_downloads(whom, source);
}

std::uint64_t replicator::implementation::send_request(peer& whom, asked request, std::uint64_t priority) {
  request.sent_ms = now;
  request.epoch = epoch;
  request.wanted.manifest = whom.theirs.has_manifest && !knows_manifest();
  wire::request message{.id = 0, .fork = request.fork, .wanted = request.wanted, .priority = priority};
  message.id = whom.requests.add(std::move(request));
  whom.asking.push_back(std::move(message));
  return whom.asking.back().id;
}

/// Gives a request up and tells the peer, unless it was not even sent.
void replicator::implementation::withdraw(peer& whom, std::uint64_t id) {
  const auto request = whom.requests.withdraw(id);
  if (!request)
    return;
  release(whom, id, *request);
  if (std::erase_if(whom.asking, [id](const auto& waiting) { return waiting.id == id; }) == 0)
    post(whom, wire::cancel{id}, request_bytes);
}

/// For a core of which only the key is known, when no upgrade will bring the manifest along.
void replicator::implementation::ask_manifest(peer& whom) {
  if (knows_manifest() || is_manifest_pending || manifest_request || !whom.theirs.has_manifest ||
      whom.theirs.length > 0 || pending_head)
    return;
  const auto id = send_request(
    whom, {.kind = request_kind::manifest, .wanted = {}, .fork = state.head.fork, .bytes = proof_bytes}, 0);
  manifest_request = request_place{whom.id, id};
}

bool replicator::implementation::is_upgrade_useful(const peer& whom) const {
  if (settings.is_eager)
    return true;
  const auto length = state.head.length;
  const auto& waiting = plan.unassigned();
  const auto next = waiting.lower_bound(length);
  return (next != waiting.end() && *next < whom.theirs.length) ||
         std::any_of(plan.downloads.begin(), plan.downloads.end(),
                     [length](const auto& entry) { return entry.second.range.end > length; }) ||
         std::any_of(plan.seeks.begin(), plan.seeks.end(),
                     [this](const auto& entry) { return entry.second.bytes >= state.head.byte_length; });
}

/// One upgrade in flight for each core; a block or a position beyond our length rides along.
void replicator::implementation::ask_upgrade(peer& whom) {
  const auto length = state.head.length;
  const auto& theirs = whom.theirs;
  if (upgrade || search || pending_head || theirs.length <= length || !theirs.can_upgrade ||
      whom.length_acked != length || !has_room(whom) || !is_upgrade_useful(whom))
    return;
  asked request{.kind = request_kind::upgrade, .wanted = {}, .fork = theirs.fork, .bytes = proof_bytes};
  request.wanted.upgrade = log::upgrade_request{length, theirs.length - length};
  const auto rider = [&]() -> std::optional<std::uint64_t> {
    const auto& waiting = plan.unassigned();
    for (auto next = waiting.lower_bound(length); next != waiting.end() && *next < theirs.length; ++next) {
      if (whom.has.test(*next))
        return *next;
    }
    // The first one of a download that goes on: it continues what is stored without a gap.
    for (const auto& [id, wanted] : plan.downloads) {
      const auto first = whom.has.first_set({std::max(length, wanted.range.start), theirs.length});
      if (wanted.range.end == UINT64_MAX && first && plan.is_free(*first))
        return first;
    }
    return std::nullopt;
  }();
  request_plan::seek* seeking = nullptr;
  if (rider) {
    request.wanted.block = log::block_request{*rider, 0};
    request.bytes += block_estimate();
  } else {
    for (auto& [id, seek] : plan.seeks) {
      if (seek.place.id != 0 || seek.is_verified || seek.bytes < state.head.byte_length || !whom.options.remote_seeks)
        continue;
      seeking = &seek;
      request.seek = id;
      request.wanted.seek = log::seek_request{seek.bytes, seek.padding};
      break;
    }
  }
  const request_place place{whom.id, send_request(whom, std::move(request), rider && plan.is_wanted(*rider) ? 1 : 0)};
  upgrade = place;
  if (rider)
    plan.asked(*rider, place);
  if (seeking != nullptr)
    seeking->place = place;
}

/// Blocks that somebody waits for. A pass that found nothing is not repeated until there is something new.
void replicator::implementation::ask_wanted(peer& whom, const log::log_source& source) {
  const auto end = askable_end(whom);
  const std::tuple seen{plan.wanted_version(), whom.knowledge, end};
  if (plan.unassigned().empty() || whom.wanted_seen == seen)
    return;
  // Where the last pass could not ask for a segment, this one begins; then it wraps around.
  const auto resumed = std::exchange(whom.resumed_block, 0);
  bool is_wrapped = resumed == 0;
  auto position = resumed;
  while (has_room(whom)) {
    const auto next = plan.unassigned().lower_bound(position);
    const bool is_end = next == plan.unassigned().end() || *next >= whom.theirs.length;
    if (is_end ? is_wrapped : is_wrapped && resumed > 0 && *next >= resumed) {
      whom.wanted_seen = seen;
      return;
    }
    if (is_end) {
      is_wrapped = true;
      position = 0;
      continue;
    }
    const auto index = *next;
    position = index + 1;
    if (!whom.has.test(index)) {
      const auto segment = index / segment_blocks;
      const auto segment_end = (segment + 1) * segment_blocks;
      ask_segment(whom, segment);
      if (!whom.told.contains(segment) && whom.resumed_block == 0)
        whom.resumed_block = index;
      position = whom.has.first_set({index, segment_end}).value_or(segment_end);
    } else if (index < end) {
      ask_block(whom, index, 1, source);
    }
  }
}

/// Refills when half of the window is empty, so that requests travel in groups.
void replicator::implementation::ask_downloads(peer& whom, const log::log_source& source) {
  const auto window = whom.pace.window(std::min(settings.in_flight_max, limits::requests_in_flight_max));
  if (plan.downloads.empty() || whom.requests.count() * 2 > window ||
      (whom.requests.count() > 1 && whom.requests.bytes() * 2 > settings.in_flight_bytes_max))
    return;
  const auto end = askable_end(whom);
  const auto knowledge = whom.knowledge + plan.loss_version();
  const auto share = std::fmod(static_cast<double>(whom.ordinal) * golden_share, 1.0);
  // Another download comes first each time, so that none waits for the end of the one before it.
  auto next = plan.downloads.upper_bound(whom.last_download);
  for (std::size_t i = 0; i < plan.downloads.size(); ++i, ++next) {
    if (next == plan.downloads.end())
      next = plan.downloads.begin();
    const auto& [id, download] = *next;
    whom.last_download = id;
    auto& at = whom.scans[id];
    const auto start_share = download.is_linear || peers.size() == 1 ? 0.0 : share;
    while (has_room(whom)) {
      const auto index = plan.next_block(at, download, end, whom.has, start_share, knowledge);
      if (!index)
        break;
      if (!ask_block(whom, *index, 0, source))
        return;
    }
    if (!has_room(whom))
      return;
    const log::block_range known{std::max(download.range.start, whom.walked_block), std::min(download.range.end, end)};
    for (std::size_t want = 0; want < wants_of_a_pass; ++want) {
      const auto segment = plan.unknown_segment(known, whom.has, whom.told);
      if (!segment) {
        whom.walked_block = 0;
        break;
      }
      ask_segment(whom, *segment);
      if (!whom.told.contains(*segment))
        break;
      if (whom.segments.size() >= limits::wants_max)
        whom.walked_block = (*segment + 1) * segment_blocks;
    }
  }
}

bool replicator::implementation::ask_block(peer& whom, std::uint64_t index, std::uint64_t priority,
                                           const log::log_source& source) {
  const overlay_source nodes{source, fresh};
  asked request{.kind = request_kind::block, .wanted = {}, .fork = state.head.fork, .bytes = block_estimate()};
  auto& levels = request.wanted.block.emplace(log::block_request{index, 0}).nodes;
  // Once the block before this one is proven, every right sibling on its path is known; one of them spans the blocks
  // from `index` on, as many levels up as `index` has trailing zero bits. Answers of one peer come in order.
  const bool is_chain = index > 0 && whom.chain_failures < chain_failures_max && plan.is_asked_at(index - 1, whom.id);
  if (is_chain) {
    const auto height = static_cast<std::uint64_t>(std::countr_zero(index));
    auto position = 2 * index;
    while (levels < height && !nodes.node_at(position).value_or(std::nullopt)) {
      position = log::flat_tree::parent(position);
      ++levels;
    }
    request.is_chained = levels == height;
  } else {
    const auto missing = log::missing_nodes(proven_head(), nodes, 2 * index);
    if (!missing)
      return false;
    levels = *missing;
  }
  plan.asked(index, {whom.id, send_request(whom, std::move(request), priority)});
  return true;
}

/// Room for one more segment: the oldest one goes, at once if nothing is missing in it, otherwise only so often that
/// a log of very many segments is walked through slowly.
bool replicator::implementation::make_room(peer& whom) {
  if (whom.segments.size() < limits::wants_max)
    return true;
  const auto oldest = whom.segments.front();
  const log::block_range blocks{oldest * segment_blocks, std::min(state.head.length, (oldest + 1) * segment_blocks)};
  if (!state.bits.all_set(blocks)) {
    if (now >= whom.turned_ms + wants_turn_ms) {
      whom.turned_ms = now;
      whom.turns_left = turns_of_a_second;
    }
    if (whom.turns_left == 0) {
      whom.is_turn_due = true;
      return false;
    }
    --whom.turns_left;
  }
  post(whom, wire::unwant{oldest * segment_blocks, segment_blocks, false}, request_bytes);
  whom.segments.pop_front();
  whom.told.erase(oldest);
  return true;
}

/// Asks to hear of a whole segment.
void replicator::implementation::ask_segment(peer& whom, std::uint64_t segment) {
  if (whom.told.contains(segment) || !make_room(whom))
    return;
  whom.segments.push_back(segment);
  whom.told.insert(segment);
  post(whom, wire::want{segment * segment_blocks, segment_blocks, false}, request_bytes);
}

void replicator::implementation::ask_seeks(peer& whom, const log::log_source& source) {
  for (auto& [id, seek] : plan.seeks) {
    if (!has_room(whom))
      return;
    if (seek.place.id == 0 && !seek.is_verified)
      ask_seek(whom, id, seek, source);
  }
}

/// The path of one block below the smallest node that holds the position, and the seek itself if the peer knows how.
bool replicator::implementation::ask_seek(peer& whom, seek_id id, request_plan::seek& seek,
                                          const log::log_source& source) {
  const auto found = log::seek(state.head, source, seek.bytes, seek.padding);
  if (!found || found->is_found)
    return false;
  const auto range = found->candidates;
  const auto span = range.end - range.start;
  if (range.start >= range.end || range.end > askable_end(whom) || !std::has_single_bit(span) ||
      range.start % span != 0)
    return false;
  const auto first = range.start + seek.attempts * (span / 2 + 1) % span;
  auto block = whom.has.first_set({first, range.end});
  if (!block)
    block = whom.has.first_set({range.start, first});
  if (!block) {
    const auto segment = range.start / segment_blocks;
    const auto end = std::min((range.end - 1) / segment_blocks + 1, segment + segments_of_seek);
    for (auto i = segment; i < end; ++i)
      ask_segment(whom, i);
    return false;
  }
  ++seek.attempts;
  asked request{.kind = request_kind::seek, .wanted = {}, .fork = state.head.fork, .bytes = proof_bytes, .seek = id};
  request.wanted.hash = log::hash_request{2 * *block, static_cast<std::uint64_t>(std::countr_zero(span))};
  if (whom.options.remote_seeks)
    request.wanted.seek = log::seek_request{seek.bytes, seek.padding};
  seek.place = {whom.id, send_request(whom, std::move(request), 1)};
  return true;
}

} // namespace corestore::replication
