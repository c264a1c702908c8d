// A session and the cores behind its channels: they may come and go while the channels stay open.
#include <algorithm>

#include <caf/all.hpp>

#include "actors/session.hpp"
#include "log/twin.hpp"

namespace corestore::actors {

namespace {

constexpr std::size_t first_grant_bytes = std::size_t{64} << 10U;
constexpr std::size_t first_grants_max = 64; ///< channels that get credit before they ask

} // namespace

replication::channel_id session_state::find_peer(replication::peer_id peer) const {
  auto known = by_peer_.find(peer);
  return known == by_peer_.end() ? 0 : known->second;
}

/// Asks the store for the core of that discovery key in the generation that the connection speaks: when the one that it
/// keeps under it is of the other one, the same core may be published in both.
void session_state::ask(const corestore::discovery_key& discovery, const core_listener& found,
                        const std::function<void()>& missing) {
  auto refuse = [missing](const caf::error&) {
    missing();
  };
  self_->request(arguments_.store, caf::infinite, wake_atom_v, discovery, arguments_.scope)
    .then(
      [this, discovery, found, refuse](const local_core& core) {
        if (is_finished_ || speaks_of(core)) {
          found(core);
          return;
        }
        self_->request(arguments_.store, caf::infinite, wake_atom_v, log::twin_id(discovery), arguments_.scope)
          .then(
            [discovery, found](local_core twin) {
              twin.discovery = discovery;
              found(twin);
            },
            refuse);
      },
      refuse);
}

void session_state::answer_request(replication::channel_id id, const local_core& core) {
  if (is_finished_ || requested_.erase(id) == 0)
    return; // the remote changed its mind
  if (!speaks_of(core) || by_discovery_.find(core.discovery) != by_discovery_.end()) {
    arguments_.pass->give_channel();
    connection_->reject(id); // of another generation, or opened from this side meanwhile: one channel is enough
    follow_up();
    return;
  }
  remember(id, core).is_theirs = true;
  std::vector<replication::connection_event> events;
  auto accepted = connection_->accept(id, core.key, events);
  handle(events);
  if (!accepted)
    finish(accepted.error());
  else
    follow_up();
}

/// Brings a channel that is open together with its core, step by step, from wherever it is.
void session_state::attach(replication::channel_id id) {
  auto& entry = channels_.at(id);
  if (is_finished_ || !entry.is_open || entry.stage != stage::asleep || entry.returns_due > 0)
    return;
  if (!entry.core.handle) {
    wake(id);
    return;
  }
  entry.stage = stage::attaching;
  peer_link link;
  link.peer = entry.peer;
  link.session = caf::actor_cast<session_actor>(self_);
  link.options.remote_seeks = entry.remote_seeks;
  link.options.may_upload = may_upload();
  link.options.may_download = may_download();
  link.session_id = record_.id;
  link.address = record_.address;
  link.public_key = record_.public_key;
  link.parked = entry.parked;
  link.inputs_due = entry.waiting.size();
  self_->request(entry.core.handle, caf::infinite, attach_atom_v, std::move(link))
    .then([this, peer = entry.peer](bool is_attached) { attached(peer, is_attached); },
          [this, peer = entry.peer](const caf::error&) { attached(peer, false); });
}

void session_state::attached(replication::peer_id peer, bool is_attached) {
  auto id = find_peer(peer);
  if (is_finished_ || id == 0)
    return;
  auto& entry = channels_.at(id);
  if (entry.stage != stage::attaching)
    return;
  if (!is_attached) { // it is just leaving the memory
    entry.stage = stage::asleep;
    lose_core(entry);
    attach(id);
    return;
  }
  entry.stage = stage::attached;
  entry.parked = {};
  entry.returned = 0;
  for (auto& input : std::exchange(entry.waiting, {})) {
    ++entry.inputs_out;
    self_->send(entry.core.handle, std::move(input));
  }
  if (!entry.was_attached && channels_.size() <= first_grants_max)
    self_->send(entry.core.handle, flush_atom_v, entry.peer, std::uint64_t{first_grant_bytes});
  entry.was_attached = true;
}

void session_state::wake(replication::channel_id id) {
  auto& entry = channels_.at(id);
  entry.stage = stage::waking;
  ask(
    entry.core.discovery, [this, peer = entry.peer](const local_core& core) { woken(peer, core); },
    [this, peer = entry.peer] {
      auto known = find_peer(peer);
      if (is_finished_ || known == 0)
        return;
      close_channel(known); // it was purged, or the store closes
      flush();
      arm_read();
    });
}

void session_state::woken(replication::peer_id peer, const local_core& core) {
  auto id = find_peer(peer);
  if (is_finished_ || id == 0)
    return;
  if (channels_.at(id).stage == stage::waking)
    adopt_core(id, core);
}

void session_state::adopt_core(replication::channel_id id, const local_core& core) {
  auto& entry = channels_.at(id);
  if (entry.stage == stage::attaching)
    return; // it hears soon that its core is gone, and asks for the new one
  lose_core(entry);
  entry.stage = stage::asleep;
  entry.core.handle = core.handle;
  self_->monitor(core.handle);
  attach(id);
}

void session_state::lose_core(channel& entry) {
  if (!entry.core.handle)
    return;
  self_->demonitor(entry.core.handle.address());
  entry.core.handle = nullptr;
}

void session_state::on_core_down(const caf::actor_addr& address) {
  std::vector<replication::channel_id> lost;
  for (auto& [id, entry] : channels_) {
    if (!entry.core.handle || entry.core.handle.address() != address)
      continue;
    if (entry.stage == stage::attached)
      lost.push_back(id);
    else if (entry.stage != stage::attaching)
      entry.core.handle = nullptr;
  }
  for (auto id : lost) {
    channels_.at(id).stage = stage::asleep; // nobody is there to be told
    close_channel(id);
  }
  if (!lost.empty()) {
    flush();
    arm_read();
  }
}

// -- a core that leaves the memory

void session_state::on_park(peer_park& fact) {
  auto id = find_peer(fact.peer);
  if (is_finished_ || id == 0)
    return; // the detach that is on its way says so
  auto& entry = channels_.at(id);
  if (entry.stage != stage::attached)
    return;
  entry.parked = std::move(fact.parked);
  entry.stage = stage::asleep;
  entry.returns_due = std::exchange(entry.inputs_out, 0);
  if (std::exchange(entry.is_granted, false))
    granted_bytes_ -= grant_bytes;
  self_->send(entry.core.handle, detach_atom_v, entry.peer); // the core waits for it
  lose_core(entry);
}

void session_state::on_returned(peer_input input) {
  auto id = find_peer(input.peer);
  if (is_finished_ || id == 0)
    return;
  auto& entry = channels_.at(id);
  if (entry.returns_due == 0)
    return;
  --entry.returns_due;
  entry.waiting.insert(entry.waiting.begin() + entry.returned, std::move(input)); // before what came later
  ++entry.returned;
  attach(id);
}

} // namespace corestore::actors
