// What do we answer: requests against what is durable, as far as the connection has room.
#include <algorithm>

#include "base/limits.hpp"
#include "log/flat_tree.hpp"
#include "log/prove.hpp"
#include "replication/replicator_core.hpp"

namespace corestore::replication {

namespace {

constexpr std::size_t node_bytes = 42;   ///< estimate: two integers and a hash
constexpr std::size_t answer_bytes = 32; ///< estimate: header fields

std::size_t size_of(const log::proof& proof) {
  std::size_t nodes = 0;
  std::size_t bytes = answer_bytes;
  if (proof.block) {
    nodes += proof.block->nodes.size();
    bytes += proof.block->value.size();
  }
  if (proof.hash)
    nodes += proof.hash->nodes.size();
  if (proof.seek)
    nodes += proof.seek->nodes.size();
  if (proof.upgrade) {
    nodes += proof.upgrade->nodes.size() + proof.upgrade->additional_nodes.size();
    bytes += proof.upgrade->signature.size();
  }
  if (proof.manifest)
    bytes += proof.manifest->size();
  return bytes + nodes * node_bytes;
}

} // namespace

void replicator::implementation::on_request(peer& from, wire::request message, const log::log_source& source) {
  if (!from.options.may_upload) {
    post(from, wire::no_data{message.id, wire::no_data_reason::not_available}, answer_bytes);
    return;
  }
  if (from.queue.count() >= limits::upload_queue_max / 2)
    serve(from, source);
  if (!from.queue.push(std::move(message)))
    fail_peer(from, ec::limit_exceeded, "requests that wait for an answer");
}

void replicator::implementation::serve(peer& to, const log::log_source& source) {
  if (to.is_failed || is_frozen())
    return;
  answer_wants(to);
  while (to.credit > 0 && !to.is_failed) {
    const auto request = to.queue.pop();
    if (!request)
      return;
    answer(to, *request, source);
  }
}

void replicator::implementation::answer(peer& to, const wire::request& request, const log::log_source& source) {
  const auto& wanted = request.wanted;
  const bool is_there = !wanted.block || state.bits.test(wanted.block->index);
  if (request.fork != state.head.fork || !is_there) {
    refuse(to, request);
    return;
  }
  if (wanted.hash && wanted.hash->index >= 2 * state.head.length) {
    reject(to, request, error{ec::invalid_operation, "a hash past the end"});
    return;
  }
  auto proof = log::build_proof(state.head, state.manifest ? &*state.manifest : nullptr, source, wanted);
  if (!proof) {
    if (proof.error().code == ec::invalid_operation)
      reject(to, request, proof.error());
    else
      refuse(to, request);
    return;
  }
  if (!deliver(to, request, std::move(*proof), source))
    refuse(to, request);
}

/// Completes and sends a proof; false when the block cannot be read.
bool replicator::implementation::deliver(peer& to, const wire::request& request, log::proof proof,
                                         const log::log_source& source) {
  if (proof.block) {
    auto value = source.block_at(proof.block->index);
    if (!value || !*value)
      return false;
    proof.block->value = std::move(**value);
    ++to.counts.blocks_uploaded;
    to.counts.bytes_uploaded += proof.block->value.size();
    out.events.emplace_back(block_uploaded{to.id, proof.block->index, proof.block->value.size()});
  }
  proof.fork = request.fork;
  proof.manifest.reset();
  if (request.wanted.manifest && can_send_manifest())
    proof.manifest = state.header.manifest;
  if (proof.upgrade)
    to.note_pushed(state.head.fork, proof.upgrade->start + proof.upgrade->length);
  const auto bytes = size_of(proof);
  to.credit -= std::min(to.credit, bytes);
  post(to, wire::data{request.id, std::move(proof)}, bytes);
  return true;
}

/// Not here: the manifest alone if that was asked for too, else no-data.
void replicator::implementation::refuse(peer& to, const wire::request& request) {
  to.credit -= std::min(to.credit, answer_bytes);
  if (request.wanted.manifest && can_send_manifest()) {
    wire::data message{request.id, {}};
    message.content.fork = request.fork;
    message.content.manifest = state.header.manifest;
    post(to, std::move(message), answer_bytes + state.header.manifest.size());
    return;
  }
  post(to, wire::no_data{request.id, wire::no_data_reason::not_available}, answer_bytes);
}

/// Nobody could answer that.
void replicator::implementation::reject(peer& to, const wire::request& request, error reason) {
  to.credit -= std::min(to.credit, answer_bytes);
  ++to.counts.invalid_requests;
  out.events.emplace_back(invalid_request{to.id, std::move(reason)});
  if (++to.invalid_requests >= settings.invalid_requests_max) {
    fail_peer(to, ec::protocol_violation, "too many invalid requests");
    return;
  }
  post(to, wire::no_data{request.id, wire::no_data_reason::invalid_request}, answer_bytes);
}

/// One block that the peer did not ask for, with the upgrade it needs to make sense of it. False when the peer takes no
/// pushes, has it, or there is no room: a push is a favour, so it is never queued.
bool replicator::implementation::push_block(peer& to, std::uint64_t index, const log::log_source& source) {
  const auto& head = state.head;
  if (!to.is_synced || !to.theirs.allow_push || !to.theirs.downloading || !to.options.may_upload || is_frozen() ||
      index >= head.length || to.theirs.fork != head.fork || to.has.test(index) || to.credit == 0 ||
      !state.bits.test(index))
    return false;
  const auto known = std::max(to.theirs.length, to.pushed_fork == head.fork ? to.pushed_length : 0);
  wire::request unasked{.id = 0, .fork = head.fork, .wanted = {}, .priority = 0};
  unasked.wanted.block = log::block_request{index, log::flat_tree::missing_nodes_max(2 * index, known)};
  if (index >= known)
    unasked.wanted.upgrade = log::upgrade_request{known, head.length - known};
  unasked.wanted.manifest = to.theirs.length == 0;
  auto proof = log::build_proof(head, state.manifest ? &*state.manifest : nullptr, source, unasked.wanted);
  if (!proof || !deliver(to, unasked, std::move(*proof), source))
    return false;
  ++to.counts.blocks_pushed;
  return true;
}

} // namespace corestore::replication
