#include "actors/store.hpp"

#include <caf/all.hpp>

#include "actors/core.hpp"

namespace corestore::actors {

result<void> store_state::open(self_pointer self, store_arguments arguments) {
  self_ = self;
  backend_ = std::move(arguments.backend);
  writer_ = std::move(arguments.writer);
  cache_ = core_cache{arguments.cache};
  meters_ = arguments.counted ? std::move(arguments.counted) : std::make_shared<meters>();
  around_ = std::make_shared<const core_surroundings>(core_surroundings{
    backend_, writer_, arguments.replication, meters_, std::make_shared<group_board>(), self->address()});
  guard_ = arguments.guard ? std::move(arguments.guard) : std::make_shared<peer_guard>(meters_);
  generation_ = arguments.generation;
  manifest_version_ = arguments.manifest_version;
  scopes_[scope_id{}];
  auto next = backend_->next_number();
  if (!next)
    return fail(next.error());
  next_number_ = static_cast<std::uint32_t>(*next);
  return {};
}

std::uint64_t store_state::now_ms() const {
  auto now = self_->clock().now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

caf::error store_state::closed_error() {
  return make_error(ec::store_closed, "the store is closed");
}

void store_state::on_down(const caf::down_msg& message) {
  // Actors of two systems in one process may have the same id: the pointer tells them apart.
  const auto is_source = [&message](const caf::actor_addr& address) {
    return address.get() == message.source.get();
  };
  if (auto session = sessions_.find(message.source); session != sessions_.end() && is_source(session->first)) {
    store_event event;
    event.kind = store_event_kind::session_close;
    event.peer = std::move(session->second.record);
    if (message.reason && message.reason.category() == error_category)
      event.reason = to_string(from_caf(message.reason));
    auto left = std::move(session->second.parked);
    sessions_.erase(session);
    for (const auto& discovery : left)
      if (auto channels = parked_.find(discovery); channels != parked_.end()) {
        std::erase_if(channels->second, [&](const session_actor& known) { return known.address() == message.source; });
        if (channels->second.empty())
          parked_.erase(channels);
      }
    tell(scope_id{}, event);
    return;
  }
  if (auto core = by_address_.find(message.source); core != by_address_.end() && is_source(core->first)) {
    auto discovery = *core->second;
    by_address_.erase(core);
    loaded_.erase(discovery);
    cache_.remove(discovery);
    settled(discovery);
    end_if_empty();
    return;
  }
  auto is_it = [&](const auto& entry) {
    return is_source(entry.second.address);
  };
  if (auto scope = std::find_if(scopes_.begin(), scopes_.end(), is_it); scope != scopes_.end()) {
    leave_scope(scope->first);
    return;
  }
  released_by(message.source);
}

// -- the end

void store_state::end_cores() {
  for (const auto& [address, session] : sessions_)
    self_->send(session.handle, shutdown_atom_v);
  for (const auto& [discovery, core] : loaded_)
    self_->send_exit(core.handle, caf::exit_reason::user_shutdown);
}

void store_state::end_if_empty() {
  if (!is_closed_ || !loaded_.empty())
    return;
  if (ending_) {
    for (auto& promise : closing_)
      promise.deliver(true);
    self_->quit(*ending_);
    return;
  }
  if (closing_.empty())
    return;
  auto waiting = std::move(closing_);
  closing_.clear();
  self_->request(writer_, caf::infinite, sync_atom_v)
    .then(
      [waiting](bool) mutable {
        for (auto& promise : waiting)
          promise.deliver(true);
      },
      [waiting](const caf::error& reason) mutable {
        for (auto& promise : waiting)
          promise.deliver(reason);
      });
}

caf::result<bool> store_state::close() {
  auto promise = self_->make_response_promise<bool>();
  closing_.push_back(promise);
  if (!is_closed_) {
    is_closed_ = true;
    if (network_)
      self_->send(network_, shutdown_atom_v);
    end_cores();
  }
  end_if_empty();
  return promise;
}

void store_state::finish(caf::error reason) {
  if (ending_)
    return;
  ending_ = std::move(reason);
  network_ = nullptr;
  for (const auto& [scope, entry] : scopes_)
    if (auto handle = caf::actor_cast<caf::actor>(entry.address))
      self_->send_exit(handle, caf::exit_reason::user_shutdown);
  if (!is_closed_) {
    is_closed_ = true;
    end_cores();
  }
  end_if_empty();
}

// NOLINTNEXTLINE(readability-function-size): a table, one line for each message
local_store_actor::behavior_type store(store_state::self_pointer self, store_arguments arguments) {
  auto& state = self->state;
  if (auto opened = state.open(self, std::move(arguments)); !opened) {
    self->quit(to_caf(opened.error()));
    return local_store_actor::behavior_type::make_empty_behavior();
  }
  constexpr scope_id whole{};
  self->set_down_handler([self](const caf::down_msg& message) { self->state.on_down(message); });
  self->set_exit_handler([self](caf::exit_msg& message) { self->state.finish(std::move(message.reason)); });
  return {
    [&state](sync_atom, const session_actor& session, peer_record& record) {
      state.update_session(session, std::move(record));
    },
    [&state](wake_atom, const corestore::discovery_key& discovery, scope_id scope) {
      return state.wake(discovery, scope);
    },
    [&state](open_atom, const core_selector& selector) { return state.open_core(selector, whole); },
    [&state](open_atom, const core_selector& selector, scope_id scope) { return state.open_core(selector, scope); },
    [&state](close_atom, const corestore::discovery_key& core) { return state.close_core(core, whole); },
    [&state](close_atom, const corestore::discovery_key& core, scope_id scope) {
      return state.close_core(core, scope);
    },
    [&state](info_atom, const core_selector& selector) { return state.describe(selector); },
    [&state](loaded_atom, const core_selector& selector) { return state.is_loaded(selector); },
    [&state](purge_atom, const core_selector& selector) { return state.purge(selector); },
    [&state](list_atom, const list_request& request) { return state.list(request); },
    [&state](list_atom, const group_request& request) { return state.list_group(request); },
    [&state](group_atom) { state.tell_groups(); },
    [&state](info_atom) { return state.describe_store(); },
    [&state](peers_atom) { return state.peers(); },
    [&state](enter_atom, const std::string& child) { return state.enter(child, whole); },
    [&state](enter_atom, const std::string& child, scope_id scope) { return state.enter(child, scope); },
    [&state](derive_atom, const std::string& child) { return state.derive(child, whole); },
    [&state](derive_atom, const std::string& child, scope_id scope) { return state.derive(child, scope); },
    [&state](watch_atom, const store_sink& sink) { return state.watch(sink, whole); },
    [&state](watch_atom, const store_sink& sink, scope_id scope) { return state.watch(sink, scope); },
    [&state](unwatch_atom, const store_sink& sink) { return state.unwatch(sink, whole); },
    [&state](unwatch_atom, const store_sink& sink, scope_id scope) { return state.unwatch(sink, scope); },
    [&state](extend_atom, const std::string& extension, const extension_sink& sink) {
      return state.extend(extension, sink, whole);
    },
    [&state](extend_atom, const std::string& extension, const extension_sink& sink, scope_id scope) {
      return state.extend(extension, sink, scope);
    },
    [&state](retract_atom, const std::string& extension, const extension_sink& sink) {
      return state.retract(extension, sink, whole);
    },
    [&state](retract_atom, const std::string& extension, const extension_sink& sink, scope_id scope) {
      return state.retract(extension, sink, scope);
    },
    [&state](find_atom) { return state.find(); },
    [&state](found_atom, std::uint64_t token) { return state.found(token); },
    [&state](dial_atom, const std::string& address) { return state.dial({address}, whole); },
    [&state](dial_atom, const dial_request& request) { return state.dial(request, whole); },
    [&state](dial_atom, const dial_request& request, scope_id scope) { return state.dial(request, scope); },
    [&state](dial_atom, peer_record& record) { state.update_dialled(std::move(record)); },
    [&state](replicate_atom, const replicate_request& request, const stream_end& other) {
      return state.replicate(request, other, whole);
    },
    [&state](replicate_atom, const replicate_request& request, const stream_end& other, scope_id scope) {
      return state.replicate(request, other, scope);
    },
    [&state](replicate_atom, const replicate_partner& partner) { return state.replicate(partner, whole); },
    [&state](replicate_atom, const replicate_partner& partner, scope_id scope) {
      return state.replicate(partner, scope);
    },
    [&state](hangup_atom, std::uint64_t id) { return state.hang_up(id); },
    [&state](switch_atom, const connection_switches& wanted) { return state.switch_connection(wanted); },
    [&state](backup_atom, const std::string& directory, bool is_compact) {
      return state.back_up(directory, is_compact);
    },
    [&state](evict_atom, std::uint64_t bytes) { return state.evict(bytes); },
    [&state](const store_event& event) { state.report(event); },
    [&state](compact_atom) { return state.compact(); },
    [&state](fence_atom, bool is_fenced) { return state.set_fence(is_fenced); },
    [&state](suspend_atom) { return state.suspend(); },
    [&state](resume_atom) { return state.resume(); },
    [&state](close_atom) { return state.close(); },
    [&state](close_atom, scope_id scope) { return state.close_scope(scope); },
    [&state](join_atom, const session_actor& session, scope_id scope) { return state.join(session, scope); },
    [&state](join_atom, const network_actor& network) { state.use_network(network); },
    [&state](park_atom, const corestore::discovery_key& core) { state.quiet(core); },
    [&state](leave_atom, const std::string& reason) { state.refused(reason); },
    [&state](ban_atom) { return state.bans(); },
    [&state](ban_atom, const std::string& subject, std::uint64_t for_ms) { return state.ban(subject, for_ms); },
    [&state](ban_atom, const std::string& subject, const std::string& reason) { state.banned(subject, reason); },
    [&state](shutdown_atom) { state.finish(caf::exit_reason::user_shutdown); },
  };
}

} // namespace corestore::actors
