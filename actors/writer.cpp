#include "actors/writer.hpp"

#include <chrono>
#include <utility>

#include <caf/all.hpp>

#include "storage/commit_group.hpp"

namespace corestore::actors {

namespace {

using self_pointer = writer_actor::stateful_pointer<writer_state>;

using clock = std::chrono::steady_clock;

void count_group(writer_state& state, const std::vector<writer_state::entry>& entries, std::size_t first,
                 std::size_t end, clock::time_point start) {
  using std::chrono::microseconds;
  for (auto position = first; position < end; ++position) {
    auto age = std::chrono::duration_cast<microseconds>(start - entries[position].arrival);
    state.counted->queue_us.add(static_cast<std::uint64_t>(age.count()));
  }
  state.counted->committed(end - first, std::chrono::duration_cast<microseconds>(clock::now() - start));
}

/// Commits everything queued, one bounded group after the other. A group that fails as a whole is retried change set
/// by change set, so that one bad or oversized member does not take its neighbours down.
void commit_queued(writer_state& state) {
  auto entries = std::exchange(state.queue, {});
  std::size_t next = 0;
  while (next < entries.size()) {
    std::vector<log::change_set> group;
    storage::commit_group bounds;
    auto first = next;
    while (next < entries.size() && bounds.admit(log::size_of(*entries[next].changes)))
      group.push_back(*entries[next++].changes);
    auto start = clock::now();
    auto outcome = state.backend->apply(group);
    if (outcome) {
      ++state.commits;
      count_group(state, entries, first, next, start);
    }
    for (auto position = first; position < next; ++position) {
      auto& entry = entries[position];
      if (outcome) {
        entry.promise.deliver(state.commits);
      } else if (group.size() == 1 || outcome.error().code == ec::storage_poisoned) {
        entry.promise.deliver(to_caf(outcome.error()));
      } else if (auto alone = state.backend->apply({&group[position - first], 1})) {
        entry.promise.deliver(++state.commits);
      } else {
        entry.promise.deliver(to_caf(alone.error()));
      }
    }
  }
}

void arm_sync(self_pointer self) {
  if (self->state.backend->mode() == storage::durability::interval)
    self->delayed_send(self, std::chrono::milliseconds(self->state.sync_interval_ms), tick_atom_v);
}

} // namespace

writer_actor::behavior_type writer(writer_actor::stateful_pointer<writer_state> self,
                                   const std::shared_ptr<storage::backend>& backend, std::uint64_t sync_interval_ms,
                                   const meters_ptr& counted) {
  self->state.backend = backend;
  self->state.counted = counted;
  self->state.sync_interval_ms = sync_interval_ms;
  self->set_exit_handler([self](const caf::exit_msg& message) {
    commit_queued(self->state);
    auto synced = self->state.backend->sync();
    self->quit(synced ? message.reason : to_caf(synced.error()));
  });
  arm_sync(self);
  return {
    [self](commit_atom, const change_set_ptr& changes) -> caf::result<std::uint64_t> {
      auto promise = self->make_response_promise<std::uint64_t>();
      self->state.queue.push_back({changes, promise, std::chrono::steady_clock::now()});
      if (!self->state.is_armed) {
        self->state.is_armed = true;
        self->send(self, flush_atom_v);
      }
      return promise;
    },
    [self](commit_atom, const std::vector<change_set_ptr>& members) -> caf::result<std::uint64_t> {
      commit_queued(self->state); // nobody is overtaken
      std::vector<log::change_set> group;
      group.reserve(members.size());
      for (const auto& member : members)
        group.push_back(*member);
      if (auto applied = self->state.backend->apply(group); !applied)
        return to_caf(applied.error());
      return ++self->state.commits;
    },
    [self](flush_atom) {
      self->state.is_armed = false;
      commit_queued(self->state);
    },
    [self](tick_atom) {
      // A failed sync poisons the backend; the next commit reports it.
      std::ignore = self->state.backend->sync();
      arm_sync(self);
    },
    [self](sync_atom) -> caf::result<bool> {
      commit_queued(self->state);
      if (auto synced = self->state.backend->sync(); !synced)
        return to_caf(synced.error());
      return true;
    },
  };
}

} // namespace corestore::actors
