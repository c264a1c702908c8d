#include "actors/remote_core.hpp"

#include <algorithm>
#include <chrono>

#include <caf/all.hpp>

namespace corestore::actors {

namespace {

/// Requests that may wait until the core is open again.
constexpr std::size_t queued_max = 4096;

/// Pause between two attempts to reach a lost node for the sake of subscribers.
constexpr std::chrono::milliseconds retry_pause{500};

/// A server that lives and does not open a core for that long is given up.
constexpr std::chrono::seconds open_patience{60};

} // namespace

void remote_core_state::open(self_pointer self, remote_store_actor store, core_selector selector) {
  self_ = self;
  store_ = std::move(store);
  selector_ = std::move(selector);
}

caf::result<core_record> remote_core_state::join() {
  auto promise = self_->make_response_promise<core_record>();
  when_open([this, promise](const caf::error& failure) mutable {
    if (failure)
      promise.deliver(failure);
    else
      promise.deliver(record_);
  });
  return promise;
}

void remote_core_state::when_open(continuation next) {
  if (core_) {
    next({});
    return;
  }
  if (queued_.size() >= queued_max) {
    next(make_error(ec::limit_exceeded, "too many requests wait for a core of another node"));
    return;
  }
  queued_.push_back(std::move(next));
  if (std::exchange(is_opening_, true))
    return;
  self_->request(store_, caf::infinite, join_atom_v)
    .then([this](const store_actor& store) { reopen(store); }, [this](const caf::error& reason) { settle(reason); });
}

void remote_core_state::reopen(const store_actor& store) {
  // The store's loss ends the wait: it may die before it answers, and then it never does.
  self_->monitor(store);
  auto attempt = ++attempts_;
  self_->request(store, open_patience, open_atom_v, selector_)
    .then(
      [this, store, attempt](opened_core& core) {
        self_->demonitor(store.address());
        if (attempt == attempts_ && is_opening_)
          opened(std::move(core));
      },
      [this, store, attempt](const caf::error& reason) {
        self_->demonitor(store.address());
        if (attempt == attempts_ && is_opening_)
          settle(reason);
      });
}

void remote_core_state::opened(opened_core core) {
  core_ = std::move(core.handle);
  self_->monitor(core_);
  auto before = std::exchange(record_, std::move(core.record));
  // What was created, or named by its pair, is the same core the next time.
  selector_.kind = selector_kind::by_key;
  selector_.id.data = record_.key.data;
  selector_.group.clear(); // it may have left the group since
  subscribe_there();
  extend_there();
  settle({});
  if (!before.key.is_zero() && (before.length != record_.length || before.fork != record_.fork))
    publish({before.fork == record_.fork ? event_kind::append : event_kind::truncate, record_.key, record_.discovery,
             record_.length, record_.fork, 0, 0});
}

void remote_core_state::subscribe_there() {
  if (sinks_.empty() || !core_)
    return;
  self_->request(core_, caf::infinite, subscribe_atom_v, caf::actor_cast<event_sink>(self_->ctrl()))
    .then([this](const core_record& record) { record_ = record; },
          [](const caf::error&) {
            // the core is gone: its DOWN says so
          });
}

void remote_core_state::extend_there() {
  for (const auto& [extension, sink] : extensions_)
    self_->request(core_, caf::infinite, extend_atom_v, extension, sink)
      .then(
        [](bool) {
          // nop
        },
        [](const caf::error&) {
          // the core is gone: its DOWN says so
        });
}

void remote_core_state::settle(const caf::error& failure) {
  is_opening_ = false;
  auto ready = std::exchange(queued_, {});
  for (auto& next : ready)
    next(failure);
}

caf::result<core_record> remote_core_state::pass(caf::detail::type_list<core_record>, subscribe_atom,
                                                 const event_sink& sink) {
  forget_sink(sink.address());
  self_->monitor(sink);
  sinks_.push_back(sink);
  auto promise = self_->make_response_promise<core_record>();
  when_open([this, promise](const caf::error& failure) mutable {
    if (failure)
      promise.deliver(failure);
    else
      under_way_.send<core_record>(self_, core_, promise, subscribe_atom_v, caf::actor_cast<event_sink>(self_->ctrl()));
  });
  return promise;
}

caf::result<bool> remote_core_state::pass(caf::detail::type_list<bool>, unsub_atom, const event_sink& sink) {
  return forget_sink(sink.address());
}

caf::result<bool> remote_core_state::pass(caf::detail::type_list<bool> answer, extend_atom,
                                          const std::string& extension, const extension_sink& sink) {
  std::pair wanted{extension, sink};
  if (std::find(extensions_.begin(), extensions_.end(), wanted) == extensions_.end()) {
    extensions_.push_back(std::move(wanted));
    self_->monitor(sink);
  }
  return hand_on(answer, extend_atom_v, extension, sink);
}

caf::result<bool> remote_core_state::pass(caf::detail::type_list<bool> answer, retract_atom,
                                          const std::string& extension, const extension_sink& sink) {
  if (std::erase(extensions_, std::pair{extension, sink}) > 0)
    self_->demonitor(sink.address());
  return hand_on(answer, retract_atom_v, extension, sink);
}

bool remote_core_state::forget_sink(const caf::actor_addr& sink) {
  auto removed = std::erase_if(sinks_, [&](const event_sink& known) { return known.address() == sink; });
  if (removed == 0)
    return false;
  self_->demonitor(sink);
  if (sinks_.empty() && core_)
    self_->request(core_, caf::infinite, unsub_atom_v, caf::actor_cast<event_sink>(self_->ctrl()))
      .then(
        [](bool) {
          // nop
        },
        [](const caf::error&) {
          // the core is gone, and the subscription with it
        });
  return true;
}

void remote_core_state::publish(const core_event& event) {
  record_.length = event.length;
  record_.fork = event.fork;
  for (const auto& sink : sinks_)
    self_->send(sink, event);
}

void remote_core_state::retry() {
  if (core_ || (sinks_.empty() && extensions_.empty()))
    return;
  when_open([this](const caf::error& failure) {
    if (failure)
      self_->delayed_send(self_, retry_pause, tick_atom_v);
  });
}

void remote_core_state::attach(const caf::actor& front) {
  front_ = front.address();
  had_front_ = true;
  self_->monitor(front);
}

void remote_core_state::end_when_unused() {
  if (had_front_ && !front_)
    finish(caf::exit_reason::user_shutdown);
}

void remote_core_state::on_down(const caf::down_msg& message) {
  if (core_ && message.source == core_.address()) {
    core_ = nullptr;
    under_way_.fail_all(make_error(ec::connection_closed, "the connection to the server was lost"));
    retry();
    return;
  }
  auto had_listened =
    std::erase_if(extensions_, [&](const auto& known) { return known.second.address() == message.source; }) > 0;
  if (front_ && message.source == *front_)
    front_.reset();
  else if (!forget_sink(message.source) && !had_listened && is_opening_)
    settle(make_error(ec::connection_closed, "the connection to the server was lost"));
  end_when_unused();
}

void remote_core_state::finish(const caf::error& reason) {
  auto closed = make_error(ec::store_closed, "the handle of the remote core was closed");
  under_way_.fail_all(closed);
  settle(closed);
  self_->quit(reason);
}

remote_core_actor::behavior_type remote_core(remote_core_state::self_pointer self, remote_store_actor store,
                                             core_selector selector) {
  auto* state = &self->state;
  state->open(self, std::move(store), std::move(selector));
  self->set_down_handler([state](const caf::down_msg& message) { state->on_down(message); });
  self->set_exit_handler([state](const caf::exit_msg& message) { state->finish(message.reason); });
  return make_proxy_behavior<remote_core_actor::behavior_type>(
    state, core_actor::signatures{}, [state](join_atom) { return state->join(); },
    [state](attach_atom, const caf::actor& front) { state->attach(front); },
    [state](const core_event& event) { state->publish(event); }, [state](tick_atom) { state->retry(); });
}

} // namespace corestore::actors
