// Namespaces, watchers, and searches for peers.
#include <caf/all.hpp>

#include "actors/name_space.hpp"
#include "actors/store.hpp"
#include "base/crypto.hpp"
#include "base/limits.hpp"
#include "log/namespaces.hpp"

namespace corestore::actors {

caf::result<entered_store> store_state::enter(const std::string& child, scope_id scope) {
  auto parent = scopes_.find(scope);
  if (is_closed_ || parent == scopes_.end())
    return closed_error();
  if (child.size() > limits::name_bytes_max)
    return make_error(ec::bad_argument,
                      "the name of a namespace has at most " + std::to_string(limits::name_bytes_max) + " bytes");
  auto drawn = crypto::random<hash32>();
  std::string called{child.empty() ? as_text(drawn.view()) : std::string_view{child}};
  auto id = log::child_namespace(parent->second.id, as_bytes(called));
  auto links = parent->second.links;
  links.push_back({parent->second.id, called, id});
  scope_id entered{next_scope_++};
  auto handle = self_->spawn(name_space, caf::actor_cast<local_store_actor>(self_), entered, id);
  self_->monitor(handle);
  scopes_[entered] = {id, std::move(links), handle.address(), {}, {}, {}};
  return entered_store{handle, id};
}

/// How the store finds the namespace of a selector again, as far as its names are known.
std::vector<log::namespace_link> store_state::links_to(const core_selector& selector, scope_id scope) const {
  std::vector<log::namespace_link> links;
  if (auto entry = scopes_.find(scope); entry != scopes_.end() && entry->second.id == selector.name_space)
    links = entry->second.links;
  auto parent = selector.name_space;
  for (const auto& child : selector.path) {
    auto id = log::child_namespace(parent, as_bytes(child));
    links.push_back({parent, child, id});
    parent = id;
  }
  return links;
}

caf::result<key_pair> store_state::derive(const std::string& child, scope_id scope) const {
  auto entry = scopes_.find(scope);
  if (is_closed_ || entry == scopes_.end())
    return closed_error();
  return log::derive_key_pair(backend_->root_key(), entry->second.id, child);
}

caf::result<bool> store_state::close_scope(scope_id scope) {
  leave_scope(scope);
  return true;
}

void store_state::leave_scope(scope_id scope) {
  auto entry = scopes_.extract(scope);
  if (entry.empty())
    return;
  for (const auto& held : holders_.take(scope))
    idle(held.core, held.scope);
  for (const auto& [address, session] : sessions_)
    if (session.scope == scope)
      self_->send(session.handle, shutdown_atom_v);
  for (const auto& sink : entry.mapped().watchers)
    stop_observing(sink.address());
  for (const auto& [extension, sink] : entry.mapped().extensions)
    stop_observing(sink.address());
  trim();
}

// -- watchers

caf::result<bool> store_state::watch(const store_sink& sink, scope_id scope) {
  auto entry = scopes_.find(scope);
  if (is_closed_ || entry == scopes_.end())
    return closed_error();
  if (!sink)
    return make_error(ec::bad_argument, "nobody to tell");
  auto& watchers = entry->second.watchers;
  if (std::find(watchers.begin(), watchers.end(), sink) != watchers.end())
    return false;
  watchers.push_back(sink);
  observe(sink.address());
  return true;
}

caf::result<bool> store_state::unwatch(const store_sink& sink, scope_id scope) {
  auto entry = scopes_.find(scope);
  if (is_closed_ || entry == scopes_.end())
    return closed_error();
  auto was_watching = std::erase(entry->second.watchers, sink) > 0;
  if (was_watching)
    stop_observing(sink.address());
  return was_watching;
}

void store_state::tell(scope_id scope, const store_event& event) {
  if (auto entry = scopes_.find(scope); entry != scopes_.end())
    for (const auto& sink : entry->second.watchers)
      self_->send(sink, event);
}

// -- searches

caf::result<std::uint64_t> store_state::find() {
  if (is_closed_)
    return closed_error();
  auto token = next_search_++;
  searches_.insert(token);
  meters_->searches = searches_.size();
  return token;
}

caf::result<bool> store_state::found(std::uint64_t token) {
  if (is_closed_)
    return closed_error();
  if (searches_.erase(token) == 0)
    return false;
  meters_->searches = searches_.size();
  if (searches_.empty())
    for (const auto& [discovery, core] : loaded_)
      self_->send(core.handle, tick_atom_v); // whoever waits for an update looks again
  return true;
}

} // namespace corestore::actors
