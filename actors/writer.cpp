#include "actors/writer.hpp"

#include <chrono>
#include <utility>

#include <caf/all.hpp>

#include "actors/open_change.hpp"
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

/// How often a commit waits for room before it fails.
constexpr unsigned attempts_max = 3;

/// Parts of the quota, in percent: above the first something is given up ahead of need, down to the second.
constexpr std::uint64_t high_water = 95;
constexpr std::uint64_t low_water = 85;

/// Pause before the next one, when nothing could be given up.
constexpr std::chrono::milliseconds retry_pause{200};

/// The file is made smaller no more often than that.
constexpr std::chrono::seconds compaction_pause{60};

/// A commit that the quota refused waits while there is hope.
void refuse(writer_state& state, writer_state::entry& refused, error reason) {
  auto is_quota = reason.code == ec::storage_full && state.backend->stats().quota_bytes != 0;
  if (is_quota && state.room_maker && refused.attempts++ < attempts_max) {
    state.waiting.push_back(std::move(refused));
    return;
  }
  if (is_quota)
    reason.detail += ", and nothing here may be evicted: what an owner here writes, holds or mirrors never is";
  refused.promise.deliver(to_caf(reason));
}

void enqueue(self_pointer self, writer_state::entry wish) {
  auto& state = self->state;
  wish.arrival = clock::now();
  state.queue.push_back(std::move(wish));
  if (std::exchange(state.is_armed, true))
    return;
  self->send(self, flush_atom_v);
}

/// What the entry has to commit, which from now on stays as it is.
const log::change_set& settled(writer_state::entry& wish) {
  if (auto open = std::exchange(wish.open, nullptr))
    wish.changes = open->take();
  return *wish.changes;
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
    while (next < entries.size() && bounds.admit(log::size_of(settled(entries[next]))))
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
      } else if (outcome.error().code == ec::storage_poisoned) {
        entry.promise.deliver(to_caf(outcome.error()));
      } else if (group.size() == 1) {
        refuse(state, entry, outcome.error());
      } else if (auto alone = state.backend->apply({&group[position - first], 1})) {
        entry.promise.deliver(++state.commits);
      } else {
        refuse(state, entry, alone.error());
      }
    }
  }
}

/// Free pages inside the file are used again; they are given back when they are many and the file is past the quota.
void shrink_file(writer_state& state, const storage::statistics& now) {
  if (now.file_bytes <= now.quota_bytes || now.file_bytes - now.used_bytes < now.file_bytes / 4 ||
      clock::now() - state.compacted < compaction_pause)
    return;
  state.compacted = clock::now();
  std::ignore = state.backend->compact(); // without effect when it fails, and tried again later
}

void commit_all(self_pointer self);

void go_on(self_pointer self, std::uint64_t given_up) {
  auto& state = self->state;
  state.is_making_room = false;
  auto waiting = std::exchange(state.waiting, {});
  for (auto& entry : waiting)
    state.queue.push_back(std::move(entry));
  if (given_up == 0) {
    if (!state.queue.empty()) // cores may just be leaving the memory: then there is something the next time
      self->delayed_send(self, retry_pause, flush_atom_v);
    return;
  }
  shrink_file(state, state.backend->stats());
  commit_all(self);
}

/// Asks for room when a commit waits for it, or when there is little left.
void keep_room(self_pointer self) {
  auto& state = self->state;
  if (!state.room_maker || state.is_making_room)
    return;
  auto now = state.backend->stats();
  if (now.quota_bytes == 0 || (state.waiting.empty() && now.used_bytes <= now.quota_bytes / 100 * high_water))
    return;
  auto target = now.quota_bytes / 100 * low_water;
  auto surplus = now.used_bytes > target ? now.used_bytes - target : 1;
  for (const auto& entry : state.waiting)
    surplus += log::size_of(*entry.changes);
  state.is_making_room = true;
  self->request(state.room_maker, caf::infinite, evict_atom_v, surplus)
    .then([self](const clear_result& given_up) { go_on(self, given_up.bytes); },
          [self](const caf::error&) { go_on(self, 0); });
}

void commit_all(self_pointer self) {
  commit_queued(self->state);
  if (self->state.has_quota)
    keep_room(self);
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
  self->state.has_quota = backend->stats().quota_bytes != 0;
  self->set_exit_handler([self](const caf::exit_msg& message) {
    self->state.room_maker = nullptr;
    for (auto& entry : std::exchange(self->state.waiting, {}))
      self->state.queue.push_back(std::move(entry));
    commit_queued(self->state);
    auto synced = self->state.backend->sync();
    self->quit(synced ? message.reason : to_caf(synced.error()));
  });
  arm_sync(self);
  return {
    [self](commit_atom, const change_set_ptr& changes) -> caf::result<std::uint64_t> {
      auto promise = self->make_response_promise<std::uint64_t>();
      enqueue(self, {changes, nullptr, promise, {}});
      return promise;
    },
    [self](commit_atom, const open_change_ptr& changes) -> caf::result<std::uint64_t> {
      auto promise = self->make_response_promise<std::uint64_t>();
      enqueue(self, {nullptr, changes, promise, {}});
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
      commit_all(self);
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
    [self](compact_atom) -> caf::result<bool> {
      commit_queued(self->state);
      if (auto compacted = self->state.backend->compact(); !compacted)
        return to_caf(compacted.error());
      return true;
    },
    [self](join_atom, const room_maker_actor& room_maker) {
      self->state.room_maker = room_maker;
      commit_all(self);
    },
    [self](fence_atom, bool is_fenced) -> caf::result<bool> {
      if (is_fenced)
        return make_error(ec::bad_argument, "only restoring a backup fences a store");
      if (auto ended = self->state.backend->end_restoration(); !ended)
        return to_caf(ended.error());
      return true;
    },
  };
}

} // namespace corestore::actors
