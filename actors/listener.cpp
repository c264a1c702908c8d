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

void start_session(self_pointer self, const stream_ptr& stream) {
  auto& state = self->state;
  auto& context = *state.context;
  auto host = host_of(stream->address());
  auto settings = context.settings();
  if (context.accepted >= settings->connections_max || state.by_host[host] >= settings->connections_per_address_max) {
    context.say("warning", "refused " + stream->address() + ": too many connections");
    self->send(context.store, leave_atom_v, stream->address() + ": too many connections");
    stream->close();
    return;
  }
  session_arguments arguments;
  arguments.id = ++context.next_session;
  arguments.stream = stream;
  arguments.store = context.store;
  arguments.settings = settings;
  arguments.identity = context.identity;
  auto handle = self->spawn(session, std::move(arguments));
  self->monitor(handle);
  ++context.accepted;
  ++state.by_host[host];
  state.sessions.emplace(handle.address(), host);
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
  auto found = state.sessions.find(message.source);
  if (found == state.sessions.end())
    return;
  if (auto host = state.by_host.find(found->second); host != state.by_host.end() && --host->second == 0)
    state.by_host.erase(host);
  state.sessions.erase(found);
  --state.context->accepted;
  auto reason = from_caf(message.reason);
  if (message.reason.category() == error_category && reason.code != ec::connection_closed)
    state.context->say("warning", "connection ended: " + to_string(reason));
  if (state.is_ending && state.sessions.empty())
    self->quit(caf::exit_reason::user_shutdown);
}

} // namespace

listener_actor::behavior_type listener(listener_actor::stateful_pointer<listener_state> self,
                                       const context_ptr& context, const std::shared_ptr<acceptor>& socket) {
  self->state.context = context;
  self->state.socket = socket;
  self->set_down_handler([self](const caf::down_msg& message) { on_down(self, message); });
  self->set_exit_handler([self](const caf::exit_msg&) {
    auto& state = self->state;
    state.is_ending = true;
    state.socket->close();
    for (const auto& [address, host] : state.sessions)
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
