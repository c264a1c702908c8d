// What a store is to its connections.
#include <algorithm>

#include <caf/all.hpp>

#include "actors/store.hpp"
#include "base/limits.hpp"

namespace corestore::actors {

bool store_state::is_in_scope(const corestore::discovery_key& discovery, scope_id scope) const {
  if (scope == scope_id{})
    return true;
  auto entry = scopes_.find(scope);
  return entry != scopes_.end() && entry->second.opened.contains(discovery);
}

caf::result<local_core> store_state::wake(const corestore::discovery_key& discovery, scope_id scope) {
  auto asker = caf::actor_cast<session_actor>(self_->current_sender()); // the promise takes it out of the message
  auto promise = self_->make_response_promise<local_core>();
  wake_for({asker, discovery, scope, promise});
  return promise;
}

void store_state::wake_for(const waker& who) {
  const auto& discovery = who.discovery;
  auto promise = who.promise;
  if (is_closed_) {
    promise.deliver(closed_error());
    return;
  }
  if (auto busy = busy_.find(discovery); busy != busy_.end()) {
    busy->second.emplace_back([this, who] { wake_for(who); });
    return;
  }
  if (!is_in_scope(discovery, who.scope)) {
    promise.deliver(make_error(ec::not_found, "the namespace did not open this core"));
    return;
  }
  auto found = loaded_.find(discovery);
  if (found == loaded_.end()) {
    auto source = backend_->open_snapshot();
    auto header = source ? (*source)->header(discovery) : fail(source.error());
    if (!header || !*header) {
      promise.deliver(header ? make_error(ec::not_found, "the store does not know this core") : to_caf(header.error()));
      return;
    }
    core_selector wish;
    wish.kind = selector_kind::by_discovery;
    wish.id.data = discovery.data;
    wish.is_active = false;
    load(**header, wish);
    found = loaded_.find(discovery);
  } else {
    ++hits_;
  }
  auto& core = found->second;
  if (who.session)
    self_->send(core.handle, wake_atom_v, who.session);
  if (holders_.count(discovery) == 0)
    cache_.add(discovery, core.is_active ? idle_kind::released : idle_kind::passive);
  promise.deliver(local_core{core.handle, core.key, discovery, core.generation});
  trim();
}

std::vector<local_core> store_state::join(const session_actor& session, scope_id scope) {
  if (auto found = sessions_.find(session.address()); found != sessions_.end()) {
    found->second.has_joined = true;
    found->second.scope = scope;
  }
  std::vector<local_core> offered;
  if (is_closed_) {
    self_->send(session, shutdown_atom_v);
    return offered;
  }
  for (const auto& [discovery, core] : loaded_) {
    if (!core.is_active || !is_in_scope(discovery, scope))
      continue;
    if (auto busy = busy_.find(discovery); busy == busy_.end())
      offered.push_back({core.handle, core.key, discovery, core.generation});
    else
      busy->second.emplace_back([this, session, discovery = discovery] { offer_to(session, discovery); });
  }
  auto source = backend_->open_snapshot();
  if (scope != scope_id{} || !source)
    return offered;
  // A mirrored core may have left the memory: it comes back when the peer opens its channel.
  std::ignore = (*source)->each_mirrored([&](const corestore::discovery_key& discovery, const core_key& key) {
    if (loaded_.contains(discovery) && loaded_.at(discovery).is_active)
      return true;
    if (auto header = (*source)->header(discovery); header && *header)
      offered.push_back({{}, key, discovery, (*header)->generation});
    return offered.size() < limits::channels_per_connection_max;
  });
  return offered;
}

/// What was not sure when the session joined.
void store_state::offer_to(const session_actor& session, const corestore::discovery_key& discovery) {
  auto loaded = loaded_.find(discovery);
  if (loaded != loaded_.end() && loaded->second.is_active)
    self_->send(session, open_atom_v,
                local_core{loaded->second.handle, loaded->second.key, discovery, loaded->second.generation});
}

void store_state::update_session(const session_actor& session, peer_record record) {
  auto [found, is_new] = sessions_.try_emplace(session.address());
  if (is_new) {
    found->second.handle = session;
    self_->monitor(session);
  }
  auto is_up = record.state == "open" && found->second.record.state != "open";
  found->second.record = std::move(record);
  if (!is_up)
    return;
  store_event event;
  event.kind = store_event_kind::session_open;
  event.peer = found->second.record;
  tell(scope_id{}, event);
}

void store_state::refused(const std::string& reason) {
  ++refusals_;
  store_event event;
  event.kind = store_event_kind::refusal;
  event.reason = reason;
  tell(scope_id{}, event);
}

// -- bans

void store_state::banned(const std::string& subject, const std::string& reason) {
  store_event event;
  event.kind = store_event_kind::ban;
  event.reason = subject + " is turned away for a while: " + reason;
  tell(scope_id{}, event);
}

std::vector<ban_record> store_state::bans() const {
  return guard_->bans(now_ms());
}

caf::result<bool> store_state::ban(const std::string& subject, std::uint64_t for_ms) {
  auto done = guard_->ban(subject, for_ms, now_ms());
  if (!done)
    return to_caf(done.error());
  if (for_ms > 0)
    banned(subject, "by hand");
  return *done;
}

// -- what is dialled

caf::result<peer_record> store_state::dial(const dial_request& request, scope_id scope) {
  if (is_closed_ || !scopes_.contains(scope))
    return closed_error();
  if (!network_)
    return make_error(ec::unsupported, "this store has no network");
  return self_->delegate(network_, dial_atom_v, request, scope);
}

caf::result<stream_end> store_state::replicate(const replicate_request& request, const stream_end& other,
                                               scope_id scope) {
  if (is_closed_ || !scopes_.contains(scope))
    return closed_error();
  if (!network_)
    return make_error(ec::unsupported, "this store has no network");
  return self_->delegate(network_, replicate_atom_v, request, other, scope);
}

caf::result<peer_record> store_state::replicate(const replicate_partner& partner, scope_id scope) {
  if (is_closed_ || !scopes_.contains(scope))
    return closed_error();
  if (!network_)
    return make_error(ec::unsupported, "this store has no network");
  return self_->delegate(network_, replicate_atom_v, partner, scope);
}

void store_state::update_dialled(peer_record record) {
  auto id = record.id;
  if (record.state.empty())
    dialled_.erase(id);
  else
    dialled_[id] = std::move(record);
}

caf::result<bool> store_state::hang_up(std::uint64_t id) {
  if (is_closed_)
    return closed_error();
  if (network_ && dialled_.contains(id))
    return self_->delegate(network_, hangup_atom_v, id);
  for (const auto& [address, session] : sessions_) {
    if (session.record.id != id)
      continue;
    self_->send(session.handle, shutdown_atom_v);
    return true;
  }
  return false;
}

/// The connection that is up answers; the network remembers the switch for those after it.
caf::result<peer_record> store_state::switch_connection(const connection_switches& wanted) {
  if (is_closed_)
    return closed_error();
  auto is_it = [&](const auto& entry) {
    return entry.second.record.id == wanted.id;
  };
  auto session = std::find_if(sessions_.begin(), sessions_.end(), is_it);
  auto is_dialled = network_ && dialled_.contains(wanted.id);
  if (session == sessions_.end() && !is_dialled)
    return make_error(ec::not_found, "there is no connection " + std::to_string(wanted.id));
  if (wanted.upload != toggle::keep || wanted.download != toggle::keep)
    ++meters_->guards.connection_switches;
  if (session == sessions_.end())
    return self_->delegate(network_, switch_atom_v, wanted);
  if (is_dialled)
    caf::anon_send(network_, switch_atom_v, wanted);
  return self_->delegate(session->second.handle, switch_atom_v, wanted);
}

std::vector<peer_record> store_state::peers() const {
  std::map<std::uint64_t, peer_record> records;
  for (const auto& [address, session] : sessions_)
    records.emplace(session.record.id, session.record);
  for (const auto& [id, record] : dialled_)
    records.emplace(id, record);
  std::vector<peer_record> sorted;
  sorted.reserve(records.size());
  for (auto& [id, record] : records)
    sorted.push_back(std::move(record));
  return sorted;
}

// -- pauses

caf::result<bool> store_state::suspend() {
  if (is_closed_)
    return closed_error();
  if (network_)
    self_->send(network_, suspend_atom_v);
  for (const auto& [address, session] : sessions_)
    self_->send(session.handle, suspend_atom_v);
  return self_->delegate(writer_, sync_atom_v);
}

caf::result<bool> store_state::resume() {
  if (is_closed_)
    return closed_error();
  if (network_)
    self_->send(network_, resume_atom_v);
  for (const auto& [address, session] : sessions_)
    self_->send(session.handle, resume_atom_v);
  return true;
}

} // namespace corestore::actors
