#include "actors/store.hpp"

#include <algorithm>

#include <caf/all.hpp>

#include "actors/core.hpp"

namespace corestore::actors {

namespace {

constexpr std::uint32_t page_records_max = 10000;

std::string_view name_of(storage::durability mode) {
  switch (mode) {
  case storage::durability::commit:
    return "commit";
  case storage::durability::interval:
    return "interval";
  case storage::durability::none:
    return "none";
  }
  return "unknown";
}

} // namespace

result<void> store_state::open(self_pointer self, store_arguments arguments) {
  self_ = self;
  backend_ = std::move(arguments.backend);
  writer_ = std::move(arguments.writer);
  replication_ = arguments.replication;
  auto next = backend_->next_number();
  if (!next)
    return fail(next.error());
  next_number_ = static_cast<std::uint32_t>(*next);
  return {};
}

caf::result<opened_core> store_state::open_core(const core_selector& selector) {
  if (ending_)
    return make_error(ec::store_closed, "the store is closing");
  auto resolved = resolve(selector);
  if (!resolved)
    return to_caf(resolved.error());
  auto discovery = resolved->header.discovery;
  auto promise = self_->make_response_promise<opened_core>();
  if (auto creating = creating_.find(discovery); creating != creating_.end()) {
    creating->second.push_back(promise);
    return promise;
  }
  if (resolved->is_new) {
    if (!selector.create) {
      promise.deliver(make_error(ec::not_found, "the store does not know this core"));
      return promise;
    }
    create(std::move(*resolved), promise);
    return promise;
  }
  auto& core = load(resolved->header);
  activate(core, discovery);
  answer(core, discovery, promise);
  return promise;
}

void store_state::create(resolution wanted, caf::typed_response_promise<opened_core> promise) {
  auto discovery = wanted.header.discovery;
  auto loaded = loaded_.find(discovery);
  log::change_set changes;
  if (!wanted.is_stored)
    wanted.header.number = log::core_number{next_number_++};
  changes.number = wanted.header.number;
  changes.header = wanted.header;
  changes.alias = wanted.alias;
  creating_[discovery].push_back(promise);
  auto abandon = [this, discovery](const caf::error& reason) {
    auto waiting = std::move(creating_[discovery]);
    creating_.erase(discovery);
    for (auto& caller : waiting)
      caller.deliver(reason);
  };
  auto write = [this, discovery, abandon, changes = std::make_shared<const log::change_set>(std::move(changes))] {
    self_->request(writer_, caf::infinite, commit_atom_v, change_set_ptr{changes})
      .then([this, discovery, changes](std::uint64_t) { created(discovery, *changes->header); }, abandon);
  };
  if (loaded == loaded_.end()) {
    write();
    return;
  }
  // A read-only core that was loaded for somebody becomes writable: it starts anew with its new header.
  auto handle = loaded->second.handle;
  loaded_.erase(loaded);
  by_address_.erase(handle.address());
  self_->send_exit(handle, caf::exit_reason::user_shutdown);
  write();
}

void store_state::created(const corestore::discovery_key& discovery, const log::core_header& header) {
  auto waiting = std::move(creating_[discovery]);
  creating_.erase(discovery);
  if (ending_) {
    for (auto& promise : waiting)
      promise.deliver(make_error(ec::store_closed, "the store is closing"));
    return;
  }
  auto& core = load(header);
  activate(core, discovery);
  for (auto& promise : waiting)
    answer(core, discovery, promise);
}

store_state::loaded_core& store_state::load(const log::core_header& header) {
  auto found = loaded_.find(header.discovery);
  if (found != loaded_.end())
    return found->second;
  auto handle = self_->spawn(core, core_arguments{backend_, writer_, header, replication_});
  self_->monitor(handle);
  by_address_.emplace(handle.address(), header.discovery);
  return loaded_.emplace(header.discovery, loaded_core{handle, header.key, false}).first->second;
}

void store_state::activate(loaded_core& core, const corestore::discovery_key& discovery) {
  if (core.is_active)
    return;
  core.is_active = true;
  self_->send(core.handle, wake_atom_v);
  for (const auto& [address, session] : sessions_)
    if (session.has_joined)
      self_->send(session.handle, open_atom_v, local_core{core.handle, core.key, discovery});
}

void store_state::answer(const loaded_core& core, const corestore::discovery_key& discovery,
                         caf::typed_response_promise<opened_core> promise) {
  auto handle = core.handle;
  self_->request(handle, caf::infinite, info_atom_v)
    .then(
      [promise, handle](const core_record& record) mutable {
        promise.deliver(opened_core{caf::actor_cast<core_actor>(handle), record});
      },
      [this, promise, discovery](const caf::error& reason) mutable {
        // The actor ends when head or bits cannot be read: say what is wrong with them.
        auto source = backend_->open_snapshot();
        if (!source) {
          promise.deliver(to_caf(source.error()));
          return;
        }
        auto header = (*source)->header(discovery);
        if (header && *header)
          if (auto head = (*source)->head((*header)->number); !head) {
            promise.deliver(to_caf(head.error()));
            return;
          }
        promise.deliver(to_caf(from_caf(reason)));
      });
}

caf::result<core_record> store_state::describe(const core_selector& selector) {
  auto resolved = resolve(selector);
  if (!resolved)
    return to_caf(resolved.error());
  if (auto loaded = loaded_.find(resolved->header.discovery); loaded != loaded_.end())
    return self_->delegate(loaded->second.handle, info_atom_v);
  if (resolved->is_new)
    return make_error(ec::not_found, "the store does not know this core");
  auto source = backend_->open_snapshot();
  if (!source)
    return to_caf(source.error());
  auto head = (*source)->head(resolved->header.number);
  auto bits = (*source)->bits(resolved->header.number);
  if (!head)
    return to_caf(head.error());
  if (!bits)
    return to_caf(bits.error());
  return make_record(resolved->header, *head, bits->contiguous_length());
}

caf::result<record_page> store_state::list(const list_request& request) {
  auto opened = backend_->open_snapshot();
  if (!opened)
    return to_caf(opened.error());
  const auto& source = **opened;
  auto limit = std::clamp<std::uint32_t>(request.limit, 1, page_records_max);
  corestore::discovery_key after;
  after.data = request.after.data;
  record_page page;
  error failure;
  auto add = [&](const log::core_header& header) {
    if (page.records.size() == limit) {
      page.is_last = false;
      return false;
    }
    bool is_loaded = loaded_.find(header.discovery) != loaded_.end();
    if (request.loaded_only && !is_loaded)
      return true;
    auto head = source.head(header.number);
    auto bits = source.bits(header.number);
    if (!head || !bits) {
      failure = head ? bits.error() : head.error();
      return false;
    }
    page.records.push_back(make_record(header, *head, bits->contiguous_length()));
    page.records.back().active = is_loaded;
    return true;
  };
  result<void> done;
  if (request.in_namespace) {
    bool is_past = after.is_zero();
    done = source.each_alias(request.name_space, [&](std::string_view, const corestore::discovery_key& discovery) {
      if (!is_past) {
        is_past = discovery == after;
        return true;
      }
      auto header = source.header(discovery);
      return header && *header ? add(**header) : true;
    });
  } else {
    done = source.each_header([&](const log::core_header& header) {
      return !after.is_zero() && header.discovery <= after ? true : add(header);
    });
  }
  if (!done)
    return to_caf(done.error());
  if (failure.code != ec::none)
    return to_caf(failure);
  return page;
}

caf::result<store_record> store_state::describe_store() const {
  store_record record;
  auto opened = backend_->open_snapshot();
  if (!opened)
    return to_caf(opened.error());
  auto counted = (*opened)->each_header([&](const log::core_header&) {
    ++record.cores_known;
    return true;
  });
  if (!counted)
    return to_caf(counted.error());
  auto numbers = backend_->stats();
  record.cores_loaded = loaded_.size();
  record.sessions = sessions_.size();
  record.used_bytes = numbers.used_bytes;
  record.limit_bytes = numbers.limit_bytes;
  record.commits = numbers.commits;
  record.refusals = refusals_;
  record.durability = std::string{name_of(backend_->mode())};
  record.version = CORESTORE_VERSION;
  return record;
}

std::vector<peer_record> store_state::peers() const {
  std::vector<peer_record> records;
  records.reserve(sessions_.size());
  for (const auto& [address, session] : sessions_)
    records.push_back(session.record);
  std::sort(records.begin(), records.end(),
            [](const peer_record& left, const peer_record& right) { return left.id < right.id; });
  return records;
}

caf::result<local_core> store_state::wake(const corestore::discovery_key& discovery) {
  if (ending_)
    return make_error(ec::store_closed, "the store is closing");
  if (auto found = loaded_.find(discovery); found != loaded_.end())
    return local_core{found->second.handle, found->second.key, discovery};
  auto source = backend_->open_snapshot();
  if (!source)
    return to_caf(source.error());
  auto header = (*source)->header(discovery);
  if (!header)
    return to_caf(header.error());
  if (!*header || creating_.find(discovery) != creating_.end())
    return make_error(ec::not_found, "the store does not know this core");
  auto& core = load(**header);
  return local_core{core.handle, core.key, discovery};
}

std::vector<local_core> store_state::join(const session_actor& session) {
  auto found = sessions_.find(session.address());
  if (found != sessions_.end())
    found->second.has_joined = true;
  std::vector<local_core> offered;
  for (const auto& [discovery, core] : loaded_)
    if (core.is_active)
      offered.push_back({core.handle, core.key, discovery});
  return offered;
}

void store_state::update_session(const session_actor& session, peer_record record) {
  auto [found, is_new] = sessions_.try_emplace(session.address());
  if (is_new) {
    found->second.handle = session;
    self_->monitor(session);
  }
  found->second.record = std::move(record);
}

void store_state::on_down(const caf::down_msg& message) {
  if (sessions_.erase(message.source) > 0)
    return;
  auto core = by_address_.find(message.source);
  if (core == by_address_.end())
    return;
  loaded_.erase(core->second);
  by_address_.erase(core);
  if (ending_ && loaded_.empty())
    self_->quit(*ending_);
}

void store_state::finish(caf::error reason) {
  if (ending_)
    return;
  ending_ = std::move(reason);
  for (const auto& [discovery, core] : loaded_)
    self_->send_exit(core.handle, caf::exit_reason::user_shutdown);
  for (auto& [discovery, waiting] : creating_)
    for (auto& promise : waiting)
      promise.deliver(make_error(ec::store_closed, "the store is closing"));
  creating_.clear();
  if (loaded_.empty())
    self_->quit(*ending_);
}

local_store_actor::behavior_type store(store_state::self_pointer self, store_arguments arguments) {
  auto& state = self->state;
  if (auto opened = state.open(self, std::move(arguments)); !opened) {
    self->quit(to_caf(opened.error()));
    return local_store_actor::behavior_type::make_empty_behavior();
  }
  self->set_down_handler([self](const caf::down_msg& message) { self->state.on_down(message); });
  self->set_exit_handler([self](caf::exit_msg& message) { self->state.finish(std::move(message.reason)); });
  return {
    [&state](open_atom, const core_selector& selector) { return state.open_core(selector); },
    [&state](info_atom, const core_selector& selector) { return state.describe(selector); },
    [&state](list_atom, const list_request& request) { return state.list(request); },
    [&state](info_atom) { return state.describe_store(); },
    [&state](peers_atom) { return state.peers(); },
    [&state](wake_atom, const corestore::discovery_key& discovery) { return state.wake(discovery); },
    [&state](join_atom, const session_actor& session) { return state.join(session); },
    [&state](sync_atom, const session_actor& session, peer_record& record) {
      state.update_session(session, std::move(record));
    },
    [&state](leave_atom, const std::string&) { state.count_refusal(); },
    [&state](shutdown_atom) { state.finish(caf::exit_reason::user_shutdown); },
  };
}

} // namespace corestore::actors
