#include "actors/connector.hpp"

#include <algorithm>
#include <chrono>

#include <caf/all.hpp>

#include "actors/session.hpp"
#include "base/crypto.hpp"

namespace corestore::actors {

namespace {

using self_pointer = connector_actor::stateful_pointer<connector_state>;

/// Up to a quarter off, so that a crowd of peers does not come back in step.
std::uint64_t with_jitter(std::uint64_t pause_ms) {
  auto draw = crypto::random<fixed_bytes<2, struct jitter_tag>>();
  auto share = static_cast<std::uint64_t>(draw.data[0]) * 256U + draw.data[1];
  return pause_ms - pause_ms * share / 4 / 65536;
}

void dial_later(self_pointer self) {
  auto& state = self->state;
  self->delayed_send(self, std::chrono::milliseconds(with_jitter(state.pause_ms)), tick_atom_v);
  state.pause_ms = std::min(state.pause_ms * 2, state.context->settings()->redial_ms_max);
}

void dial_now(self_pointer self) {
  auto& state = self->state;
  if (state.is_ending || state.is_paused || state.is_dialling || state.session)
    return;
  state.is_dialling = true;
  dial(*state.context->io, state.plan.where,
       [handle = caf::actor_cast<connector_actor>(self)](result<stream_ptr> outcome) {
         if (outcome)
           caf::anon_send(handle, open_atom_v, std::move(*outcome));
         else
           caf::anon_send(handle, open_atom_v, outcome.error().detail);
       });
}

void on_connected(self_pointer self, const stream_ptr& stream) {
  auto& state = self->state;
  auto& context = *state.context;
  state.is_dialling = false;
  if (state.is_ending) {
    stream->close();
    self->quit(caf::exit_reason::user_shutdown);
    return;
  }
  session_arguments arguments;
  arguments.id = ++context.next_session;
  arguments.stream = stream;
  arguments.store = context.store;
  arguments.settings = context.settings();
  arguments.identity = context.identity;
  arguments.is_initiator = true;
  arguments.pass = context.guard->dialled(context.dialled);
  arguments.scope = state.plan.scope;
  arguments.record_id = state.plan.id;
  arguments.may_upload = state.plan.may_upload;
  arguments.may_download = state.plan.may_download;
  arguments.generation = context.settings()->generation;
  if (state.plan.where.generation != 0)
    arguments.generation = state.plan.where.generation == 9 ? log::generation::g9 : log::generation::g10;
  auto handle = self->spawn(session, std::move(arguments));
  self->monitor(handle);
  state.session = handle.address();
  context.say("info", "connected to " + to_string(state.plan.where));
}

void on_failed(self_pointer self, const std::string& reason) {
  auto& state = self->state;
  state.is_dialling = false;
  if (state.is_ending) {
    self->quit(caf::exit_reason::user_shutdown);
    return;
  }
  state.context->set_dial_failure(to_string(state.plan.where), reason);
  state.context->say("warning", "cannot connect to " + reason);
  dial_later(self);
}

void on_down(self_pointer self, const caf::down_msg& message) {
  auto& state = self->state;
  if (message.source != state.session)
    return;
  state.session = nullptr;
  if (state.is_ending) {
    self->quit(caf::exit_reason::user_shutdown);
    return;
  }
  auto reason = from_caf(message.reason);
  if (reason.code != ec::handshake_failed)
    state.pause_ms = state.context->settings()->redial_first_ms; // it was a good connection
  state.context->set_dial_failure(to_string(state.plan.where), to_string(reason));
  state.context->say("info", "lost " + to_string(state.plan.where) + ": " + to_string(reason));
  dial_later(self);
}

} // namespace

connector_actor::behavior_type connector(connector_actor::stateful_pointer<connector_state> self,
                                         const context_ptr& context, const dial_plan& plan) {
  self->state.context = context;
  self->state.plan = plan;
  self->state.pause_ms = context->settings()->redial_first_ms;
  self->set_down_handler([self](const caf::down_msg& message) { on_down(self, message); });
  self->set_exit_handler([self](const caf::exit_msg&) {
    auto& state = self->state;
    state.is_ending = true;
    if (state.session)
      self->send_exit(caf::actor_cast<caf::actor>(state.session), caf::exit_reason::user_shutdown);
    else if (!state.is_dialling)
      self->quit(caf::exit_reason::user_shutdown);
  });
  dial_now(self);
  return {
    [self](tick_atom) { dial_now(self); },
    [self](suspend_atom) { self->state.is_paused = true; },
    [self](resume_atom) {
      self->state.is_paused = false;
      dial_now(self);
    },
    [self](switch_atom, const connection_switches& wanted) {
      auto& kept = self->state.plan;
      kept.may_upload = after(wanted.upload, kept.may_upload);
      kept.may_download = after(wanted.download, kept.may_download);
    },
    [self](open_atom, const stream_ptr& stream) { on_connected(self, stream); },
    [self](open_atom, const std::string& reason) { on_failed(self, reason); },
  };
}

} // namespace corestore::actors
