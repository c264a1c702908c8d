// A core that leaves the memory takes nothing from its peers: what is known of each goes with the connection, and comes
// back with it.
#include <algorithm>

#include "replication/replicator_core.hpp"

namespace corestore::replication {

namespace {

/// Stretches of new blocks that a peer is told of when its core comes back.
constexpr std::size_t news_max = 64;

constexpr std::size_t range_bytes = 32; ///< estimate of a range on the wire

} // namespace

struct parked_peer {
  peer state;
  bool was_downloading = false; ///< what our last sync told
  std::uint64_t fork = 0;       ///< of ours when it was parked
  std::uint64_t length = 0;
  std::uint64_t contiguous_length = 0;
};

/// Tells of the stretches of `where` that are stored and that the peer is not known to have, `left` of them at most.
void replicator::implementation::tell_stored(peer& to, log::block_range where, std::size_t& left) {
  for (auto next = where.start; next < where.end && left > 0;) {
    const auto first = state.bits.first_set({next, where.end});
    if (!first)
      return;
    next = state.bits.first_unset({*first, where.end}).value_or(where.end);
    if (to.has.all_set({*first, next}))
      continue;
    post(to, wire::range{.start = *first, .length = next - *first}, range_bytes);
    --left;
  }
}

bool replicator::is_quiet() const {
  const auto& self = *implementation_;
  if (self.pending_head || self.is_reorg_pending || self.is_manifest_pending || self.upgrade || self.manifest_request ||
      self.search || !self.held.empty() || !self.stalled.is_over(self.now))
    return false;
  return std::all_of(self.peers.begin(), self.peers.end(), [&](const auto& entry) {
    auto& who = entry.second;
    if (who.is_failed)
      return true;
    const bool is_waiting = !self.plan.is_idle() && who.ready_ms > self.now;
    return !is_waiting && !who.is_sync_due && who.requests.count() == 0 && who.queue.empty() &&
           who.wants.unanswered_count() == 0;
  });
}

bool replicator::is_known_to_peers() const {
  const auto& self = *implementation_;
  const auto& head = self.state.head;
  return std::all_of(self.peers.begin(), self.peers.end(), [&](const auto& entry) {
    const auto& who = entry.second;
    if (who.is_failed || !who.is_synced || !who.theirs.downloading || who.theirs.fork > head.fork)
      return true;
    return who.theirs.fork == head.fork && (who.length_acked >= head.length || who.theirs.length >= head.length);
  });
}

bool replicator::is_missed(peer_id peer) const {
  const auto& self = *implementation_;
  const auto* who = implementation_->find(peer);
  return who != nullptr && who->is_synced && who->options.may_download && who->theirs.uploading &&
         !who->theirs.downloading && self.is_downloading() && !self.is_frozen();
}

parked_peer_ptr replicator::park_peer(peer_id peer) {
  auto& self = *implementation_;
  const auto found = self.peers.find(peer);
  if (found == self.peers.end())
    return nullptr;
  auto parked = std::make_shared<parked_peer>();
  parked->state = std::move(found->second);
  parked->state.batches = {}; // with the room that they kept
  parked->state.asking = {};
  parked->was_downloading = self.downloading_told;
  parked->fork = self.state.head.fork;
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
  if (back.options.may_upload != options.may_upload || back.options.may_download != options.may_download)
    back.is_sync_due = true; // it was switched meanwhile
  back.options = options;
  back.ordinal = self.ordinals++;
  back.scans.clear(); // of wishes that are gone
  back.last_download = 0;
  back.wanted_seen = {0, 0, 0};
  self.update_downloading();
  self.refresh_upgradable(back, source);
  const auto& head = self.state.head;
  if (parked->fork != head.fork || parked->length != head.length || parked->was_downloading != self.downloading_told)
    back.is_sync_due = true;
  const auto contiguous = self.state.contiguous_length();
  if (contiguous > 0 && (parked->fork != head.fork || contiguous != parked->contiguous_length))
    self.post(back, wire::range{.start = 0, .length = contiguous}, range_bytes);
  if (parked->fork != head.fork || parked->length != head.length || contiguous != parked->contiguous_length) {
    const auto grown = parked->fork == head.fork ? std::min(parked->length, head.length) : 0;
    auto left = news_max; // the newest blocks come first: they are what a follower waits for
    self.tell_stored(back, {std::max(grown, contiguous), head.length}, left);
    self.tell_stored(back, {contiguous, std::max(grown, contiguous)}, left);
  }
  self.settle(source);
}

} // namespace corestore::replication
