// What came back: answers are matched, verified and handed out; what failed is asked for elsewhere, never at full
// speed.
#include <algorithm>

#include "log/flat_tree.hpp"
#include "log/hash_batches.hpp"
#include "replication/replicator_core.hpp"

namespace corestore::replication {

namespace {

/// Whether `content` has exactly the parts that were asked for (the seek part may be missing).
bool is_answer(const asked& request, const log::proof& content) {
  const auto& wanted = request.wanted;
  const bool is_block = wanted.block ? content.block && content.block->index == wanted.block->index : !content.block;
  const bool is_hash = wanted.hash ? content.hash && content.hash->index == wanted.hash->index : !content.hash;
  const bool is_seek = !content.seek || (wanted.seek && content.seek->bytes == wanted.seek->bytes);
  const bool is_manifest = request.kind != request_kind::manifest || content.manifest.has_value();
  return content.fork == request.fork && is_block && is_hash && is_seek && is_manifest &&
         content.upgrade.has_value() == wanted.upgrade.has_value();
}

/// Errors that say something about the peer, not about our disk.
bool is_about_proof(ec code) {
  return code == ec::invalid_operation || code == ec::invalid_checksum || code == ec::invalid_signature ||
         code == ec::invalid_proof || code == ec::decoding_failed || code == ec::limit_exceeded;
}

} // namespace

/// The leaves of all blocks that came together: side by side they cost a third of what they cost one by one.
void replicator::implementation::hash_ahead(const peer& from, std::vector<wire::message>& messages) {
  std::vector<log::open_leaf> open;
  for (auto& message : messages) {
    auto* data = std::get_if<wire::data>(&message);
    if (data != nullptr && data->content.block && from.requests.find(data->id) != nullptr)
      open.push_back({data->content.block->value.view(), &data->content.block->leaf});
  }
  if (open.size() > 1)
    log::fill_leaves(open, log::generation::g10);
}

void replicator::implementation::on_data(peer& from, wire::data message, const log::log_source& source,
                                         log::proof_verifier& verifier) {
  if (message.id == 0) {
    on_pushed(from, std::move(message), source, verifier);
    return;
  }
  const auto request = from.requests.answered(message.id);
  if (!request)
    return;
  from.pace.answered(request->sent_ms, now, settings.in_flight_max);
  if (!is_answer(*request, message.content)) {
    if (request->wanted.block && !message.content.block)
      from.has.clear({request->wanted.block->index, request->wanted.block->index + 1});
    release(from, message.id, *request);
    back_off(from);
    return;
  }
  if (request->kind == request_kind::fork || request->kind == request_kind::ancestor) {
    if (request->kind == request_kind::ancestor)
      on_ancestor(from, message, source);
    else if (pending_head)
      hold(from, std::move(message), *request);
    else
      on_fork(from, message, source);
    return;
  }
  if (message.content.fork != state.head.fork || is_reorg_pending) {
    release(from, message.id, *request);
    return;
  }
  if (request->kind == request_kind::upgrade && pending_head) {
    hold(from, std::move(message), *request);
    return;
  }
  accept(from, std::move(message), *request, verifier);
}

void replicator::implementation::accept(peer& from, wire::data message, const asked& request,
                                        log::proof_verifier& verifier) {
  const auto& upgraded = message.content.upgrade;
  if (upgraded && upgraded->start != state.head.length) {
    const bool is_moved = request.wanted.upgrade && request.wanted.upgrade->start != state.head.length;
    release(from, message.id, request); // the log moved meanwhile, or a push came first
    if (!is_moved && request.wanted.upgrade)
      back_off(from);
    return;
  }
  auto verified = verifier.verify(message.content);
  if (!verified) {
    on_failure(from, std::move(message), request, verified.error());
    return;
  }
  keep(from, std::move(*verified), message.id, request);
}

void replicator::implementation::keep(peer& from, log::verification verified, std::uint64_t id, const asked& request) {
  from.strikes = 0;
  if (verified.block)
    keep_block(from, verified, id);
  release(from, id, request);
  if (from.refusals > 0 && verified.block)
    --from.refusals;
  if (request.kind == request_kind::upgrade && !verified.head)
    back_off(from); // it promised more than it has
  if (!verified.head && !verified.block && !verified.manifest && verified.nodes.empty())
    return;
  for (const auto& node : verified.nodes)
    fresh.insert_or_assign(node.index, node);
  if (verified.head)
    pending_head = verified.head;
  if (verified.manifest)
    is_manifest_pending = true;
  if (request.is_chained && from.chain_failures > 0)
    --from.chain_failures;
  if (request.seek) {
    if (const auto seek = plan.seeks.find(*request.seek); seek != plan.seeks.end())
      seek->second.is_verified = true;
  }
  out.verified.push_back(std::move(verified));
}

void replicator::implementation::keep_block(peer& from, log::verification& verified, std::uint64_t id) {
  const auto index = verified.block->index;
  const auto size = verified.block->value.size();
  ++from.counts.blocks_downloaded;
  from.counts.bytes_downloaded += size;
  block_size_seen = std::max<std::uint64_t>(block_size_seen, size);
  if (state.bits.test(index) || plan.has_arrived(index)) {
    verified.block.reset(); // two peers were asked: the first one counts
    return;
  }
  for (const auto& place : plan.arrived(index, {from.id, id}, size)) {
    auto* other = find(place.peer);
    const auto* request = other == nullptr ? nullptr : other->requests.find(place.id);
    if (request != nullptr && !request->wanted.upgrade)
      withdraw(*other, place.id);
  }
}

/// Data that nobody asked for: a signature to look at, or a push if those are welcome.
void replicator::implementation::on_pushed(peer& from, wire::data message, const log::log_source& source,
                                           log::proof_verifier& verifier) {
  const auto& shown = message.content.upgrade;
  const bool is_welcome = is_allowing_push() && message.content.fork == state.head.fork && !is_reorg_pending;
  if (shown && shown->start == 0 && !(is_welcome && state.head.length == 0)) {
    on_check(from, message, source);
    return;
  }
  if (!is_welcome || (!message.content.block && !shown))
    return;
  const asked unasked{.kind = request_kind::push, .wanted = {}, .fork = message.content.fork};
  if (message.content.block) {
    const auto index = message.content.block->index;
    if (state.bits.test(index) || plan.has_arrived(index))
      return;
    from.has.set({index, index + 1});
  }
  if (pending_head && (shown || message.content.block))
    hold(from, std::move(message), unasked);
  else
    accept(from, std::move(message), unasked, verifier);
}

void replicator::implementation::on_no_data(peer& from, const wire::no_data& message) {
  const auto request = from.requests.answered(message.id);
  if (!request)
    return;
  if (message.reason == wire::no_data_reason::not_available)
    ++from.counts.not_available;
  if (request->wanted.block && message.reason == wire::no_data_reason::not_available)
    from.has.clear({request->wanted.block->index, request->wanted.block->index + 1});
  release(from, message.id, *request);
  back_off(from);
}

/// The request is over, whatever came of it: what it asked for may be asked for again.
void replicator::implementation::release(peer& from, std::uint64_t id, const asked& request) {
  const request_place place{from.id, id};
  if (request.wanted.block)
    plan.lost(request.wanted.block->index, place);
  if (upgrade == place)
    upgrade.reset();
  if (manifest_request == place)
    manifest_request.reset();
  if (search_request == place)
    search_request.reset();
  if (!request.seek)
    return;
  if (const auto seek = plan.seeks.find(*request.seek); seek != plan.seeks.end() && seek->second.place == place)
    seek->second.place = {};
}

/// One round without result: everything that comes back empty before the wait is over belongs to it.
void replicator::implementation::back_off(peer& from) {
  from.wanted_seen = {};
  if (now < from.ready_ms)
    return;
  const auto doubled = back_off_ms_min << std::min<std::size_t>(from.strikes, 9);
  from.ready_ms = now + std::min(doubled, back_off_ms_max);
  ++from.strikes;
  ++from.counts.backoffs;
  if (++from.refusals >= refusals_max)
    from.is_paused = true;
}

void replicator::implementation::on_failure(peer& from, wire::data message, const asked& request, const error& reason) {
  const auto id = message.id;
  const bool is_out_of_turn = request.is_chained && reason.code == ec::invalid_operation;
  if (is_out_of_turn && is_early(from, request) && stash(early, {from.id, std::move(message), request}))
    return;
  release(from, id, request);
  if (is_out_of_turn) {
    ++from.chain_failures; // the answer before it is missing: asked for with its whole path
    return;
  }
  if (request.kind == request_kind::push && reason.code == ec::invalid_operation)
    return; // a push that crossed another one: nobody is to blame
  const bool is_ours = !is_about_proof(reason.code) || (reason.code == ec::invalid_operation && request.epoch != epoch);
  if (is_ours) {
    back_off(from);
    return;
  }
  on_invalid(from, &request, reason);
}

/// Wire 5.9: pause, and unless the proof was merely malformed find out whether there are two histories.
void replicator::implementation::on_invalid(peer& from, const asked* request, const error& reason) {
  ++from.counts.invalid_data;
  out.events.emplace_back(invalid_data{from.id, reason});
  back_off(from);
  ++from.invalid_data;
  from.is_paused = true;
  const bool is_fork = request != nullptr && request->kind == request_kind::fork;
  if (reason.code != ec::invalid_operation && !is_fork)
    send_check(from);
}

// -- between a hand-out and its commit

void replicator::implementation::hold(peer& from, wire::data message, const asked& request) {
  const auto id = message.id;
  if (!stash(held, {from.id, std::move(message), request}))
    release(from, id, request);
}

/// False, with nothing changed, when as much waits there as may.
bool replicator::implementation::stash(std::vector<held_data>& where, held_data answer) {
  const auto size_of = [](const held_data& entry) {
    return entry.message.content.block ? entry.message.content.block->value.size() : 0;
  };
  auto bytes = size_of(answer);
  for (const auto& entry : where)
    bytes += size_of(entry);
  if (where.size() >= held_max || (bytes > held_bytes_max && !where.empty()))
    return false;
  where.push_back(std::move(answer));
  return true;
}

/// Whether the answer that this one builds on is still to come: the reference works on many requests at once, and is
/// done first with those that need fewer reads.
bool replicator::implementation::is_early(const peer& from, const asked& request) const {
  const auto& block = request.wanted.block;
  return block && block->index > 0 && plan.is_asked_at(block->index - 1, from.id);
}

/// Tries the blocks again whose neighbour came meanwhile, or will not come.
void replicator::implementation::settle_early(const log::log_source& source) {
  if (early.empty())
    return;
  auto waiting = std::exchange(early, {});
  std::sort(waiting.begin(), waiting.end(), [](const held_data& left, const held_data& right) {
    return left.request.wanted.block->index < right.request.wanted.block->index;
  });
  const overlay_source nodes{source, fresh};
  auto verifier = verifier_over(nodes);
  for (auto& entry : waiting) {
    auto* from = find(entry.from);
    if (from == nullptr)
      continue;
    if (is_early(*from, entry.request))
      early.push_back(std::move(entry));
    else if (entry.message.content.fork != state.head.fork || is_reorg_pending)
      release(*from, entry.message.id, entry.request);
    else
      accept(*from, std::move(entry.message), entry.request, verifier);
  }
}

/// Gives up what waits from one peer, or from all.
void replicator::implementation::drop_held(std::optional<peer_id> from) {
  for (auto* where : {&held, &early}) {
    auto waiting = std::exchange(*where, {});
    for (auto& entry : waiting) {
      const auto sender = peers.find(entry.from);
      if (from && entry.from != *from)
        where->push_back(std::move(entry));
      else if (sender != peers.end())
        release(sender->second, entry.message.id, entry.request);
    }
  }
}

void replicator::implementation::release_held(const log::log_source& source) {
  if (pending_head || held.empty())
    return;
  auto waiting = std::exchange(held, {});
  const overlay_source nodes{source, fresh};
  auto verifier = verifier_over(nodes);
  for (auto& entry : waiting) {
    auto* from = find(entry.from);
    if (from == nullptr)
      continue;
    if (pending_head)
      held.push_back(std::move(entry));
    else if (entry.request.kind == request_kind::fork)
      on_fork(*from, entry.message, source);
    else if (entry.message.content.fork != state.head.fork)
      release(*from, entry.message.id, entry.request);
    else
      accept(*from, std::move(entry.message), entry.request, verifier);
  }
}

void replicator::implementation::commit_blocks(const log::change_set& changes, bool is_ours) {
  const auto commit = [&](std::uint64_t index) {
    const auto arrival = plan.committed(index);
    if (arrival && !is_ours)
      out.events.emplace_back(block_downloaded{arrival->peer, index, arrival->size});
  };
  for (const auto& run : changes.runs) {
    for (std::uint64_t i = 0; i < run.blocks.size(); ++i)
      commit(run.first + i);
  }
  for (const auto& block : changes.blocks)
    commit(block.index);
}

/// Nodes that are stored now need no copy.
void replicator::implementation::forget_fresh(const log::change_set& changes, const log::log_source& source) {
  if (fresh.empty())
    return;
  if (plan.arrived_count() == 0 && !(pending_head && !changes.head)) {
    fresh.clear();
    return;
  }
  for (const auto& run : changes.runs) {
    for (auto block = run.first; block < run.first + run.blocks.size(); ++block) {
      auto index = 2 * block;
      for (std::uint64_t level = log::flat_tree::completed_by(block); level > 0; --level) {
        fresh.erase(index);
        index = log::flat_tree::parent(index);
      }
    }
  }
  for (const auto& node : changes.nodes)
    fresh.erase(node.index);
  if (fresh.size() > fresh_slack && fresh.size() / 64 > plan.arrived_count())
    std::erase_if(fresh, [&](const auto& entry) { return source.node_at(entry.first).value_or(std::nullopt); });
}

/// Requests that waited too long are lost; the peer is not asked again at once.
void replicator::implementation::expire(peer& from) {
  bool is_late = false;
  for (auto oldest = from.requests.oldest(); oldest && oldest->sent_ms + settings.request_ms_max <= now;
       oldest = from.requests.oldest()) {
    withdraw(from, oldest->id);
    ++from.counts.timeouts;
    is_late = true;
  }
  if (is_late) {
    from.pace.lost(now);
    back_off(from);
  }
}

} // namespace corestore::replication
