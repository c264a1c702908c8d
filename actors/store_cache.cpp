// How idle cores leave the memory.
#include <caf/all.hpp>

#include "actors/store.hpp"

namespace corestore::actors {

void store_state::trim() {
  while (!is_closed_) {
    auto surplus = cache_.take_surplus();
    if (!surplus)
      return;
    park(*surplus);
  }
}

/// Until the core has answered, whoever asks for it waits: it may be just about to end.
void store_state::park(const corestore::discovery_key& discovery) {
  auto loaded = loaded_.find(discovery);
  if (loaded == loaded_.end() || busy_.contains(discovery))
    return;
  busy_[discovery];
  self_->request(loaded->second.handle, caf::infinite, park_atom_v)
    .then([this, discovery](const parked_core& outcome) { parked(discovery, outcome); },
          [](const caf::error&) {
            // it has ended: its end is told
          });
}

void store_state::parked(const corestore::discovery_key& discovery, const parked_core& outcome) {
  if (!outcome.is_parked) {
    settled(discovery); // it is in use, and says when it no longer is
    return;
  }
  ++evictions_;
  for (const auto& session : outcome.sessions) {
    auto known = sessions_.find(session.address());
    if (known == sessions_.end())
      continue;
    known->second.parked.insert(discovery);
    parked_[discovery].push_back(session);
  }
  store_event event;
  event.kind = store_event_kind::park;
  event.discovery = discovery;
  if (auto loaded = loaded_.find(discovery); loaded != loaded_.end())
    event.key = loaded->second.key;
  tell(scope_id{}, event);
}

void store_state::quiet(const corestore::discovery_key& discovery) {
  auto loaded = loaded_.find(discovery);
  if (loaded == loaded_.end() || holders_.count(discovery) > 0)
    return;
  cache_.add(discovery, loaded->second.is_active ? idle_kind::released : idle_kind::passive);
  trim();
}

} // namespace corestore::actors
