// Whose history holds: signature checks after invalid data, higher forks, conflicts.
#include <algorithm>

#include "log/prove.hpp"
#include "replication/replicator_core.hpp"

namespace corestore::replication {

namespace {

constexpr std::size_t check_bytes = 1024; ///< estimate of a request or answer without a block

} // namespace

// -- two heads for one length

/// Request 0: show me your signature.
void replicator::implementation::send_check(peer& to) {
  const auto length = std::min(state.head.length, to.theirs.length);
  if (length == 0)
    return;
  to.is_check_sent = true;
  wire::request message{.id = 0, .fork = to.theirs.fork, .wanted = {}, .priority = 0};
  message.wanted.upgrade = log::upgrade_request{0, length};
  post(to, std::move(message), check_bytes);
}

void replicator::implementation::on_check(peer& from, const wire::data& message, const log::log_source& source) {
  const auto& shown = message.content.upgrade;
  if (!shown || shown->start != 0)
    return; // pushed data: we never ask for any
  if (!from.is_check_sent && from.checks_left-- == 0) {
    fail_peer(from, ec::protocol_violation, "too many signature checks that nobody asked for");
    return;
  }
  from.is_check_sent = false;
  const auto unpause = [&] {
    if (from.invalid_data < invalid_data_max && from.refusals < refusals_max)
      from.is_paused = false;
  };
  if (!knows_manifest() || shown->length > state.head.length || message.content.fork != state.head.fork) {
    unpause();
    return;
  }
  const auto differs =
    log::contradicts(state.header.key, *state.manifest, state.header.manifest, state.head, source, message.content);
  if (differs && *differs)
    on_conflict(from, message.content, source);
  else if (differs || differs.error().code == ec::not_found)
    unpause(); // the same history, or nothing here to compare it with
}

/// The log is frozen; every peer gets our side of the evidence.
void replicator::implementation::on_conflict(peer& from, const log::proof& evidence, const log::log_source& source) {
  frozen = true;
  log::proof_request wanted;
  wanted.upgrade = evidence.upgrade ? std::optional{log::upgrade_request{0, evidence.upgrade->length}} : std::nullopt;
  auto ours = log::build_proof(state.head, &*state.manifest, source, wanted);
  if (!ours) {
    out.events.emplace_back(conflict_found{from.id, evidence, std::nullopt});
    return;
  }
  ours->fork = state.head.fork;
  out.events.emplace_back(conflict_found{from.id, evidence, *ours});
  for (auto& entry : peers) {
    entry.second.asking.clear();
    post(entry.second, wire::data{0, *ours}, check_bytes);
  }
}

// -- a higher fork

/// The whole head of a peer that is on a higher fork than we are.
void replicator::implementation::ask_fork(peer& whom, const log::log_source& source) {
  const auto& theirs = whom.theirs;
  if (theirs.fork <= state.head.fork || theirs.length == 0 || pending_head)
    return;
  if (search && search->fork() >= theirs.fork) {
    advance_reorg(source);
    return;
  }
  if (search_request)
    return;
  asked request{.kind = request_kind::fork, .wanted = {}, .fork = theirs.fork, .bytes = check_bytes};
  request.wanted.upgrade = log::upgrade_request{0, theirs.length};
  search_request = request_place{whom.id, send_request(whom, std::move(request), 0)};
}

void replicator::implementation::on_fork(peer& from, const wire::data& message, const log::log_source& source) {
  search_request.reset();
  if (message.content.fork <= state.head.fork)
    return;
  auto verified = log::verify_fork(state.header.key, state.manifest ? &*state.manifest : nullptr, state.header.manifest,
                                   message.content);
  if (!verified) {
    const asked request{.kind = request_kind::fork, .wanted = {}};
    on_invalid(from, &request, verified.error());
    return;
  }
  from.strikes = 0;
  auto started = log::reorg_search::start(std::move(*verified), state.head.length, source);
  if (!started) {
    back_off(from);
    return;
  }
  search.emplace(std::move(*started));
  search_started_ms = search_heard_ms = now;
  advance_reorg(source);
}

/// Asks for the next path, or hands the finished reorg out.
void replicator::implementation::advance_reorg(const log::log_source& /*source*/) {
  if (!search || pending_head || search_request)
    return;
  if (search->fork() <= state.head.fork) {
    search.reset();
    return;
  }
  // Where exactly the histories part matters only for blocks that are stored here: they would be fetched again.
  const bool is_open = !search->is_done() && state.bits.first_set({search->ancestors(), state.head.length});
  if (is_open && now < search_started_ms + settings.request_ms_max && now < search_heard_ms + search_wait_ms) {
    const auto& wanted = *search->wanted();
    for (auto& entry : peers) {
      auto& whom = entry.second;
      if (whom.theirs.fork != search->fork() || !may_ask(whom) || !has_room(whom))
        continue;
      const auto block = whom.has.first_set({wanted.blocks.start, std::min(wanted.blocks.end, whom.theirs.length)});
      if (!block) {
        ask_segment(whom, wanted.blocks.start / segment_blocks);
        continue;
      }
      asked request{.kind = request_kind::ancestor, .wanted = {}, .fork = search->fork(), .bytes = check_bytes};
      request.wanted.hash = log::hash_request{2 * *block, wanted.nodes};
      search_request = request_place{whom.id, send_request(whom, std::move(request), 0)};
      return;
    }
    return;
  }
  // Nobody helped in time: what was found so far is shared for certain, the rest is fetched again.
  reorg found{{}, std::min(search->ancestors(), state.head.length)};
  found.verified = search->take();
  search.reset();
  pending_head = found.verified.head;
  is_reorg_pending = true;
  out.replaced = std::move(found);
}

void replicator::implementation::on_ancestor(peer& from, const wire::data& message, const log::log_source& source) {
  search_request.reset();
  if (!search || search->fork() != message.content.fork)
    return;
  if (const auto taken = search->accept(message.content, source); !taken) {
    back_off(from); // useless: somebody else is asked
    return;
  }
  from.strikes = 0;
  search_heard_ms = now;
  advance_reorg(source);
}

/// Everything that was under way for the old fork is void.
void replicator::implementation::on_fork_changed() {
  search.reset();
  search_request.reset();
  drop_held(std::nullopt);
  fresh.clear();
  upgrade.reset();
  for (auto& entry : peers) {
    auto& whom = entry.second;
    for (const auto id : whom.requests.ids()) {
      const auto* request = whom.requests.find(id);
      if (request != nullptr && request->fork != state.head.fork)
        withdraw(whom, id);
    }
    whom.scans.clear();
    whom.wanted_seen = {};
    whom.length_acked = 0; // told again with the next sync
  }
  plan.reset_arrived();
}

} // namespace corestore::replication
