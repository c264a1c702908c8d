// A core of generation 9 that leaves the memory: what is known of its peers goes with their connections.
#include <algorithm>

#include "replication/legacy/replicator_core.hpp"

namespace corestore::replication::legacy {

namespace {

/// Stretches of new blocks that a peer is told of when its core comes back.
constexpr std::size_t news_max = 64;

} // namespace

struct parked_peer {
  peer state;
  std::uint64_t length = 0; ///< of ours when it was parked
  std::uint64_t contiguous_length = 0;
};

/// A peer that may still hear that we want nothing more of it waits for its timer.
bool replicator::is_quiet() const {
  const auto& self = *implementation_;
  if (self.growing || !self.stalled.is_over(self.now) || self.plan.arrived_count() > 0)
    return false;
  return std::all_of(self.peers.begin(), self.peers.end(), [&](const auto& entry) {
    const auto& who = entry.second;
    if (who.is_failed)
      return true;
    const bool is_waiting = self.wants_anything() && who.ready_ms > self.now;
    const bool owes_status = who.told_downloading && self.is_resting(who);
    return !is_waiting && !owes_status && who.questions.empty() && who.queue.empty() && who.regions_open == 0;
  });
}

bool replicator::is_known_to_peers() const {
  return true;
}

bool replicator::is_missed(peer_id peer) const {
  const auto& self = *implementation_;
  auto found = self.peers.find(peer);
  if (found == self.peers.end() || found->second.is_failed)
    return false;
  const auto& who = found->second;
  return who.options.may_download && who.is_uploading && !who.is_downloading && self.wants_anything();
}

parked_peer_ptr replicator::park_peer(peer_id peer) {
  auto& self = *implementation_;
  const auto found = self.peers.find(peer);
  if (found == self.peers.end())
    return nullptr;
  auto parked = std::make_shared<parked_peer>();
  parked->state = std::move(found->second);
  parked->length = self.state.head.length;
  parked->contiguous_length = self.state.contiguous_length();
  self.peers.erase(found);
  return parked;
}

void replicator::unpark_peer(peer_id peer, peer_options options, const parked_peer_ptr& parked,
                             const log::log_source& source, std::uint64_t now_ms) {
  if (!parked) {
    add_peer(peer, options, source, now_ms);
    return;
  }
  auto& self = *implementation_;
  self.now = now_ms;
  const auto [entry, is_new] = self.peers.try_emplace(peer, std::move(parked->state));
  if (!is_new)
    return;
  auto& back = entry->second;
  back.id = peer;
  const auto was_switched =
    back.told_uploading != options.may_upload || back.options.may_download != options.may_download;
  back.options = options;
  back.ordinal = self.ordinals++;
  back.scans.clear(); // of wishes that are gone
  back.last_seek.reset();
  if (was_switched)
    self.tell_status(back, options.may_download && self.wants_anything());
  // Every name that we use has its number in the list that was told last: that list is gone.
  if (!self.named.empty())
    self.tell_extensions(back);
  const auto length = self.state.head.length;
  const auto is_changed = length != parked->length || self.state.contiguous_length() != parked->contiguous_length;
  auto next = is_changed ? std::min(parked->contiguous_length, length) : length;
  for (std::size_t said = 0; back.is_listening && next < length && said < news_max; ++said) {
    const auto first = self.state.bits.first_set({next, length});
    if (!first)
      break;
    next = self.state.bits.first_unset({*first, length}).value_or(length);
    self.post(back, have{.start = *first, .length = next - *first, .bitfield = {}, .ack = false});
  }
  self.settle(source);
}

} // namespace corestore::replication::legacy
