// Groups of cores: what changed in one, and who is told.
#include <algorithm>
#include <chrono>

#include <caf/all.hpp>

#include "actors/store.hpp"
#include "log/hashes.hpp"

namespace corestore::actors {

namespace {

constexpr std::uint32_t page_updates_max = 10000;

/// Between two rounds of events: what changes all the time is told twenty times a second.
constexpr std::uint64_t round_ms_min = 50;

/// What is listed of a core.
result<group_update> update_of(const storage::snapshot& source, std::uint64_t position,
                               const corestore::discovery_key& id) {
  auto header = source.header(id);
  if (!header)
    return fail(header.error());
  if (!*header)
    return fail(ec::storage_damaged, "a core of a group has no header");
  auto head = source.head((*header)->number);
  if (!head)
    return fail(head.error());
  return group_update{position, (*header)->key, log::discovery_key_of((*header)->key), head->length, head->fork};
}

} // namespace

caf::result<group_page> store_state::list_group(const group_request& request) const {
  if (is_closed_)
    return closed_error();
  auto opened = backend_->open_snapshot();
  if (!opened)
    return to_caf(opened.error());
  storage::group_range range;
  range.since = request.since;
  range.until = request.until == 0 ? range.until : request.until;
  range.is_reverse = request.is_reverse;
  auto limit = std::clamp<std::uint32_t>(request.limit, 1, page_updates_max);
  group_page page;
  error failure;
  auto done =
    (*opened)->group_changes(request.topic, range, [&](std::uint64_t position, const corestore::discovery_key& id) {
      if (page.updates.size() == limit) {
        page.is_last = false;
        auto last = page.updates.back().position;
        page.next = request.is_reverse ? last : last + 1;
        return false;
      }
      auto update = update_of(**opened, position, id);
      if (update)
        page.updates.push_back(std::move(*update));
      else
        failure = std::move(update.error());
      return failure.code == ec::none;
    });
  if (!done || failure.code != ec::none)
    return to_caf(done ? failure : done.error());
  return page;
}

/// At once, unless that was done just now.
void store_state::tell_groups() {
  auto now = now_ms();
  if (now < group_round_ms_) {
    self_->delayed_send(self_, std::chrono::milliseconds(group_round_ms_ - now), group_atom_v);
    return;
  }
  group_round_ms_ = now + round_ms_min;
  for (auto& [discovery, change] : around_->changed->take()) {
    store_event event;
    event.kind = store_event_kind::group;
    event.group = change.topic;
    event.key = change.key;
    event.discovery = discovery;
    event.length = change.length;
    event.fork = change.fork;
    std::vector<store_sink> told; // a sink may watch several namespaces
    for (const auto& [scope, entry] : scopes_) {
      if (scope != scope_id{} && !change.key.is_zero() && !entry.opened.contains(discovery))
        continue;
      for (const auto& sink : entry.watchers)
        if (std::find(told.begin(), told.end(), sink) == told.end()) {
          told.push_back(sink);
          self_->send(sink, event);
        }
    }
  }
}

} // namespace corestore::actors
