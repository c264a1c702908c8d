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
    state.with.counted->queue_us.add(static_cast<std::uint64_t>(age.count()));
  }
  state.with.counted->committed(end - first, std::chrono::duration_cast<microseconds>(clock::now() - start));
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

/// While nothing can be written the log says so once in that time.
constexpr std::chrono::seconds telling_pause{60};

void say(const writer_state& state, const char* severity, const std::string& line) {
  if (state.with.log)
    state.with.log(severity, line);
}

/// Of what stops every caller, and not only the one who asked for it.
void tell(writer_state& state, const error& reason) {
  auto is_full = reason.code == ec::storage_full;
  if (!is_full && reason.code != ec::storage_failed && reason.code != ec::storage_poisoned)
    return;
  auto now = clock::now();
  if (state.told != clock::time_point{} && now < state.told + telling_pause)
    return;
  state.told = now;
  say(state, is_full ? "warning" : "error", "a commit failed: " + to_string(reason));
}

/// A commit that the quota refused waits while there is hope.
void refuse(writer_state& state, writer_state::entry& refused, error reason) {
  auto is_quota = reason.code == ec::storage_full && state.with.backend->stats().quota_bytes != 0;
  if (is_quota && state.room_maker && refused.attempts++ < attempts_max) {
    state.waiting.push_back(std::move(refused));
    return;
  }
  if (is_quota)
    reason.detail += ", and nothing here may be evicted: what an owner here writes, holds or mirrors never is";
  tell(state, reason);
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
    auto outcome = state.with.backend->apply(group);
    if (outcome) {
      ++state.commits;
      count_group(state, entries, first, next, start);
    }
    for (auto position = first; position < next; ++position) {
      auto& entry = entries[position];
      if (outcome) {
        entry.promise.deliver(state.commits);
      } else if (outcome.error().code == ec::storage_poisoned) {
        tell(state, outcome.error());
        entry.promise.deliver(to_caf(outcome.error()));
      } else if (group.size() == 1) {
        refuse(state, entry, outcome.error());
      } else if (auto alone = state.with.backend->apply({&group[position - first], 1})) {
        entry.promise.deliver(++state.commits);
      } else {
        refuse(state, entry, alone.error());
      }
    }
  }
}

/// Free pages inside the file are used again; they are given back when they are many and the file is past the quota.
void shrink_file(self_pointer self, const storage::statistics& before) {
  auto& state = self->state;
  if (before.file_bytes <= before.quota_bytes || before.file_bytes - before.used_bytes < before.file_bytes / 4)
    return;
  auto now = clock::now();
  if (auto due = state.compacted + compaction_pause; state.compacted != clock::time_point{} && now < due) {
    if (std::exchange(state.shrink_due, due) != due)
      self->delayed_send(self, due - now, flush_atom_v);
    return;
  }
  state.compacted = now;
  auto sizes = std::to_string(before.file_bytes) + " bytes";
  if (auto compacted = state.with.backend->compact(); compacted)
    say(state, "info",
        "quota: the database was compacted, " + sizes + " -> " +
          std::to_string(state.with.backend->stats().file_bytes) + " bytes");
  else // it is as it was, and tried again
    say(state, "warning", "quota: the database of " + sizes + " was not compacted: " + to_string(compacted.error()));
}

void commit_all(self_pointer self);

void go_on(self_pointer self, const clear_result& given_up) {
  auto& state = self->state;
  state.is_making_room = false;
  auto waiting = std::exchange(state.waiting, {});
  for (auto& entry : waiting)
    state.queue.push_back(std::move(entry));
  if (given_up.bytes == 0) {
    if (!state.queue.empty()) // cores may just be leaving the memory: then there is something the next time
      self->delayed_send(self, retry_pause, flush_atom_v);
    return;
  }
  say(self->state, "info",
      "quota: gave up " + std::to_string(given_up.blocks) + " blocks, " + std::to_string(given_up.bytes) +
        " bytes, of cores that nobody here writes, mirrors or holds open");
  commit_all(self);
}

/// Asks for room when a commit waits for it, or when there is little left; gives back what is free.
void keep_room(self_pointer self) {
  auto& state = self->state;
  if (!state.room_maker || state.is_making_room)
    return;
  auto now = state.with.backend->stats();
  shrink_file(self, now);
  if (now.quota_bytes == 0 || (state.waiting.empty() && now.used_bytes <= now.quota_bytes / 100 * high_water))
    return;
  auto target = now.quota_bytes / 100 * low_water;
  auto surplus = now.used_bytes > target ? now.used_bytes - target : 1;
  for (const auto& entry : state.waiting)
    surplus += log::size_of(*entry.changes);
  state.is_making_room = true;
  self->request(state.room_maker, caf::infinite, evict_atom_v, surplus)
    .then([self](const clear_result& given_up) { go_on(self, given_up); },
          [self](const caf::error&) { go_on(self, {}); });
}

void commit_all(self_pointer self) {
  commit_queued(self->state);
  if (self->state.has_quota)
    keep_room(self);
}

void arm_sync(self_pointer self) {
  if (self->state.with.backend->mode() == storage::durability::interval)
    self->delayed_send(self, std::chrono::milliseconds(self->state.with.sync_interval_ms), tick_atom_v);
}

} // namespace

writer_actor::behavior_type writer(writer_actor::stateful_pointer<writer_state> self, writer_arguments arguments) {
  self->state.with = std::move(arguments);
  self->state.has_quota = self->state.with.backend->stats().quota_bytes != 0;
  self->set_exit_handler([self](const caf::exit_msg& message) {
    self->state.room_maker = nullptr;
    for (auto& entry : std::exchange(self->state.waiting, {}))
      self->state.queue.push_back(std::move(entry));
    commit_queued(self->state);
    auto synced = self->state.with.backend->sync();
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
      if (auto applied = self->state.with.backend->apply(group); !applied) {
        tell(self->state, applied.error());
        return to_caf(applied.error());
      }
      return ++self->state.commits;
    },
    [self](flush_atom) {
      self->state.is_armed = false;
      commit_all(self);
    },
    [self](tick_atom) {
      // A failed sync poisons the backend; the next commit reports it.
      std::ignore = self->state.with.backend->sync();
      arm_sync(self);
    },
    [self](sync_atom) -> caf::result<bool> {
      commit_queued(self->state);
      if (auto synced = self->state.with.backend->sync(); !synced)
        return to_caf(synced.error());
      return true;
    },
    [self](compact_atom) -> caf::result<bool> {
      commit_queued(self->state);
      if (auto compacted = self->state.with.backend->compact(); !compacted)
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
      if (auto ended = self->state.with.backend->end_restoration(); !ended)
        return to_caf(ended.error());
      return true;
    },
  };
}

} // namespace corestore::actors
