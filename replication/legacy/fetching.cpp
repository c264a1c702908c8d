// What we ask, and what came back.
#include <algorithm>
#include <cmath>
#include <utility>

#include "base/limits.hpp"
#include "log/flat_tree.hpp"
#include "log/hash_batches.hpp"
#include "log/prove.hpp"
#include "replication/legacy/replicator_core.hpp"

namespace corestore::replication::legacy {

namespace {

constexpr double golden_share = 0.6180339887498949;

bool is_about_proof(ec code) {
  return code == ec::invalid_signature || code == ec::invalid_proof || code == ec::conflict;
}

} // namespace

bool replicator::implementation::may_ask(const peer& whom) const {
  return whom.options.may_download && whom.is_uploading && !whom.is_failed && !is_push_only && now >= whom.ready_ms &&
         stalled.is_over(now) && plan.arrived_bytes() < uncommitted_bytes_max && !state.header.is_frozen;
}

bool replicator::implementation::has_room(const peer& whom) const {
  auto estimate = head.length == 0 ? 1 : head.byte_length / head.length + 1;
  return whom.questions.size() < std::min(settings.in_flight_max, in_flight_ceiling) &&
         (whom.questions.empty() || whom.questions.size() * estimate < settings.in_flight_bytes_max);
}

void replicator::implementation::pump(peer& whom, const log::log_source& source) {
  if (!may_ask(whom) || !wants_anything())
    return;
  ask_regions(whom);
  ask_wanted(whom, source);
  ask_seeks(whom, source);
  ask_downloads(whom, source);
  ask_growth(whom, source);
  if (!whom.questions.empty() || whom.regions_open > 0)
    whom.busy_ms = now;
}

void replicator::implementation::ask_region(peer& whom, std::uint64_t block) {
  auto start = block / region_blocks * region_blocks;
  if (whom.regions_open >= regions_open_max || !whom.regions.insert(start).second)
    return;
  if (!whom.told_downloading)
    tell_status(whom, true);
  ++whom.regions_open;
  post(whom, want{start, region_blocks});
}

/// Regions of what somebody waits for, then those of the downloads, then the first one in any case.
void replicator::implementation::ask_regions(peer& whom) {
  for (auto index : plan.unassigned()) {
    if (whom.regions_open >= regions_open_max)
      return;
    ask_region(whom, index);
  }
  for (const auto& [id, wanted] : plan.downloads) {
    auto end = std::min(wanted.range.end, whom.length);
    for (auto start = wanted.range.start; start < end && whom.regions_open < regions_open_max; start += region_blocks)
      ask_region(whom, start);
  }
  ask_region(whom, 0);
}

void replicator::implementation::ask(peer& whom, request said, std::optional<std::uint64_t> seek,
                                     const log::log_source& source) {
  if (!whom.told_downloading)
    tell_status(whom, true);
  if (said.bytes == 0) {
    overlay_source overlay{source, fresh};
    auto nodes = known(overlay);
    said.nodes = log::legacy::digest_of(nodes, said.index, 2 * head.length);
    if (said.hash && said.nodes == 1)
      said.nodes = 0; // the leaf is known, but what is wanted is the signature above it
  }
  whom.questions[said.index] = {said.hash, now, epoch, seek};
  if (!said.hash && !seek)
    plan.asked(said.index, {whom.id, said.index});
  post(whom, said);
}

void replicator::implementation::ask_wanted(peer& whom, const log::log_source& source) {
  std::vector<std::uint64_t> chosen;
  for (auto index : plan.unassigned()) {
    if (whom.questions.size() + chosen.size() >= in_flight_ceiling)
      break;
    if (whom.has.test(index) && !whom.questions.contains(index))
      chosen.push_back(index);
  }
  for (auto index : chosen)
    ask(whom, {.index = index}, {}, source);
}

void replicator::implementation::ask_downloads(peer& whom, const log::log_source& source) {
  auto share = std::fmod(static_cast<double>(whom.ordinal) * golden_share, 1.0);
  for (const auto& [id, wanted] : plan.downloads) {
    auto start_share = wanted.is_linear || peers.size() == 1 ? 0.0 : share;
    while (has_room(whom)) {
      auto index = plan.next_block(whom.scans[id], wanted, whom.length, whom.has, start_share,
                                   whom.knowledge + plan.loss_version());
      if (!index)
        break;
      if (!whom.questions.contains(*index))
        ask(whom, {.index = *index}, {}, source);
    }
  }
}

/// A longer log is proven by any hash of it; downloads that reach past our end bring the proof by themselves.
void replicator::implementation::ask_growth(peer& whom, const log::log_source& source) {
  if (!follows_growth() || growing || whom.length <= head.length)
    return;
  auto reaches = [&](const auto& entry) {
    return entry.second.range.end > head.length && entry.second.range.start < whom.length;
  };
  if (std::any_of(plan.downloads.begin(), plan.downloads.end(), reaches))
    return;
  auto index = whom.length - 1;
  if (!whom.has.test(index))
    index = whom.has.first_set({head.length, whom.length}).value_or(index);
  if (!whom.has.test(index) || whom.questions.contains(index))
    return;
  growing = request_place{whom.id, index};
  ask(whom, {.index = index, .hash = true}, {}, source);
}

/// The block that holds a position, found by the peer. Its size is what tells where the position lies.
void replicator::implementation::ask_seeks(peer& whom, const log::log_source& source) {
  for (auto& [id, wanted] : plan.seeks) {
    if (wanted.place.id != 0 || wanted.is_verified || wanted.attempts >= seek_attempts_max || head.length == 0)
      continue;
    auto found = log::seek(state.head, source, wanted.bytes);
    if (!found || found->is_found)
      continue;
    auto range = found->candidates;
    range.end = std::min(range.end, head.length);
    auto index = range.start < range.end ? whom.has.first_set(range) : std::nullopt;
    if (!index || whom.questions.contains(*index))
      continue;
    ++wanted.attempts;
    wanted.place = {whom.id, id};
    ask(whom, {.index = *index, .bytes = wanted.bytes}, id, source);
  }
}

// -- what came back

void replicator::implementation::release(peer& from, std::uint64_t index, const question& asked) {
  if (asked.seek) {
    if (auto wanted = plan.seeks.find(*asked.seek); wanted != plan.seeks.end())
      wanted->second.place = {};
  } else if (!asked.is_hash_only) {
    plan.lost(index, {from.id, index});
  }
  if (growing == request_place{from.id, index})
    growing.reset();
}

void replicator::implementation::release_all(peer& from) {
  for (const auto& [index, asked] : std::exchange(from.questions, {}))
    release(from, index, asked);
}

/// The leaves of all blocks that came together: side by side they cost a third of what they cost one by one.
void replicator::implementation::hash_ahead(const peer& from, std::vector<message>& messages) {
  std::vector<log::open_leaf> open;
  for (auto& one : messages) {
    auto* said = std::get_if<data>(&one);
    if (said != nullptr && said->value && from.questions.contains(said->index))
      open.push_back({said->value->view(), &said->leaf});
  }
  if (open.size() > 1)
    log::fill_leaves(open, log::generation::g9);
}

void replicator::implementation::on_data(peer& from, data said, const log::log_source& source) {
  auto asked = from.questions.find(said.index);
  if (asked == from.questions.end()) // the answer to a seek names the block that was found
    asked = std::find_if(from.questions.begin(), from.questions.end(),
                         [](const auto& one) { return one.second.seek.has_value(); });
  std::optional<question> answered;
  if (asked != from.questions.end()) {
    answered = asked->second;
    auto index = asked->first;
    from.questions.erase(asked);
    release(from, index, *answered);
  } else if (!is_push_allowed) {
    if (from.is_listening && said.value && !state.bits.test(said.index))
      post(from, unhave{said.index, 1});
    return;
  }
  from.busy_ms = now;
  overlay_source overlay{source, fresh};
  auto advanced = head;
  log::legacy::answer_verifier verifier{state.header.key, advanced, overlay};
  auto verified = verifier.verify(said);
  if (!verified) {
    if (answered && answered->epoch != epoch)
      return; // it leans on nodes that were lost since
    if (is_about_proof(verified.error().code)) {
      from.has.clear({said.index, said.index + 1});
      on_wrong(from, verified.error());
    } else {
      stalled.failed(now); // our own disk
    }
    return;
  }
  head = std::move(advanced);
  if (answered && answered->seek)
    if (auto wanted = plan.seeks.find(*answered->seek); wanted != plan.seeks.end())
      wanted->second.is_verified = true;
  keep(from, std::move(*verified));
}

void replicator::implementation::keep(peer& from, log::verification verified) {
  for (const auto& node : verified.nodes)
    fresh.insert_or_assign(node.index, node);
  if (verified.block) {
    auto index = verified.block->index;
    auto size = verified.block->value.size();
    if (state.bits.test(index) || plan.has_arrived(index)) {
      verified.block.reset();
    } else {
      for (const auto& other : plan.arrived(index, {from.id, index}, size))
        if (auto* slower = find(other.peer))
          slower->questions.erase(index);
      ++from.counts.blocks_downloaded;
      from.counts.bytes_downloaded += size;
    }
  }
  out.verified.push_back(std::move(verified));
}

void replicator::implementation::on_wrong(peer& from, const error& reason) {
  ++from.counts.invalid_data;
  out.events.emplace_back(invalid_data{from.id, reason});
  if (++from.invalid_data >= invalid_data_max || reason.code == ec::conflict)
    fail_peer(from, reason.code, reason.detail);
}

void replicator::implementation::expire(peer& from) {
  bool is_late = false;
  for (auto position = from.questions.begin(); position != from.questions.end();) {
    if (position->second.sent_ms + settings.request_ms_max > now) {
      ++position;
      continue;
    }
    auto [index, asked] = *position;
    position = from.questions.erase(position);
    from.has.clear({index, index + 1}); // it did not answer for this one; it may announce it again
    release(from, index, asked);
    ++from.counts.timeouts;
    is_late = true;
  }
  if (is_late)
    from.ready_ms = now + late_ms;
}

/// Nothing is under way and nothing of what it has is missing here.
bool replicator::implementation::is_resting(const peer& of) const {
  if (!of.questions.empty() || of.regions_open > 0)
    return false;
  if (!may_ask(of) || !wants_anything())
    return true;
  if (!of.has_answered || plan.arrived_count() > 0)
    return false;
  if (follows_growth() && of.length > head.length)
    return false;
  auto is_missing_here = [&](std::uint64_t index) {
    return of.has.test(index);
  };
  return std::none_of(plan.unassigned().begin(), plan.unassigned().end(), is_missing_here);
}

} // namespace corestore::replication::legacy
