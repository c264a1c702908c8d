#include "actors/listener.hpp"

#include <chrono>

#include <caf/all.hpp>

#include "actors/session.hpp"

namespace corestore::actors {

namespace {

using self_pointer = listener_actor::stateful_pointer<listener_state>;

constexpr int accepts_per_turn_max = 32;
constexpr auto refused_pause = std::chrono::milliseconds(200); ///< the system is out of descriptors

/// `127.0.0.1:40000` without its port; a Unix socket's peers all count as one host.
std::string host_of(const std::string& address) {
  return address.starts_with("unix:") ? address : address.substr(0, address.rfind(':'));
}

void arm(self_pointer self) {
  self->state.socket->wait_readable([handle = caf::actor_cast<listener_actor>(self)](bool is_ready) {
    caf::anon_send(handle, internal_atom_v, is_ready);
  });
}

std::uint64_t now_ms(self_pointer self) {
  auto now = self->clock().now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

void start_session(self_pointer self, const stream_ptr& stream) {
  auto& state = self->state;
  auto& context = *state.context;
  auto pass = context.guard->admit(host_of(stream->address()), state.counts, now_ms(self));
  if (!pass) {
    auto reason = stream->address() + ": " + std::string{describe(pass.error())};
    context.say("debug", "refused " + reason); // a flood of strangers is no flood of lines: metrics count them
    self->send(context.store, leave_atom_v, reason);
    stream->close();
    return;
  }
  session_arguments arguments;
  arguments.id = ++context.next_session;
  arguments.stream = stream;
  arguments.store = context.store;
  arguments.settings = context.settings();
  arguments.identity = context.identity;
  arguments.pass = std::move(*pass);
  auto handle = self->spawn(session, std::move(arguments));
  self->monitor(handle);
  state.sessions.emplace(handle.address(), stream->address());
  context.say("debug", "accepted " + stream->address());
}

void accept_waiting(self_pointer self) {
  for (int count = 0; count < accepts_per_turn_max; ++count) {
    auto accepted = self->state.socket->accept();
    if (!accepted) {
      self->state.context->say("error", to_string(accepted.error()));
      self->delayed_send(self, refused_pause, tick_atom_v);
      return;
    }
    if (!*accepted)
      break;
    start_session(self, *accepted);
  }
  arm(self);
}

void on_down(self_pointer self, const caf::down_msg& message) {
  auto& state = self->state;
  auto session = state.sessions.extract(message.source);
  if (session.empty())
    return;
  auto reason = from_caf(message.reason);
  if (message.reason && message.reason.category() == error_category && reason.code != ec::connection_closed)
    state.context->say("warning", "connection from " + session.mapped() + " ended: " + to_string(reason));
  if (state.is_ending && state.sessions.empty())
    self->quit(caf::exit_reason::user_shutdown);
}

} // namespace

listener_actor::behavior_type listener(listener_actor::stateful_pointer<listener_state> self,
                                       const context_ptr& context, const std::shared_ptr<acceptor>& socket) {
  self->state.context = context;
  self->state.socket = socket;
  self->state.counts = context->guard->totals().add_source(to_string(socket->where()));
  self->set_down_handler([self](const caf::down_msg& message) { on_down(self, message); });
  self->set_exit_handler([self](const caf::exit_msg&) {
    auto& state = self->state;
    state.is_ending = true;
    state.socket->close();
    for (const auto& [address, peer] : state.sessions)
      self->send_exit(caf::actor_cast<caf::actor>(address), caf::exit_reason::user_shutdown);
    if (state.sessions.empty())
      self->quit(caf::exit_reason::user_shutdown);
  });
  arm(self);
  return {
    [self](internal_atom, bool is_ready) {
      if (is_ready && !self->state.is_ending)
        accept_waiting(self);
    },
    [self](tick_atom) {
      if (!self->state.is_ending)
        accept_waiting(self);
    },
  };
}

} // namespace corestore::actors
