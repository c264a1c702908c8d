#include "replication/replicator.hpp"

#include <algorithm>

#include "base/limits.hpp"
#include "replication/replicator_core.hpp"

namespace corestore::replication {

// -- the common end of every call

peer* replicator::implementation::find(peer_id id) {
  const auto found = peers.find(id);
  return found == peers.end() || found->second.is_failed ? nullptr : &found->second;
}

void replicator::implementation::post(peer& to, wire::message message, std::size_t bytes) {
  if (to.batches.empty() || (to.open_bytes > 0 && to.open_bytes + bytes > answer_batch_bytes_max)) {
    to.batches.emplace_back();
    to.open_bytes = 0;
  }
  to.batches.back().push_back(std::move(message));
  to.open_bytes += bytes;
}

void replicator::implementation::settle(const log::log_source& source) {
  update_downloading();
  if (!is_frozen()) {
    settle_early(source);
    for (auto& entry : peers) {
      if (entry.second.is_sync_due)
        send_sync(entry.second);
    }
    pump_all(source);
    advance_reorg(source);
  }
  flush_all();
}

/// Every peer gets its turn, each time another one has the first choice.
void replicator::implementation::pump_all(const log::log_source& source) {
  auto next = peers.upper_bound(first_pumped);
  if (next == peers.end())
    next = peers.begin();
  if (next != peers.end())
    first_pumped = next->first;
  for (std::size_t i = 0; i < peers.size(); ++i) {
    pump(next->second, source);
    if (++next == peers.end())
      next = peers.begin();
  }
}

void replicator::implementation::flush_all() {
  for (auto& entry : peers)
    flush(entry.second);
}

void replicator::implementation::flush(peer& to) {
  const bool is_large = block_estimate() > large_block_bytes || block_size_seen > large_block_bytes;
  std::size_t count = 0;
  std::size_t bytes = 0;
  for (auto& request : to.asking) {
    const auto estimate = request.wanted.block ? block_estimate() : 0;
    const bool is_full = count >= request_batch_max || bytes + estimate > request_batch_bytes_max;
    if (to.batches.empty() || is_large || (count > 0 && is_full)) {
      to.batches.emplace_back();
      count = 0;
      bytes = 0;
    }
    to.batches.back().emplace_back(std::move(request));
    ++count;
    bytes += estimate;
  }
  to.asking.clear();
  for (auto& batch : to.batches) {
    for (const auto& message : batch)
      ++to.counts.messages[message.index()].transmitted;
    out.messages.push_back({to.id, std::move(batch)});
  }
  to.batches.clear();
  to.open_bytes = 0;
}

void replicator::implementation::fail_peer(peer& who, ec code, std::string detail) {
  if (who.is_failed)
    return;
  who.is_failed = true;
  for (const auto id : who.requests.ids()) {
    if (const auto request = who.requests.withdraw(id))
      release(who, id, *request);
  }
  drop_held(who.id);
  who.asking.clear();
  out.events.emplace_back(peer_failed{who.id, error{code, std::move(detail)}});
}

// -- the façade

replicator::replicator(const log::core_state& state, replicator_settings settings)
    : implementation_(std::make_unique<implementation>(state, settings)) {
  // nop
}

replicator::~replicator() = default;

void replicator::add_peer(peer_id peer, peer_options options, const log::log_source& source, std::uint64_t now_ms) {
  auto& self = *implementation_;
  self.now = now_ms;
  const auto [entry, is_new] = self.peers.try_emplace(peer);
  if (!is_new)
    return;
  auto& fresh = entry->second;
  fresh.id = peer;
  fresh.options = options;
  fresh.ordinal = self.ordinals++;
  self.out.events.emplace_back(peer_added{peer});
  self.update_downloading();
  self.open_peer(fresh, source);
  self.settle(source);
}

void replicator::remove_peer(peer_id peer, const log::log_source& source, std::uint64_t now_ms) {
  auto& self = *implementation_;
  self.now = now_ms;
  const auto found = self.peers.find(peer);
  if (found == self.peers.end())
    return;
  for (const auto id : found->second.requests.ids()) {
    if (const auto request = found->second.requests.withdraw(id))
      self.release(found->second, id, *request);
  }
  self.drop_held(peer);
  self.departed += found->second.counts;
  self.peers.erase(found);
  self.out.events.emplace_back(peer_removed{peer});
  self.settle(source);
}

void replicator::receive(peer_id peer, std::vector<wire::message> messages, const log::log_source& source,
                         std::uint64_t now_ms) {
  auto& self = *implementation_;
  self.now = now_ms;
  auto* from = self.find(peer);
  if (from == nullptr || self.is_frozen())
    return;
  const overlay_source nodes{source, self.fresh};
  auto verifier = self.verifier_over(nodes);
  struct visitor {
    implementation& self;
    replication::peer& from;
    const log::log_source& source;
    log::proof_verifier& verifier;

    void operator()(wire::sync& message) const {
      self.on_sync(from, message, source);
    }
    void operator()(wire::request& message) const {
      self.on_request(from, std::move(message), source);
    }
    void operator()(wire::cancel& message) const {
      from.queue.cancel(message.id);
    }
    void operator()(wire::data& message) const {
      self.on_data(from, std::move(message), source, verifier);
    }
    void operator()(wire::no_data& message) const {
      self.on_no_data(from, message);
    }
    void operator()(wire::want& message) const {
      self.on_want(from, message);
    }
    void operator()(wire::unwant& message) const {
      from.wants.remove(message);
    }
    void operator()(wire::bitfield& message) const {
      self.on_bitfield(from, message);
    }
    void operator()(wire::range& message) const {
      self.on_range(from, message);
    }
    void operator()(wire::extension& message) const {
      self.on_extension(from, std::move(message));
    }
  };
  const visitor handle{self, *from, source, verifier};
  implementation::hash_ahead(*from, messages);
  for (auto& message : messages) {
    if (from->is_failed || self.is_frozen())
      break;
    ++from->counts.messages[message.index()].received;
    std::visit(handle, message);
  }
  self.serve(*from, source);
  self.settle(source);
}

void replicator::grant(peer_id peer, std::size_t bytes, const log::log_source& source) {
  auto& self = *implementation_;
  auto* to = self.find(peer);
  if (to == nullptr)
    return;
  to->credit += std::min(bytes, std::size_t{1} << 40U);
  self.serve(*to, source);
  self.flush_all();
}

void replicator::changed(const log::change_set& changes, bool is_ours, const log::log_source& source,
                         std::uint64_t now_ms) {
  auto& self = *implementation_;
  self.now = now_ms;
  const auto& head = self.state.head;
  self.stalled.succeeded();
  self.commit_blocks(changes, is_ours);
  const bool is_fork = changes.head.has_value() && changes.base_fork != head.fork;
  if (changes.truncate_to || !changes.cleared.empty() || is_fork) {
    ++self.epoch;
    self.plan.refresh_wanted();
  }
  if (is_fork)
    self.remote_contiguous_best = 0;
  else if (changes.truncate_to)
    self.remote_contiguous_best = std::min(self.remote_contiguous_best, head.length);
  if (is_fork)
    self.on_fork_changed();
  else
    self.forget_fresh(changes, source);
  if (changes.head && !is_ours) {
    self.pending_head.reset();
    self.is_reorg_pending = false;
  }
  if (self.knows_manifest())
    self.is_manifest_pending = false;
  self.announce(changes, is_fork || changes.truncate_to.has_value());
  if (changes.head || changes.header) {
    for (auto& entry : self.peers) {
      self.refresh_upgradable(entry.second, source);
      entry.second.is_sync_due = true;
    }
  }
  for (auto& entry : self.plan.seeks)
    entry.second.is_verified = false;
  self.release_held(source);
  self.settle(source);
}

void replicator::discarded(const std::vector<log::verification>& verified, const log::log_source& source,
                           std::uint64_t now_ms) {
  auto& self = *implementation_;
  self.now = now_ms;
  for (const auto& lost : verified) {
    if (lost.block)
      self.plan.rejected(lost.block->index);
    if (lost.manifest)
      self.is_manifest_pending = false;
    if (lost.head) {
      self.pending_head.reset();
      self.is_reorg_pending = false;
      ++self.epoch; // what is asked for beyond our head cannot be proven any more
    }
  }
  self.fresh.clear(); // what was proven with the help of lost nodes is asked for with a longer path
  self.stalled.failed(now_ms);
  for (auto& entry : self.plan.seeks)
    entry.second.is_verified = false;
  self.release_held(source);
  self.settle(source);
}

void replicator::want_block(std::uint64_t index, const log::log_source& source, std::uint64_t now_ms) {
  implementation_->now = now_ms;
  implementation_->stalled.wished();
  implementation_->plan.want(index);
  implementation_->settle(source);
}

void replicator::want_blocks(const std::vector<std::uint64_t>& indices, const log::log_source& source,
                             std::uint64_t now_ms) {
  implementation_->now = now_ms;
  implementation_->stalled.wished();
  for (const auto index : indices)
    implementation_->plan.want(index);
  implementation_->settle(source);
}

void replicator::drop_block(std::uint64_t index) {
  drop_blocks({index});
}

void replicator::drop_blocks(const std::vector<std::uint64_t>& indices) {
  auto& self = *implementation_;
  for (const auto index : indices)
    self.drop_wanted(index);
  self.update_downloading();
  self.flush_all();
}

void replicator::implementation::drop_wanted(std::uint64_t index) {
  auto& self = *this;
  if (!self.plan.drop(index))
    return;
  if (!self.plan.is_downloaded(index)) {
    for (const auto& place : self.plan.places(index)) {
      auto* whom = self.find(place.peer);
      const auto* request = whom == nullptr ? nullptr : whom->requests.find(place.id);
      if (request != nullptr && !request->wanted.upgrade)
        self.withdraw(*whom, place.id);
    }
  }
}

void replicator::add_download(download_id id, log::block_range range, bool is_linear, const log::log_source& source,
                              std::uint64_t now_ms) {
  implementation_->now = now_ms;
  implementation_->stalled.wished();
  implementation_->plan.downloads[id] = {range, is_linear};
  implementation_->settle(source);
}

void replicator::remove_download(download_id id) {
  auto& self = *implementation_;
  self.plan.downloads.erase(id);
  for (auto& entry : self.peers)
    entry.second.scans.erase(id);
  self.update_downloading();
  self.flush_all();
}

void replicator::add_seek(seek_id id, std::uint64_t byte_position, std::uint64_t padding, const log::log_source& source,
                          std::uint64_t now_ms) {
  implementation_->now = now_ms;
  implementation_->stalled.wished();
  implementation_->plan.seeks[id] = {byte_position, padding, 0, {}, false};
  implementation_->settle(source);
}

void replicator::remove_seek(seek_id id) {
  auto& self = *implementation_;
  const auto found = self.plan.seeks.find(id);
  if (found == self.plan.seeks.end())
    return;
  const request_place place = found->second.place;
  self.plan.seeks.erase(found);
  if (auto* whom = self.find(place.peer); whom != nullptr && place.id != 0) {
    const auto* request = whom->requests.find(place.id);
    if (request != nullptr && request->kind == request_kind::seek)
      self.withdraw(*whom, place.id);
  }
  self.update_downloading();
  self.flush_all();
}

void replicator::set_downloading(bool is_downloading, const log::log_source& source, std::uint64_t now_ms) {
  implementation_->now = now_ms;
  implementation_->downloading = is_downloading;
  implementation_->settle(source);
}

bool replicator::is_update_settled() const {
  const auto& self = *implementation_;
  if (self.pending_head || self.upgrade || self.search || !self.held.empty())
    return false;
  const auto& head = self.state.head;
  return std::all_of(self.peers.begin(), self.peers.end(), [&](const auto& entry) {
    const auto& peer = entry.second;
    if (peer.is_failed || peer.is_paused || peer.strikes > 0 || !peer.options.may_download)
      return true; // it cannot help now
    if (!peer.is_synced)
      return false;
    if (!peer.theirs.uploading || peer.theirs.fork < head.fork)
      return true;
    if (peer.theirs.fork > head.fork)
      return peer.theirs.length == 0;
    if (peer.theirs.length <= head.length)
      return true;
    return head.length > 0 && peer.length_acked == head.length && !peer.theirs.can_upgrade;
  });
}

bool replicator::add_extension(const std::string& name) {
  auto& known = implementation_->extensions;
  if (name.empty() || name.size() > limits::extension_name_bytes_max)
    return false;
  if (!known.contains(name) && known.size() >= limits::extensions_max)
    return false;
  known.insert(name);
  return true;
}

void replicator::remove_extension(const std::string& name) {
  implementation_->extensions.erase(name);
}

std::size_t replicator::send_extension(peer_id peer, const std::string& name, const bytes& payload) {
  auto& self = *implementation_;
  std::size_t count = 0;
  if (name.empty() || name.size() > limits::extension_name_bytes_max || payload.size() > limits::block_bytes_max ||
      self.is_frozen())
    return count;
  for (auto& entry : self.peers) {
    if (peer == 0 || entry.first == peer)
      count += self.send_extension(entry.second, name, payload) ? 1 : 0;
  }
  self.flush_all();
  return count;
}

void replicator::set_allow_push(bool is_allowed, const log::log_source& source, std::uint64_t now_ms) {
  implementation_->now = now_ms;
  implementation_->allows_push = is_allowed;
  implementation_->settle(source);
}

void replicator::set_push_only(bool is_push_only, const log::log_source& source, std::uint64_t now_ms) {
  implementation_->now = now_ms;
  implementation_->is_push_only = is_push_only;
  implementation_->settle(source);
}

std::size_t replicator::push(std::uint64_t index, const log::log_source& source, std::uint64_t now_ms) {
  auto& self = *implementation_;
  self.now = now_ms;
  std::size_t count = 0;
  for (auto& entry : self.peers) {
    if (!entry.second.is_failed)
      count += self.push_block(entry.second, index, source) ? 1 : 0;
  }
  self.flush_all();
  return count;
}

void replicator::set_transfers(peer_id peer, bool may_upload, bool may_download, const log::log_source& source,
                               std::uint64_t now_ms) {
  implementation_->now = now_ms;
  implementation_->switch_transfers(peer, may_upload, may_download);
  implementation_->settle(source);
}

std::uint64_t replicator::remote_contiguous_length() const {
  return implementation_->remote_contiguous_best;
}

std::vector<peer_info> replicator::peers() const {
  std::vector<peer_info> result;
  result.reserve(implementation_->peers.size());
  for (const auto& [id, peer] : implementation_->peers) {
    result.push_back({id, peer.theirs.fork, peer.theirs.length,
                      std::min(peer.has.contiguous_length(), peer.theirs.length), peer.requests.count(), peer.is_paused,
                      peer.options.may_upload, peer.options.may_download, peer.theirs.uploading,
                      peer.theirs.downloading, peer.theirs.allow_push, peer.counts});
  }
  return result;
}

std::size_t replicator::peer_count() const {
  return implementation_->peers.size();
}

wire_statistics replicator::statistics() const {
  auto sum = implementation_->departed;
  for (const auto& entry : implementation_->peers)
    sum += entry.second.counts;
  return sum;
}

std::size_t replicator::queued(peer_id peer) const {
  const auto found = implementation_->peers.find(peer);
  return found == implementation_->peers.end() ? 0
                                               : found->second.queue.count() + found->second.wants.unanswered_count();
}

void replicator::tick(const log::log_source& source, std::uint64_t now_ms) {
  auto& self = *implementation_;
  self.now = now_ms;
  for (auto& entry : self.peers)
    self.expire(entry.second);
  for (auto& entry : self.peers) {
    if (entry.second.is_turn_due && now_ms >= entry.second.turned_ms + wants_turn_ms) {
      entry.second.is_turn_due = false;
      entry.second.wanted_seen = {};
    }
  }
  self.settle(source);
  self.swap_stale(source);
  self.flush_all();
}

std::optional<std::uint64_t> replicator::next_tick_ms() const {
  auto& self = *implementation_;
  std::optional<std::uint64_t> next;
  const auto consider = [&next](std::uint64_t when) {
    next = next ? std::min(*next, when) : when;
  };
  for (auto& [id, peer] : self.peers) {
    if (const auto oldest = peer.requests.oldest())
      consider(oldest->sent_ms + self.settings.request_ms_max);
    if (peer.ready_ms > self.now)
      consider(peer.ready_ms);
    if (peer.is_turn_due)
      consider(peer.turned_ms + wants_turn_ms);
  }
  if (self.search && !self.pending_head)
    consider(std::min(self.search_started_ms + self.settings.request_ms_max,
                      self.search_request ? UINT64_MAX : self.search_heard_ms + search_wait_ms));
  if (!self.stalled.is_over(self.now))
    consider(self.stalled.until_ms());
  if (const auto swap = self.next_swap_ms())
    consider(*swap);
  return next;
}

effects replicator::take_effects() {
  return std::exchange(implementation_->out, {});
}

} // namespace corestore::replication
