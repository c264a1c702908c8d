#include "actors/remote_store.hpp"

#include <algorithm>
#include <chrono>
#include <set>

#include <caf/all.hpp>
#include <caf/io/middleman.hpp>
#include <caf/openssl/manager.hpp>

#include "actors/remote_core.hpp"

namespace corestore::actors {

namespace {

/// A node that accepts and then says nothing is given up after that.
constexpr std::chrono::seconds dial_patience{10};

/// Between two attempts to reach a server again that somebody listens to.
constexpr std::chrono::milliseconds retry_pause{500};

/// Requests that may wait for a connection.
constexpr std::size_t queued_max = 4096;

} // namespace

void remote_store_state::open(self_pointer self, node_address where) {
  self_ = self;
  where_ = std::move(where);
}

std::string remote_store_state::address() const {
  return where_.host + ":" + std::to_string(where_.port);
}

caf::result<store_actor> remote_store_state::join() {
  if (store_)
    return store_;
  auto promise = self_->make_response_promise<store_actor>();
  when_connected([this, promise](const caf::error& failure) mutable {
    if (failure)
      promise.deliver(failure);
    else
      promise.deliver(store_);
  });
  return promise;
}

void remote_store_state::when_connected(continuation next) {
  if (queued_.size() >= queued_max) {
    next(make_error(ec::limit_exceeded, "too many requests wait for the server at " + address()));
    return;
  }
  queued_.push_back(std::move(next));
  if (!is_dialling_)
    dial();
}

void remote_store_state::dial() {
  is_dialling_ = true;
  auto& system = self_->system();
  const auto& connector = where_.has_tls ? system.openssl_manager().actor_handle() : system.middleman().actor_handle();
  self_->request(connector, dial_patience, caf::connect_atom::value, where_.host, where_.port)
    .then([this](const caf::node_id&, const caf::strong_actor_ptr& store,
                 const std::set<std::string>& interface) { connected(store, interface); },
          [this](const caf::error& reason) {
            settle(make_error(ec::connection_closed,
                              "no server answers at " + address() + " (" + self_->system().render(reason) + ")"));
          });
}

void remote_store_state::connected(const caf::strong_actor_ptr& store, const std::set<std::string>& interface) {
  if (!store) {
    settle(make_error(ec::connection_closed, "nothing is published at " + address()));
    return;
  }
  if (!self_->system().assignable<store_actor>(interface)) {
    settle(make_error(ec::unsupported, "the server at " + address() + " speaks another version's messages"));
    return;
  }
  store_ = caf::actor_cast<store_actor>(store);
  self_->monitor(store_);
  settle({});
  listen_there();
}

// -- listeners

void remote_store_state::listen_there() {
  auto done = [](bool) {
    // nop
  };
  auto lost = [](const caf::error&) {
    // the server is gone: its DOWN says so
  };
  for (const auto& sink : watchers_)
    self_->request(store_, caf::infinite, watch_atom_v, sink).then(done, lost);
  for (const auto& [extension, sink] : extensions_)
    self_->request(store_, caf::infinite, extend_atom_v, extension, sink).then(done, lost);
}

bool remote_store_state::is_listening(const caf::actor_addr& sink) const {
  return std::any_of(watchers_.begin(), watchers_.end(),
                     [&](const store_sink& known) { return known.address() == sink; }) ||
         std::any_of(extensions_.begin(), extensions_.end(),
                     [&](const auto& known) { return known.second.address() == sink; });
}

bool remote_store_state::forget_listener(const caf::actor_addr& sink) {
  auto count = std::erase_if(watchers_, [&](const store_sink& known) { return known.address() == sink; }) +
               std::erase_if(extensions_, [&](const auto& known) { return known.second.address() == sink; });
  return count > 0;
}

caf::result<bool> remote_store_state::pass(caf::detail::type_list<bool> answer, watch_atom, const store_sink& sink) {
  if (std::find(watchers_.begin(), watchers_.end(), sink) == watchers_.end()) {
    if (!is_listening(sink.address()))
      self_->monitor(sink);
    watchers_.push_back(sink);
  }
  return hand_on(answer, watch_atom_v, sink);
}

caf::result<bool> remote_store_state::pass(caf::detail::type_list<bool> answer, unwatch_atom, const store_sink& sink) {
  if (std::erase(watchers_, sink) > 0 && !is_listening(sink.address()))
    self_->demonitor(sink.address());
  return hand_on(answer, unwatch_atom_v, sink);
}

caf::result<bool> remote_store_state::pass(caf::detail::type_list<bool> answer, extend_atom,
                                           const std::string& extension, const extension_sink& sink) {
  std::pair wanted{extension, sink};
  if (std::find(extensions_.begin(), extensions_.end(), wanted) == extensions_.end()) {
    if (!is_listening(sink.address()))
      self_->monitor(sink);
    extensions_.push_back(std::move(wanted));
  }
  return hand_on(answer, extend_atom_v, extension, sink);
}

caf::result<bool> remote_store_state::pass(caf::detail::type_list<bool> answer, retract_atom,
                                           const std::string& extension, const extension_sink& sink) {
  if (std::erase(extensions_, std::pair{extension, sink}) > 0 && !is_listening(sink.address()))
    self_->demonitor(sink.address());
  return hand_on(answer, retract_atom_v, extension, sink);
}

void remote_store_state::retry() {
  if (store_ || (watchers_.empty() && extensions_.empty()))
    return;
  when_connected([this](const caf::error& failure) {
    if (failure)
      self_->delayed_send(self_, retry_pause, tick_atom_v);
  });
}

// -- connections

void remote_store_state::settle(const caf::error& failure) {
  is_dialling_ = false;
  auto ready = std::exchange(queued_, {});
  for (auto& next : ready)
    next(failure);
}

caf::result<opened_core> remote_store_state::pass(caf::detail::type_list<opened_core>, open_atom,
                                                  const core_selector& selector) {
  auto proxy = self_->spawn(remote_core, caf::actor_cast<remote_store_actor>(self_->ctrl()), selector);
  self_->monitor(proxy);
  cores_.insert(proxy.address());
  auto promise = self_->make_response_promise<opened_core>();
  self_->request(proxy, caf::infinite, join_atom_v)
    .then(
      [this, promise, proxy](const core_record& record) mutable {
        auto handle = spawn_front<core_actor>(self_->system(), proxy);
        self_->send(proxy, attach_atom_v, caf::actor_cast<caf::actor>(handle));
        promise.deliver(opened_core{handle, record});
      },
      [this, promise, proxy](const caf::error& reason) mutable {
        self_->send_exit(proxy, caf::exit_reason::user_shutdown);
        promise.deliver(reason);
      });
  return promise;
}

void remote_store_state::attach(const caf::actor& front) {
  front_ = front.address();
  had_front_ = true;
  self_->monitor(front);
}

void remote_store_state::on_down(const caf::down_msg& message) {
  if (store_ && message.source == store_.address()) {
    store_ = nullptr;
    auto lost = make_error(ec::connection_closed, "the connection to the server at " + address() + " was lost");
    under_way_.fail_all(lost);
    retry();
    return;
  }
  if (front_ && message.source == *front_)
    front_.reset();
  else if (!forget_listener(message.source))
    cores_.erase(message.source);
  end_when_unused();
}

void remote_store_state::end_when_unused() {
  if (had_front_ && !front_ && cores_.empty())
    finish(caf::exit_reason::user_shutdown);
}

void remote_store_state::finish(const caf::error& reason) {
  auto closed = make_error(ec::store_closed, "the handle of the remote store was closed");
  under_way_.fail_all(closed);
  settle(closed);
  self_->quit(reason);
}

remote_store_actor::behavior_type remote_store(remote_store_state::self_pointer self, node_address where) {
  auto* state = &self->state;
  state->open(self, std::move(where));
  self->set_down_handler([state](const caf::down_msg& message) { state->on_down(message); });
  self->set_exit_handler([state](const caf::exit_msg& message) { state->finish(message.reason); });
  return make_proxy_behavior<remote_store_actor::behavior_type>(
    state, store_actor::signatures{}, [state](join_atom) { return state->join(); },
    [state](attach_atom, const caf::actor& front) { state->attach(front); }, [state](tick_atom) { state->retry(); });
}

result<store_actor> connect_node(caf::actor_system& system, const node_address& where) {
  auto proxy = system.spawn(remote_store, where);
  caf::scoped_actor self{system};
  result<store_actor> answer = fail(ec::internal, "no answer");
  self->request(proxy, caf::infinite, join_atom_v)
    .receive(
      [&](const store_actor&) {
        auto handle = spawn_front<store_actor>(system, proxy);
        self->send(proxy, attach_atom_v, caf::actor_cast<caf::actor>(handle));
        answer = std::move(handle);
      },
      [&](const caf::error& reason) {
        self->send_exit(proxy, caf::exit_reason::user_shutdown);
        answer = fail(from_caf(reason));
      });
  return answer;
}

} // namespace corestore::actors
