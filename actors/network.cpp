#include "actors/network.hpp"

#include <algorithm>

#include <caf/all.hpp>

#include "base/limits.hpp"

namespace corestore::actors {

void network_state::open(self_pointer self, context_ptr context) {
  self_ = self;
  context_ = std::move(context);
}

caf::result<peer_record> network_state::dial(const dial_request& request, scope_id scope) {
  if (reason_)
    return make_error(ec::store_closed, "the store is closing");
  auto target = parse_dial_target(request.address);
  if (!target)
    return to_caf(target.error());
  auto is_it = [&](const auto& entry) {
    return entry.second.plan.where == *target && entry.second.plan.scope == scope;
  };
  if (auto known = std::find_if(dialled_.begin(), dialled_.end(), is_it); known != dialled_.end())
    return known->second.record;
  if (dialled_.size() >= limits::dialled_addresses_max)
    return make_error(ec::limit_exceeded,
                      "more than " + std::to_string(limits::dialled_addresses_max) + " addresses are dialled");
  dialled entry;
  entry.plan = {++context_->next_session, *target, scope, request.may_upload, request.may_download};
  entry.record.id = entry.plan.id;
  entry.record.address = to_string(*target);
  entry.record.state = "dialling";
  entry.record.is_initiator = true;
  entry.handle = self_->spawn(connector, context_, entry.plan);
  if (is_paused_)
    self_->send(entry.handle, suspend_atom_v);
  self_->monitor(entry.handle);
  self_->send(context_->store, dial_atom_v, entry.record);
  auto record = entry.record;
  dialled_.emplace(entry.plan.id, std::move(entry));
  return record;
}

bool network_state::hang_up(std::uint64_t id) {
  auto found = dialled_.find(id);
  if (found == dialled_.end())
    return false;
  auto handle = found->second.handle;
  ending_.emplace(handle.address(), id);
  forget(id);
  self_->send_exit(handle, caf::exit_reason::user_shutdown);
  return true;
}

void network_state::forget(std::uint64_t id) {
  dialled_.erase(id);
  peer_record gone;
  gone.id = id;
  if (context_->store)
    self_->send(context_->store, dial_atom_v, gone);
}

void network_state::pause(bool is_paused) {
  is_paused_ = is_paused;
  for (const auto& [id, entry] : dialled_) {
    if (is_paused)
      self_->send(entry.handle, suspend_atom_v);
    else
      self_->send(entry.handle, resume_atom_v);
  }
}

void network_state::on_down(const caf::actor_addr& connector) {
  ending_.erase(connector);
  if (reason_ && ending_.empty())
    self_->quit(*reason_);
}

void network_state::finish(caf::error reason) {
  if (reason_)
    return;
  reason_ = std::move(reason);
  while (!dialled_.empty())
    hang_up(dialled_.begin()->first);
  if (ending_.empty())
    self_->quit(*reason_);
}

network_actor::behavior_type network(network_state::self_pointer self, const context_ptr& context) {
  auto& state = self->state;
  state.open(self, context);
  self->set_down_handler([self](const caf::down_msg& message) { self->state.on_down(message.source); });
  self->set_exit_handler([self](caf::exit_msg& message) { self->state.finish(std::move(message.reason)); });
  return {
    [&state](dial_atom, const dial_request& request, scope_id scope) { return state.dial(request, scope); },
    [&state](hangup_atom, std::uint64_t id) { return state.hang_up(id); },
    [&state](suspend_atom) { state.pause(true); },
    [&state](resume_atom) { state.pause(false); },
    [&state](shutdown_atom) { state.finish(caf::exit_reason::user_shutdown); },
  };
}

} // namespace corestore::actors
