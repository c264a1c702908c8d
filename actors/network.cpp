#include "actors/network.hpp"

#include <algorithm>
#include <chrono>

#include <caf/all.hpp>

#include "actors/pipe.hpp"
#include "actors/session.hpp"
#include "base/limits.hpp"

namespace corestore::actors {

namespace {

/// A store that is asked to replicate answers at once, unless its node is gone.
constexpr std::chrono::seconds partner_patience{20};

} // namespace

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

result<network_state::piped> network_state::start(const replicate_request& request, scope_id scope) {
  if (reason_)
    return fail(ec::store_closed, "the store is closing");
  if (request.generation != 0 && request.generation != 9 && request.generation != 10)
    return fail(ec::bad_argument, "there is no generation " + std::to_string(request.generation));
  auto settings = context_->settings();
  auto piped_max = settings->guards.connections_max;
  if (piped_max > 0 && piped_.size() >= piped_max)
    return fail(ec::limit_exceeded, "more than " + std::to_string(piped_max) + " connections");
  session_arguments arguments;
  arguments.id = ++context_->next_session;
  auto address = request.address.empty() ? "pipe:" + std::to_string(arguments.id) : request.address;
  auto [inner, outer] = make_pipe(address);
  piped made;
  made.record.id = arguments.id;
  made.record.address = address;
  made.record.state = "handshake";
  made.record.is_initiator = request.is_initiator;
  arguments.stream = std::move(inner);
  arguments.store = context_->store;
  arguments.settings = settings;
  arguments.identity = context_->identity;
  arguments.pass = context_->guard->dialled(context_->dialled);
  arguments.is_initiator = request.is_initiator;
  arguments.scope = scope;
  arguments.may_upload = request.may_upload;
  arguments.may_download = request.may_download;
  arguments.generation = settings->generation;
  if (request.generation != 0)
    arguments.generation = request.generation == 9 ? log::generation::g9 : log::generation::g10;
  auto handle = self_->spawn(session, std::move(arguments));
  self_->monitor(handle);
  made.relay = self_->spawn(relay, stream_ptr{std::move(outer)});
  piped_.emplace(handle.address(), made.relay);
  return made;
}

caf::result<stream_end> network_state::replicate(const replicate_request& request, const stream_end& other,
                                                 scope_id scope) {
  auto made = start(request, scope);
  if (!made)
    return to_caf(made.error());
  if (other)
    self_->send(made->relay, join_atom_v, caf::actor_cast<caf::strong_actor_ptr>(other));
  return caf::actor_cast<stream_end>(made->relay);
}

caf::result<peer_record> network_state::replicate(const replicate_partner& partner, scope_id scope) {
  if (!partner.store)
    return make_error(ec::bad_argument, "there is no store to replicate with");
  auto made = start(partner.request, scope);
  if (!made)
    return to_caf(made.error());
  auto theirs = partner.request;
  theirs.is_initiator = !theirs.is_initiator;
  theirs.address.clear();
  std::swap(theirs.may_upload, theirs.may_download);
  auto promise = self_->make_response_promise<peer_record>();
  self_->request(partner.store, partner_patience, replicate_atom_v, theirs, caf::actor_cast<stream_end>(made->relay))
    .then(
      [this, promise, made = *made](const stream_end& other) mutable {
        self_->send(made.relay, join_atom_v, caf::actor_cast<caf::strong_actor_ptr>(other));
        promise.deliver(made.record);
      },
      [this, promise, made = *made](const caf::error& reason) mutable {
        self_->send(made.relay, shutdown_atom_v);
        promise.deliver(to_caf(from_caf(reason)));
      });
  return promise;
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

caf::result<peer_record> network_state::switch_to(const connection_switches& wanted) {
  auto found = dialled_.find(wanted.id);
  if (found == dialled_.end())
    return make_error(ec::not_found, "no address is dialled under the id " + std::to_string(wanted.id));
  auto& [plan, handle, record] = found->second;
  plan.may_upload = record.may_upload = after(wanted.upload, plan.may_upload);
  plan.may_download = record.may_download = after(wanted.download, plan.may_download);
  self_->send(handle, switch_atom_v, wanted);
  self_->send(context_->store, dial_atom_v, record);
  return record;
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

void network_state::on_down(const caf::actor_addr& gone) {
  if (auto session = piped_.extract(gone); !session.empty())
    self_->send(session.mapped(), tick_atom_v);
  ending_.erase(gone);
  if (reason_ && ending_.empty())
    self_->quit(*reason_);
}

void network_state::finish(caf::error reason) {
  if (reason_)
    return;
  reason_ = std::move(reason);
  while (!dialled_.empty())
    hang_up(dialled_.begin()->first);
  for (const auto& [session, relay] : piped_) {
    ending_.emplace(session, 0);
    self_->send_exit(caf::actor_cast<caf::actor>(session), caf::exit_reason::user_shutdown);
  }
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
    [&state](replicate_atom, const replicate_request& request, const stream_end& other, scope_id scope) {
      return state.replicate(request, other, scope);
    },
    [&state](replicate_atom, const replicate_partner& partner, scope_id scope) {
      return state.replicate(partner, scope);
    },
    [&state](hangup_atom, std::uint64_t id) { return state.hang_up(id); },
    [&state](switch_atom, const connection_switches& wanted) { return state.switch_to(wanted); },
    [&state](suspend_atom) { state.pause(true); },
    [&state](resume_atom) { state.pause(false); },
    [&state](shutdown_atom) { state.finish(caf::exit_reason::user_shutdown); },
  };
}

} // namespace corestore::actors
