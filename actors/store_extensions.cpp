// Extensions that somebody listens to on every core of a store or namespace. They do not keep cores in memory: a parked
// core is loaded again when its peer says something, and then has its listeners again.
#include <algorithm>

#include <caf/all.hpp>

#include "actors/store.hpp"
#include "base/limits.hpp"

namespace corestore::actors {

caf::result<bool> store_state::extend(const std::string& extension, const extension_sink& sink, scope_id scope) {
  auto entry = scopes_.find(scope);
  if (is_closed_ || entry == scopes_.end())
    return closed_error();
  if (!sink)
    return make_error(ec::bad_argument, "nobody to tell");
  if (extension.empty() || extension.size() > limits::extension_name_bytes_max)
    return make_error(ec::bad_argument, "the name of an extension has 1 to " +
                                          std::to_string(limits::extension_name_bytes_max) + " bytes");
  auto& known = entry->second.extensions;
  std::pair wanted{extension, sink};
  if (std::find(known.begin(), known.end(), wanted) != known.end())
    return false;
  std::set<std::string> names{extension};
  for (const auto& [one, listener] : known)
    names.insert(one);
  if (known.size() >= limits::extension_listeners_max || names.size() > limits::extensions_max)
    return make_error(ec::limit_exceeded, "too many extensions of one store");
  known.push_back(std::move(wanted));
  observe(sink.address());
  for (const auto& [discovery, core] : loaded_)
    if (is_in_scope(discovery, scope))
      self_->send(core.handle, extend_atom_v, extension, sink, scope);
  return true;
}

caf::result<bool> store_state::retract(const std::string& extension, const extension_sink& sink, scope_id scope) {
  auto entry = scopes_.find(scope);
  if (is_closed_ || entry == scopes_.end())
    return closed_error();
  if (std::erase(entry->second.extensions, std::pair{extension, sink}) == 0)
    return false;
  for (const auto& [discovery, core] : loaded_)
    if (is_in_scope(discovery, scope))
      self_->request(core.handle, caf::infinite, retract_atom_v, extension, sink)
        .then(
          [](bool) {
            // nop
          },
          [](const caf::error&) {
            // it has ended, and its listeners are no longer told
          });
  stop_observing(sink.address());
  return true;
}

/// Everybody in the scope who listens to every core hears of this one as well.
void store_state::listen_to(const local_core_actor& core, scope_id scope) {
  if (auto entry = scopes_.find(scope); entry != scopes_.end())
    for (const auto& [extension, sink] : entry->second.extensions)
      self_->send(core, extend_atom_v, extension, sink, scope);
}

} // namespace corestore::actors
