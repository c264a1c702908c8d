#include "actors/name_space.hpp"

#include <caf/all.hpp>

#include "base/error.hpp"

namespace corestore::actors {

namespace {

using self_pointer = store_actor::stateful_pointer<name_space_state>;

caf::error closed() {
  return make_error(ec::store_closed, "the namespace is closed");
}

/// Selectors and listings of a namespace are relative to it, unless they name another one.
template <class Request>
Request within(const name_space_state& state, Request request) {
  if (request.name_space.is_zero())
    request.name_space = state.id;
  return request;
}

/// Hands a request on under the name of whoever asked; `Answer` is what comes back.
template <class Answer, class... Content>
caf::result<Answer> hand_on(self_pointer self, Content&&... content) {
  if (self->state.is_closed)
    return closed();
  return self->delegate(self->state.store, std::forward<Content>(content)...);
}

} // namespace

// NOLINTNEXTLINE(readability-function-size): a table, one line for each message
store_actor::behavior_type name_space(store_actor::stateful_pointer<name_space_state> self,
                                      const local_store_actor& store, scope_id scope, const namespace_id& id) {
  auto& state = self->state;
  state.store = store;
  state.scope = scope;
  state.id = id;
  return {
    [self, &state](open_atom, const core_selector& selector) {
      return hand_on<opened_core>(self, open_atom_v, within(state, selector), state.scope);
    },
    [self, &state](close_atom, const discovery_key& discovery) {
      return hand_on<bool>(self, close_atom_v, discovery, state.scope);
    },
    [self, &state](info_atom, const core_selector& selector) {
      return hand_on<core_record>(self, info_atom_v, within(state, selector));
    },
    [self, &state](loaded_atom, const core_selector& selector) {
      return hand_on<bool>(self, loaded_atom_v, within(state, selector));
    },
    [self, &state](purge_atom, const core_selector& selector) {
      return hand_on<clear_result>(self, purge_atom_v, within(state, selector));
    },
    [self, &state](list_atom, const list_request& request) {
      auto wanted = within(state, request);
      wanted.in_namespace = true;
      return hand_on<record_page>(self, list_atom_v, wanted);
    },
    [self](list_atom, const group_request& request) { return hand_on<group_page>(self, list_atom_v, request); },
    [self](info_atom) { return hand_on<store_record>(self, info_atom_v); },
    [self](peers_atom) { return hand_on<std::vector<peer_record>>(self, peers_atom_v); },
    [self, &state](enter_atom, const std::string& child) {
      return hand_on<entered_store>(self, enter_atom_v, child, state.scope);
    },
    [self, &state](derive_atom, const std::string& child) {
      return hand_on<key_pair>(self, derive_atom_v, child, state.scope);
    },
    [self, &state](watch_atom, const store_sink& sink) { return hand_on<bool>(self, watch_atom_v, sink, state.scope); },
    [self, &state](unwatch_atom, const store_sink& sink) {
      return hand_on<bool>(self, unwatch_atom_v, sink, state.scope);
    },
    [self, &state](extend_atom, const std::string& extension, const extension_sink& sink) {
      return hand_on<bool>(self, extend_atom_v, extension, sink, state.scope);
    },
    [self, &state](retract_atom, const std::string& extension, const extension_sink& sink) {
      return hand_on<bool>(self, retract_atom_v, extension, sink, state.scope);
    },
    [self](find_atom) { return hand_on<std::uint64_t>(self, find_atom_v); },
    [self](found_atom, std::uint64_t token) { return hand_on<bool>(self, found_atom_v, token); },
    [self, &state](dial_atom, const std::string& address) {
      return hand_on<peer_record>(self, dial_atom_v, dial_request{address}, state.scope);
    },
    [self, &state](dial_atom, const dial_request& request) {
      return hand_on<peer_record>(self, dial_atom_v, request, state.scope);
    },
    [self, &state](replicate_atom, const replicate_request& request, const stream_end& other) {
      return hand_on<stream_end>(self, replicate_atom_v, request, other, state.scope);
    },
    [self, &state](replicate_atom, const replicate_partner& partner) {
      return hand_on<peer_record>(self, replicate_atom_v, partner, state.scope);
    },
    [self](hangup_atom, std::uint64_t peer) { return hand_on<bool>(self, hangup_atom_v, peer); },
    [self](switch_atom, const connection_switches& wanted) {
      return hand_on<peer_record>(self, switch_atom_v, wanted);
    },
    [self](ban_atom) { return hand_on<std::vector<ban_record>>(self, ban_atom_v); },
    [self](ban_atom, const std::string& subject, std::uint64_t for_ms) {
      return hand_on<bool>(self, ban_atom_v, subject, for_ms);
    },
    [self](backup_atom, const std::string& directory, bool is_compact) {
      return hand_on<space_report>(self, backup_atom_v, directory, is_compact);
    },
    [self](compact_atom) { return hand_on<space_report>(self, compact_atom_v); },
    [self](fence_atom, bool is_fenced) { return hand_on<bool>(self, fence_atom_v, is_fenced); },
    [self](suspend_atom) { return hand_on<bool>(self, suspend_atom_v); },
    [self](resume_atom) { return hand_on<bool>(self, resume_atom_v); },
    [self, &state](close_atom) -> caf::result<bool> {
      if (state.is_closed)
        return true;
      state.is_closed = true;
      return self->delegate(state.store, close_atom_v, state.scope);
    },
  };
}

} // namespace corestore::actors
