// What peers ask, and what they get: within the credit that the connection granted.
#include <algorithm>

#include "base/limits.hpp"
#include "log/prove.hpp"
#include "replication/legacy/codec.hpp"
#include "replication/legacy/replicator_core.hpp"

namespace corestore::replication::legacy {

namespace {

/// A proof never takes more than this.
constexpr std::size_t proof_bytes = 8192;

} // namespace

void replicator::implementation::on_request(peer& from, const request& said) {
  if (!from.options.may_upload)
    return;
  if (from.queue.size() >= limits::upload_queue_max) {
    fail_peer(from, ec::limit_exceeded, "too many requests");
    return;
  }
  from.queue.push_back(said);
}

void replicator::implementation::serve(peer& to, const log::log_source& source) {
  while (!to.queue.empty() && to.credit > 0 && !to.is_failed) {
    auto next = to.queue.front();
    to.queue.pop_front();
    answer(to, next, source);
  }
}

void replicator::implementation::answer(peer& to, request said, const log::log_source& source) {
  if (said.bytes != 0) {
    auto found = log::seek(state.head, source, said.bytes);
    if (found && found->is_found && found->index < state.head.length) {
      if (to.last_seek == said.bytes)
        return; // the reference does not answer the same position twice
      to.last_seek = said.bytes;
      said.index = found->index;
      said.nodes = 0;
    }
  }
  auto proof =
    log::legacy::build_answer(source, state.contiguous_length(), {said.index, said.hash, said.nodes}, to.nodes);
  if (!proof) {
    ++to.counts.invalid_requests;
    out.events.emplace_back(invalid_request{to.id, proof.error()});
    if (proof.error().code == ec::invalid_operation && ++to.invalid_requests > settings.invalid_requests_max)
      fail_peer(to, ec::invalid_operation, "too many requests that cannot be answered");
    else
      refuse(to, said.index);
    return;
  }
  std::size_t size = proof_bytes;
  if (!said.hash) {
    auto block = state.bits.test(said.index) ? source.block_at(said.index) : result<std::optional<shared_bytes>>{};
    if (!block || !*block || (*block)->size() > body_bytes_max - proof_bytes) {
      refuse(to, said.index); // cleared meanwhile, or larger than a frame of this generation
      return;
    }
    proof->value = **block;
    size = (*block)->size() + 512;
    ++to.counts.blocks_uploaded;
    to.counts.bytes_uploaded += (*block)->size();
    out.events.emplace_back(block_uploaded{to.id, said.index, (*block)->size()});
  }
  to.credit -= std::min(to.credit, size);
  post(to, std::move(*proof), size);
}

/// There is no message for "not here". A peer of the reference would wait until it gives the connection up; a pause of
/// our uploading makes it forget its requests, and ask again.
void replicator::implementation::refuse(peer& to, std::uint64_t index) {
  post(to, unhave{index, 1});
  post(to, status{false, to.told_downloading});
  post(to, status{to.told_uploading, to.told_downloading});
}

} // namespace corestore::replication::legacy
