// Views of a core, batches on it, and commits of several cores at once.
#include <algorithm>

#include <caf/all.hpp>

#include "actors/checkout.hpp"
#include "actors/core.hpp"
#include "actors/group_commit.hpp"
#include "base/limits.hpp"

namespace corestore::actors {

caf::result<checkout_actor> core_state::check_out(const checkout_request& request) {
  constexpr auto everything = std::numeric_limits<std::uint64_t>::max();
  if (ending_)
    return make_error(ec::store_closed, "the store is closing");
  if (request.length != everything && request.length > log_.head.length)
    return make_error(ec::bad_argument, "the log has only " + std::to_string(log_.head.length) + " blocks");
  checkout_arguments arguments;
  result<log::tree_head> shown;
  auto length = std::min(request.length, log_.head.length);
  if (auto done = reading([&](const log::log_source& source) { shown = log::head_at(log_.head, source, length); });
      !done)
    return to_caf(done.error());
  if (!shown)
    return to_caf(shown.error());
  arguments.core = caf::actor_cast<local_core_actor>(self_);
  arguments.backend = around_->backend;
  arguments.record = record();
  arguments.header = log_.header;
  arguments.manifest = log_.manifest;
  arguments.head = log_.head;
  arguments.shown = std::move(*shown);
  if (const auto* secrecy = cipher())
    arguments.cipher = *secrecy;
  arguments.is_writable = request.is_writable;
  auto view = self_->spawn(checkout, std::move(arguments));
  self_->monitor(view);
  views_.push_back(view);
  return caf::actor_cast<checkout_actor>(view);
}

void core_state::forget_view(const caf::actor_addr& view) {
  std::erase_if(views_, [&](const local_checkout_actor& known) { return known.address() == view; });
}

/// What views may still be asked for and `changes` drops, up to a bound.
truncation_ptr core_state::rescue(const log::change_set& changes) const {
  if (views_.empty() || !changes.truncate_to || !changes.head)
    return nullptr;
  auto lost = std::make_shared<truncation>();
  lost->length = *changes.truncate_to;
  lost->fork = changes.head->fork;
  auto opened = around_->backend->open_snapshot();
  if (!opened)
    return lost;
  std::size_t kept_bytes = 0;
  std::ignore = (*opened)->each_block(log_.header.number, {lost->length, log_.head.length},
                                      [&](std::uint64_t index, byte_view value) {
                                        kept_bytes += value.size();
                                        if (kept_bytes > limits::rescued_bytes_max)
                                          return false;
                                        lost->rescued.push_back({index, shared_bytes::copy_of(value)});
                                        return true;
                                      });
  return lost;
}

/// A view that was begun while the truncation was under way hears of it as well.
void core_state::tell_views(const core_event& event, truncation_ptr lost) {
  if (views_.empty())
    return;
  if (!lost)
    lost = std::make_shared<const truncation>(truncation{event.length, event.fork, {}});
  for (const auto& view : views_)
    self_->send(view, internal_atom_v, lost);
}

result<log::change_set> core_state::stage(const staged_batch& batch, const storage::snapshot& source) {
  if (batch.base_fork != log_.head.fork || batch.base_length != log_.head.length)
    return fail(ec::stale_base, "the log has changed since the batch was begun: it has " +
                                  std::to_string(log_.head.length) + " blocks on fork " +
                                  std::to_string(log_.head.fork));
  log::authority signer;
  signer.signature = batch.signature;
  if (batch.signature.empty() || log_.header.fence) {
    if (auto refusal = signing_refusal(); refusal.code != ec::none)
      return fail(std::move(refusal));
    signer.keys = &*keys();
  }
  if (batch.kept == log_.head.length)
    return log::stage_append(log_, batch.blocks, signer);
  storage::core_view view{source, log_.header.number};
  return log::stage_rewrite(log_, view, batch.kept, log_.head.fork + 1, batch.blocks, signer);
}

caf::result<append_result> core_state::commit_batch(const staged_batch_ptr& batch) {
  auto promise = self_->make_response_promise<append_result>();
  edit change;
  change.stage = [this, batch](const storage::snapshot& source) {
    return stage(*batch, source);
  };
  change.done = [this, promise](const result<void>& outcome) mutable {
    if (outcome)
      promise.deliver(append_result{log_.head.length, record().byte_length});
    else
      promise.deliver(to_caf(outcome.error()));
  };
  enqueue(std::move(change));
  return promise;
}

caf::result<change_set_ptr> core_state::prepare_batch(const staged_batch_ptr& batch) {
  auto promise = self_->make_response_promise<change_set_ptr>();
  auto is_answered = std::make_shared<bool>(false);
  edit change;
  change.stage = [this, batch](const storage::snapshot& source) -> result<log::change_set> {
    auto staged = stage(*batch, source);
    if (staged && log::is_empty(*staged))
      return fail(ec::bad_argument, "a batch without a change");
    return staged;
  };
  change.held = [promise, is_answered](const change_set_ptr& changes) mutable {
    *is_answered = true;
    promise.deliver(changes);
  };
  change.done = [promise, is_answered](const result<void>& outcome) mutable {
    if (!*is_answered && !outcome)
      promise.deliver(to_caf(outcome.error()));
  };
  enqueue(std::move(change));
  return promise;
}

caf::result<append_result> core_state::settle_batch(bool is_durable) {
  if (!in_flight_ || !in_flight_->is_held)
    return make_error(ec::invalid_operation, "no batch is prepared");
  if (is_durable)
    committed();
  else
    failed({ec::cancelled, "another core of the commit refused"});
  return append_result{log_.head.length, record().byte_length};
}

caf::result<std::vector<append_result>> core_state::commit_batches(const std::vector<checkout_actor>& batches) {
  if (ending_)
    return make_error(ec::store_closed, "the store is closing");
  auto committer = self_->spawn(group_commit, around_->writer);
  return self_->delegate(committer, commit_atom_v, batches);
}

} // namespace corestore::actors
