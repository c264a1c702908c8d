#include "actors/group_commit.hpp"

#include <algorithm>

#include <caf/all.hpp>

namespace corestore::actors {

namespace {

using self_pointer = group_commit_actor::stateful_pointer<group_commit_state>;

/// Lets go of what is prepared, and tells the caller.
void abandon(self_pointer self, const caf::error& reason) {
  auto& state = self->state;
  for (std::size_t i = 0; i < state.prepared; ++i)
    self->request(state.members[i].staged->core, caf::infinite, flush_atom_v, false)
      .then([](const append_result&) {}, [](const caf::error&) {});
  state.promise.deliver(reason);
  self->quit();
}

void finish(self_pointer self) {
  auto& state = self->state;
  state.missing = state.members.size();
  auto arrived = [self] {
    if (--self->state.missing > 0)
      return;
    self->state.promise.deliver(std::move(self->state.sizes));
    self->quit();
  };
  for (const auto& member : state.members) {
    self->request(member.staged->core, caf::infinite, flush_atom_v, true)
      .then(
        [self, arrived, position = member.position](const append_result& size) {
          self->state.sizes[position] = size;
          arrived();
        },
        [arrived](const caf::error&) { arrived(); }); // durable all the same
    if (member.batch)
      self->request(member.batch, caf::infinite, close_atom_v).then([](bool) {}, [](const caf::error&) {});
  }
}

void write(self_pointer self) {
  std::vector<change_set_ptr> group;
  for (const auto& member : self->state.members)
    group.push_back(member.changes);
  self->request(self->state.writer, caf::infinite, commit_atom_v, std::move(group))
    .then([self](std::uint64_t) { finish(self); }, [self](const caf::error& reason) { abandon(self, reason); });
}

void prepare_next(self_pointer self) {
  auto& state = self->state;
  if (state.prepared == state.members.size()) {
    write(self);
    return;
  }
  auto& member = state.members[state.prepared];
  self->request(member.staged->core, caf::infinite, prepare_atom_v, member.staged)
    .then(
      [self](const change_set_ptr& changes) {
        self->state.members[self->state.prepared++].changes = changes;
        prepare_next(self);
      },
      [self](const caf::error& reason) { abandon(self, reason); });
}

void order(self_pointer self) {
  auto& members = self->state.members;
  auto by_discovery = [](const auto& left, const auto& right) {
    return left.staged->discovery < right.staged->discovery;
  };
  auto is_same = [](const auto& left, const auto& right) {
    return left.staged->discovery == right.staged->discovery;
  };
  std::sort(members.begin(), members.end(), by_discovery);
  if (std::adjacent_find(members.begin(), members.end(), is_same) != members.end())
    abandon(self, make_error(ec::bad_argument, "two batches of one core"));
  else
    prepare_next(self);
}

/// A batch on a core of both generations is two members, of one size.
void add_twins(self_pointer self) {
  auto& members = self->state.members;
  for (std::size_t i = 0, count = members.size(); i < count; ++i)
    if (auto twin = members[i].staged->twin)
      members.push_back({members[i].position, {}, std::move(twin), nullptr});
}

caf::result<std::vector<append_result>> begin(self_pointer self, const std::vector<checkout_actor>& batches) {
  auto& state = self->state;
  state.promise = self->make_response_promise<std::vector<append_result>>();
  state.missing = batches.size();
  state.sizes.resize(batches.size());
  if (batches.empty()) {
    state.promise.deliver(std::vector<append_result>{});
    self->quit();
    return state.promise;
  }
  for (std::size_t i = 0; i < batches.size(); ++i) {
    state.members.push_back({i, caf::actor_cast<local_checkout_actor>(batches[i]), nullptr, nullptr});
    self->request(state.members.back().batch, caf::infinite, prepare_atom_v)
      .then(
        [self, i](const staged_batch_ptr& staged) {
          self->state.members[i].staged = staged;
          if (--self->state.missing > 0)
            return;
          add_twins(self);
          order(self);
        },
        [self](const caf::error& reason) { abandon(self, reason); });
  }
  return state.promise;
}

} // namespace

group_commit_actor::behavior_type group_commit(self_pointer self, const writer_actor& writer) {
  self->state.writer = writer;
  return {
    [self](commit_atom, const std::vector<checkout_actor>& batches) { return begin(self, batches); },
  };
}

} // namespace corestore::actors
