// How cores are opened, created, held and given back.
#include <caf/all.hpp>

#include "actors/core.hpp"
#include "actors/paired_core.hpp"
#include "actors/read_only_core.hpp"
#include "actors/store.hpp"

namespace corestore::actors {

namespace {

constexpr std::uint8_t any_schedule = 255; ///< whatever suits the core

} // namespace

/// What is wrong with a selector, whatever it names.
caf::error store_state::check(const core_selector& selector) {
  const auto& key = selector.encryption_key;
  if (!key.empty() && key.size() != hash32::size)
    return make_error(ec::bad_argument, "an encryption key has 32 bytes, not " + std::to_string(key.size()));
  const auto& group = selector.group;
  if (!group.empty() && group.size() != hash32::size)
    return make_error(ec::bad_argument, "the topic of a group has 32 bytes, not " + std::to_string(group.size()));
  if (!group.empty() && selector.is_read_only)
    return make_error(ec::not_writable, "a core that is opened read-only cannot be put into a group");
  return {};
}

caf::result<opened_core> store_state::open_core(const core_selector& selector, scope_id scope) {
  auto opener = self_->current_sender(); // the promise takes it out of the message
  auto promise = self_->make_response_promise<opened_core>();
  open_for({std::move(opener), selector, scope, promise});
  return promise;
}

void store_state::open_for(const caller& who) {
  auto promise = who.promise;
  if (is_closed_ || !scopes_.contains(who.scope)) {
    promise.deliver(closed_error());
    return;
  }
  if (auto failure = check(who.selector)) {
    promise.deliver(failure);
    return;
  }
  auto selector = who.selector;
  const auto& way = scopes_.at(who.scope).links;
  if (selector.kind == selector_kind::by_default && !way.empty() && scopes_.at(who.scope).id == selector.name_space &&
      generation_of(selector) == log::generation::g9) // in generation 9 it is named after the way to its namespace
    for (auto link = way.rbegin(); link != way.rend(); ++link)
      selector.path.insert(selector.path.begin(), link->name);
  auto resolved = resolve(selector);
  if (!resolved) {
    promise.deliver(to_caf(resolved.error()));
    return;
  }
  const auto& discovery = resolved->header.discovery;
  if (auto busy = busy_.find(discovery); busy != busy_.end()) {
    busy->second.emplace_back([this, who] { open_for(who); });
    return;
  }
  if (who.selector.is_exclusive && exclusive_.contains(discovery)) {
    promise.deliver(make_error(ec::core_held, "core " + text::to_hex(resolved->header.key.view())));
    return;
  }
  if ((resolved->is_new || resolved->is_twin_new) && !who.selector.create) {
    promise.deliver(make_error(ec::not_found, "the store does not know this core"));
    return;
  }
  if (resolved->is_new || resolved->is_twin_new) {
    create(std::move(*resolved), who);
    return;
  }
  auto& core = load(resolved->header, who.selector);
  hold(core, discovery, who);
  answer(core, discovery, who, resolved->twin);
  trim();
}

void store_state::create(resolution wanted, const caller& who) {
  auto discovery = wanted.header.discovery;
  auto& waiting = busy_[discovery];
  auto loaded = loaded_.find(discovery);
  if (wanted.is_new && loaded != loaded_.end() && loaded->second.generation != wanted.header.generation) {
    // Nothing of another generation can have arrived: it starts anew.
    waiting.emplace_back([this, who] { open_for(who); });
    self_->send_exit(loaded->second.handle, caf::exit_reason::user_shutdown);
    return;
  }
  auto failed = [this, discovery, who](const caf::error& reason) {
    auto promise = who.promise;
    promise.deliver(reason);
    settled(discovery);
  };
  if (!wanted.is_new) {
    store_twin(wanted.header, wanted.twin, who, failed);
    return;
  }
  log::change_set changes;
  if (!wanted.is_stored)
    wanted.header.number = log::core_number{next_number_++};
  if (!wanted.header.fence)
    wanted.header.fence = fence_for(wanted, who.selector);
  changes.number = wanted.header.number;
  changes.header = wanted.header;
  changes.alias = wanted.alias;
  if (!wanted.is_stored &&
      !who.selector.group.empty()) // one that is stored may be in another group: answer() finds out
    changes.group = log::group_change{hash32::from(who.selector.group)};
  if (wanted.alias && wanted.header.generation == log::generation::g10)
    changes.links = links_to(who.selector, who.scope);
  auto known = std::make_shared<const log::change_set>(std::move(changes));
  auto done = [this, known, who, failed, twin = std::move(wanted.twin), is_twin_new = wanted.is_twin_new] {
    if (is_twin_new)
      store_twin(*known->header, twin, who, failed);
    else
      created(*known->header, twin, who);
  };
  // A core that is in memory learns it itself, and whoever has it open goes on.
  if (loaded != loaded_.end())
    self_->request(loaded->second.handle, caf::infinite, open_atom_v, change_set_ptr{known})
      .then([done](const core_record&) { done(); }, failed);
  else
    self_->request(writer_, caf::infinite, commit_atom_v, change_set_ptr{known})
      .then([done](std::uint64_t) { done(); }, failed);
}

/// Stores the second log of a core that is to be in both generations.
void store_state::store_twin(const log::core_header& header, std::optional<log::core_header> twin, const caller& who,
                             const std::function<void(const caf::error&)>& failed) {
  log::change_set changes;
  twin->number = changes.number = log::core_number{next_number_++};
  changes.header = twin;
  self_
    ->request(writer_, caf::infinite, commit_atom_v, change_set_ptr{std::make_shared<const log::change_set>(changes)})
    .then([this, header, twin, who](std::uint64_t) { created(header, twin, who); }, failed);
}

void store_state::created(const log::core_header& header, const std::optional<log::core_header>& twin,
                          const caller& who) {
  if (is_closed_) {
    auto promise = who.promise;
    promise.deliver(closed_error());
  } else {
    auto& core = load(header, who.selector);
    hold(core, header.discovery, who);
    answer(core, header.discovery, who, twin);
  }
  settled(header.discovery);
  trim();
}

void store_state::settled(const corestore::discovery_key& discovery) {
  auto busy = busy_.extract(discovery);
  if (busy.empty())
    return;
  for (auto& again : busy.mapped())
    again();
}

store_state::loaded_core& store_state::load(const log::core_header& header, const core_selector& selector) {
  if (auto found = loaded_.find(header.discovery); found != loaded_.end()) {
    ++hits_;
    return found->second;
  }
  ++misses_;
  auto handle = self_->spawn<core, caf::lazy_init>(core_arguments{around_, header});
  self_->monitor(handle);
  listen_to(handle, scope_id{});
  if (auto channels = parked_.extract(header.discovery); !channels.empty())
    for (const auto& session : channels.mapped()) {
      if (auto known = sessions_.find(session.address()); known != sessions_.end())
        known->second.parked.erase(header.discovery);
      self_->send(handle, wake_atom_v, session);
      self_->send(session, open_atom_v, local_core{handle, header.key, header.discovery, header.generation});
    }
  store_event event;
  event.key = header.key;
  event.discovery = header.discovery;
  event.options = selector;
  tell(scope_id{}, event);
  auto found = loaded_.emplace(header.discovery, loaded_core{handle, header.key, header.generation, false}).first;
  by_address_.emplace(handle.address(), &found->first);
  return found->second;
}

void store_state::hold(loaded_core& core, const corestore::discovery_key& discovery, const caller& who) {
  if (who.address) {
    auto owner = caf::actor_cast<caf::actor_addr>(who.address);
    holders_.add(owner, discovery, who.scope);
    observe(owner);
    if (who.selector.is_exclusive)
      exclusive_.emplace(discovery, std::pair{owner, who.scope});
    cache_.remove(discovery);
  } else {
    cache_.add(discovery, idle_kind::released); // nobody will give it back
  }
  auto is_new = who.scope != scope_id{} && scopes_[who.scope].opened.insert(discovery).second;
  if (is_new) {
    store_event event;
    event.key = core.key;
    event.discovery = discovery;
    event.options = who.selector;
    tell(who.scope, event);
    listen_to(core.handle, who.scope);
  }
  if (!who.selector.is_active)
    return;
  if (!core.is_active) {
    core.is_active = true;
    self_->send(core.handle, wake_atom_v);
    offer(core, discovery, scope_id{});
  }
  if (is_new)
    offer(core, discovery, who.scope);
}

void store_state::offer(const loaded_core& core, const corestore::discovery_key& discovery, scope_id scope) {
  for (const auto& [address, session] : sessions_)
    if (session.has_joined && session.scope == scope)
      self_->send(session.handle, open_atom_v, local_core{core.handle, core.key, discovery, core.generation});
}

/// The owner's handle of a core in both generations, which keeps the other half for as long as it lives.
core_actor store_state::pair(const loaded_core& core, const log::core_header& twin, const caller& who) {
  auto shown = core.handle;
  auto& other = load(twin, who.selector);
  auto handle = pair_up(self_->system(), shown, other.handle);
  core_selector wish;
  wish.is_active = who.selector.is_active;
  hold(other, twin.discovery, {caf::actor_cast<caf::strong_actor_ptr>(handle), wish, scope_id{}, {}});
  return handle;
}

void store_state::answer(const loaded_core& core, const corestore::discovery_key& discovery, const caller& who,
                         const std::optional<log::core_header>& twin) {
  auto handle = twin && !who.selector.is_read_only ? pair(core, *twin, who) : caf::actor_cast<core_actor>(core.handle);
  auto done = [this, who, handle](core_record& record) {
    auto promise = who.promise;
    auto given = handle;
    if (who.selector.is_read_only) {
      record.writable = false;
      given = read_only(self_->system(), given);
    }
    promise.deliver(opened_core{given, std::move(record)});
  };
  auto failed = [this, who, discovery](const caf::error& reason) {
    if (who.address)
      give_back(caf::actor_cast<caf::actor_addr>(who.address), discovery, who.scope);
    explain(discovery, reason, who.promise);
  };
  auto describe = [this, who, discovery, handle, shown = core.handle, is_twin = twin.has_value(), done, failed] {
    const auto& key = who.selector.encryption_key;
    if (key.empty())
      self_->request(handle, caf::infinite, info_atom_v).then(done, failed);
    else if (is_twin)
      failed(make_error(ec::unsupported, "encryption: a core that is published in both generations has none"));
    else if (holders_.count(discovery) > 1) // others read with the key that is in use
      self_->request(shown, caf::infinite, encrypt_atom_v, key).then(done, failed);
    else
      self_->request(shown, caf::infinite, encrypt_atom_v, key, any_schedule).then(done, failed);
  };
  if (who.selector.group.empty())
    describe();
  else
    self_->request(core.handle, caf::infinite, group_atom_v, who.selector.group)
      .then([describe](const core_record&) { describe(); }, failed);
}

/// The actor ends when head or bits cannot be read: says what is wrong with them.
void store_state::explain(const corestore::discovery_key& discovery, const caf::error& reason,
                          opened_promise promise) const {
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
}

// -- giving back

caf::result<bool> store_state::close_core(const corestore::discovery_key& discovery, scope_id scope) {
  if (is_closed_)
    return closed_error();
  return give_back(caf::actor_cast<caf::actor_addr>(self_->current_sender()), discovery, scope);
}

bool store_state::give_back(const caf::actor_addr& owner, const corestore::discovery_key& discovery, scope_id scope) {
  if (!owner)
    return false;
  auto outcome = holders_.remove(owner, discovery, scope);
  if (outcome == holders::outcome::unknown)
    return false;
  idle(discovery, scope);
  if (outcome == holders::outcome::released_last)
    stop_observing(owner);
  trim();
  return true;
}

/// Some opening of the core in this scope was given back: what follows from it.
void store_state::idle(const corestore::discovery_key& discovery, scope_id scope) {
  if (auto held = exclusive_.find(discovery); held != exclusive_.end()) {
    const auto& [owner, where] = held->second;
    if (where == scope && !holders_.holds(owner, discovery, scope))
      exclusive_.erase(held);
  }
  if (auto entry = scopes_.find(scope); entry != scopes_.end() && !holders_.holds(discovery, scope))
    entry->second.opened.erase(discovery);
  if (holders_.count(discovery) > 0)
    return;
  if (auto loaded = loaded_.find(discovery); loaded != loaded_.end())
    cache_.add(discovery, loaded->second.is_active ? idle_kind::released : idle_kind::passive);
}

void store_state::released_by(const caf::actor_addr& owner) {
  for (const auto& held : holders_.take(owner))
    idle(held.core, held.scope);
  for (auto& [scope, entry] : scopes_) {
    std::erase_if(entry.watchers, [&](const store_sink& sink) { return sink.address() == owner; });
    std::erase_if(entry.extensions, [&](const auto& known) { return known.second.address() == owner; });
  }
  observed_.erase(owner);
  trim();
}

void store_state::observe(const caf::actor_addr& somebody) {
  if (observed_.insert(somebody).second)
    if (auto handle = caf::actor_cast<caf::actor>(somebody))
      self_->monitor(handle);
}

void store_state::stop_observing(const caf::actor_addr& somebody) {
  auto is_it = [&](const auto& sink) {
    return sink.address() == somebody;
  };
  for (const auto& [scope, entry] : scopes_)
    if (std::any_of(entry.watchers.begin(), entry.watchers.end(), is_it) ||
        std::any_of(entry.extensions.begin(), entry.extensions.end(),
                    [&](const auto& known) { return is_it(known.second); }))
      return;
  if (!holders_.holds_any(somebody) && observed_.erase(somebody) > 0)
    self_->demonitor(somebody);
}

} // namespace corestore::actors
