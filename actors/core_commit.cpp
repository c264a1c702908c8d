// The one step of a core that is on its way to the disk, and what becomes true when it has arrived.
#include <algorithm>
#include <chrono>
#include <iterator>

#include <caf/all.hpp>

#include "actors/core.hpp"
#include "actors/evidence.hpp"
#include "actors/open_change.hpp"
#include "log/prove.hpp"

namespace corestore::actors {

namespace {

/// Blocks that one step may carry, so that a step stays well below a transaction's bound.
constexpr std::size_t step_bytes_max = std::size_t{4} << 20U;

/// What a step that waits for the writer may become, so that staging it anew stays cheap.
constexpr std::size_t grown_count_max = 64;
constexpr std::size_t grown_bytes_max = std::size_t{256} << 10U;

/// A timer keeps the memory of a core that has ended meanwhile: rather than waiting long, it looks again.
constexpr std::uint64_t timer_ms_max = 5000;

} // namespace

void core_state::settle() {
  collect_effects();
  start_step();
  answer_waiters();
  watch_fence();
  collect_effects(); // answering may have dropped wishes
  send_outputs();
  arm_timer();
  note_share();
  tell_quiet();
  if (ending_ && !in_flight_ && writes_.empty() && links_.look().handing_over.empty()) {
    for (const auto& sink : sinks_)
      self_->demonitor(sink.address()); // it would keep this core's memory
    self_->quit(*ending_);
  }
}

void core_state::finish(caf::error reason) {
  if (ending_)
    return;
  ending_ = std::move(reason);
  auto closed = make_error(ec::store_closed, "the store is closing");
  if (auto* waiting = waiting_.find())
    waiting->fail_all(closed);
  if (verifying_) {
    for (auto& promise : verifying_->promises)
      promise.deliver(closed);
    for (auto& promise : verifying_->repairs)
      promise.deliver(closed);
  }
  verifying_.reset();
  publish(event_of(event_kind::closed));
  settle();
}

void core_state::start_step() {
  if (in_flight_) {
    grow_step();
    return;
  }
  step next;
  if (!ending_ && (stage_reorg(next) || stage_header(next) || stage_verified(next))) {
    commit(std::move(next));
    return;
  }
  while (!writes_.empty())
    if (stage_writes(next)) {
      commit(std::move(next));
      return;
    }
}

/// What was verified while a step waits for the writer goes along with it: one commit instead of two.
void core_state::grow_step() {
  auto& waiting = *in_flight_;
  if (!waiting.open || verified_.empty() || waiting.verified.size() + verified_.size() > grown_count_max ||
      log::size_of(*waiting.changes) > grown_bytes_max || waiting.open->is_taken())
    return;
  auto all = waiting.verified;
  all.insert(all.end(), verified_.begin(), verified_.end());
  result<log::change_set> staged;
  auto done = reading([&](const log::log_source& source) { staged = log::stage_verified(log_, source, all); });
  if (!done || !staged)
    return; // it has a step of its own, and says what is wrong with it
  auto longer = std::make_shared<const log::change_set>(std::move(*staged));
  if (!waiting.open->replace(longer))
    return;
  waiting.changes = std::move(longer);
  waiting.verified = std::move(all);
  verified_.clear();
}

bool core_state::stage_writes(step& next) {
  return writes_.front().change ? stage_edit(next) : stage_appends(next);
}

bool core_state::stage_edit(step& next) {
  auto change = std::move(*writes_.front().change);
  writes_.pop_front();
  result<log::change_set> staged;
  auto opened = around_->backend->open_snapshot();
  if (opened)
    staged = change.stage(**opened);
  else
    staged = fail(opened.error());
  if (!staged) {
    change.done(fail(staged.error()));
    return false;
  }
  if (log::is_empty(*staged)) {
    change.done({});
    return false;
  }
  next.is_ours = true;
  next.done = std::move(change.done);
  next.changes = std::make_shared<const log::change_set>(std::move(*staged));
  next.is_held = change.held != nullptr;
  next.is_foreign = change.is_foreign;
  if (next.is_held)
    change.held(next.changes);
  return true;
}

bool core_state::stage_appends(step& next) {
  std::vector<shared_bytes> blocks;
  append_result size{log_.head.length, record().byte_length};
  const auto* secrecy = cipher();
  std::size_t staged_bytes = 0;
  while (!writes_.empty() && !writes_.front().change && (blocks.empty() || staged_bytes < step_bytes_max)) {
    auto& front = writes_.front();
    for (auto& block : front.blocks) {
      staged_bytes += block.size();
      size.byte_length += block.size();
      if (secrecy != nullptr)
        block = shared_bytes{secrecy->encrypt(size.length, log_.head.fork, block.view())};
      ++size.length;
      blocks.push_back(std::move(block));
    }
    next.appends.push_back({std::move(front.promise), size, front.arrival});
    writes_.pop_front();
  }
  if (blocks.empty()) {
    for (auto& appended : next.appends)
      appended.promise.deliver(appended.after);
    next.appends.clear();
    return false;
  }
  auto staged = log::stage_append(log_, blocks, *keys());
  if (!staged) {
    fail_step(next, staged.error());
    next.appends.clear();
    return false;
  }
  next.is_ours = true;
  next.changes = std::make_shared<const log::change_set>(std::move(*staged));
  return true;
}

bool core_state::stage_verified(step& next) {
  if (verified_.empty())
    return false;
  next.verified = std::exchange(verified_, {});
  result<log::change_set> staged;
  auto done =
    reading([&](const log::log_source& source) { staged = log::stage_verified(log_, source, next.verified); });
  if (done && staged) {
    next.changes = std::make_shared<const log::change_set>(std::move(*staged));
    next.open = std::make_shared<open_change>(next.changes);
    return true;
  }
  fail_step(next, done ? staged.error() : done.error());
  next = {};
  return false;
}

bool core_state::stage_reorg(step& next) {
  if (!reorg_)
    return false;
  auto replaced = reorg_.take();
  auto staged = log::stage_reorg(log_, replaced->verified, replaced->ancestors);
  next.verified.push_back(std::move(replaced->verified));
  if (staged) {
    next.changes = std::make_shared<const log::change_set>(std::move(*staged));
    return true;
  }
  fail_step(next, staged.error());
  next = {};
  return false;
}

bool core_state::stage_header(step& next) {
  if (!new_header_)
    return false;
  log::change_set changes;
  changes.number = log_.header.number;
  changes.base_fork = log_.head.fork;
  changes.base_length = log_.head.length;
  changes.header = new_header_.take();
  changes.header->manifest = log_.header.manifest; // it may have been learned meanwhile
  if (new_evidence_)
    changes.user_data.push_back({std::string{evidence_entry}, new_evidence_.take()});
  next.records = std::exchange(header_waiters_, {});
  next.changes = std::make_shared<const log::change_set>(std::move(changes));
  return true;
}

void core_state::commit(step next) {
  next.lost = rescue(*next.changes);
  in_flight_ = std::move(next);
  if (in_flight_->is_held)
    return;
  auto done = [this](std::uint64_t) {
    committed();
  };
  auto undone = [this](const caf::error& reason) {
    failed(from_caf(reason));
  };
  if (in_flight_->open)
    self_->request(around_->writer, caf::infinite, commit_atom_v, in_flight_->open).then(done, undone);
  else
    self_->request(around_->writer, caf::infinite, commit_atom_v, in_flight_->changes).then(done, undone);
}

void core_state::committed() {
  auto done = std::move(*in_flight_);
  in_flight_.reset();
  auto before_length = log_.head.length;
  auto before_fork = log_.head.fork;
  auto before_bytes = log_.head.byte_length;
  auto had_manifest = log_.manifest.has_value();
  if (auto adopted = log::adopt(log_, *done.changes); !adopted) {
    fail_step(done, adopted.error());
    settle();
    return;
  }
  if (done.changes->group)
    group_ = done.changes->group->topic;
  if (log_.head.fork != before_fork || log_.head.length != before_length)
    note_group_change();
  auto answered = std::chrono::steady_clock::now();
  for (auto& appended : done.appends) {
    auto age = std::chrono::duration_cast<std::chrono::microseconds>(answered - appended.arrival);
    around_->counted->append_us.add(static_cast<std::uint64_t>(age.count()));
    appended.promise.deliver(appended.after);
  }
  for (auto& promise : done.records)
    promise.deliver(record());
  if (done.done)
    done.done({});
  if (replicator_.is_present())
    std::ignore = reading(
      [&](const log::log_source& source) { replicator_->changed(*done.changes, done.is_ours, source, now_ms()); });
  if (log_.head.fork != before_fork || done.changes->truncate_to || !done.changes->forgotten.empty())
    discard(std::exchange(verified_, {})); // it was proven against another history, or nodes that went away meanwhile
  count(done, before_bytes);
  if (!had_manifest && log_.manifest)
    publish(event_of(event_kind::manifest));
  if (log_.head.fork != before_fork) {
    auto event = event_of(event_kind::truncate);
    event.length = done.changes->truncate_to.value_or(log_.head.length);
    publish(event);
    tell_views(event, done.lost);
  } else if (log_.head.length > before_length) {
    publish(event_of(event_kind::append));
  }
  settle();
}

void core_state::note_share() {
  auto length = log_.head.length;
  share_.set(length, length > 0 && log_.contiguous_length() == length, links_.look().attached.size());
}

void core_state::count(const step& done, std::uint64_t before_bytes) {
  if (!done.is_ours || done.is_foreign) {
    if (done.changes->head || !done.changes->runs.empty() || !done.changes->blocks.empty())
      note_news();
    return;
  }
  for (const auto& run : done.changes->runs)
    around_->counted->blocks_appended += run.blocks.size();
  if (log_.head.byte_length > before_bytes)
    around_->counted->bytes_appended += log_.head.byte_length - before_bytes;
}

void core_state::failed(const error& reason) {
  auto broken = std::move(*in_flight_);
  in_flight_.reset();
  fail_step(broken, reason);
  settle();
}

void core_state::fail_step(step& broken, const error& reason) {
  for (auto& appended : broken.appends)
    appended.promise.deliver(to_caf(reason));
  for (auto& promise : broken.records)
    promise.deliver(to_caf(reason));
  if (broken.done)
    broken.done(fail(reason));
  if (broken.verified.empty())
    return;
  // What came meanwhile may lean on the head or on nodes that were lost with this.
  std::move(verified_.begin(), verified_.end(), std::back_inserter(broken.verified));
  verified_.clear();
  discard(broken.verified);
  if (reason.code == ec::storage_full || reason.code == ec::storage_failed || reason.code == ec::storage_poisoned)
    fail_waiters(reason);
}

/// What peers bring cannot be stored: who waits for it hears why, and not after its wait that nobody had it.
void core_state::fail_waiters(const error& reason) {
  auto* callers = waiting_.find();
  if (callers == nullptr)
    return;
  auto failure = to_caf(reason);
  for (auto& [index, waiting] : std::exchange(callers->fetches, {})) {
    replicator_->drop_block(index);
    fail_one(waiting, failure);
  }
  for (auto& waiting : std::exchange(callers->downloads, {})) {
    drop_wish(waiting);
    waiting.promise.deliver(failure);
  }
  for (auto& waiting : std::exchange(callers->seeks, {})) {
    replicator_->remove_seek(waiting.id);
    waiting.promise.deliver(failure);
  }
  callers->recompute();
}

void core_state::discard(const std::vector<log::verification>& lost) {
  if (!lost.empty())
    std::ignore = reading([&](const log::log_source& source) { replicator_->discarded(lost, source, now_ms()); });
}

void core_state::answer_waiters() {
  auto* callers = waiting_.find();
  if (callers == nullptr)
    return;
  for (auto position = callers->fetches.begin(); position != callers->fetches.end();) {
    auto index = position->first;
    if (!log_.bits.test(index)) {
      position = callers->fetches.upper_bound(index);
      continue;
    }
    result<std::optional<shared_bytes>> block;
    if (auto done = reading([&](const log::log_source& source) { block = source.block_at(index); }); !done)
      block = fail(done.error());
    while (position != callers->fetches.end() && position->first == index) {
      answer_fetch(index, position->second, block);
      replicator_->drop_block(index);
      position = callers->fetches.erase(position);
    }
  }
  std::erase_if(callers->updates, [this](waiting_update& waiting) {
    bool has_changed = waiting.length != log_.head.length || waiting.fork != log_.head.fork;
    if (!has_changed && (in_flight_ || !replicator_.is_update_settled() || around_->counted->searches > 0))
      return false;
    waiting.promise.deliver(has_changed);
    return true;
  });
  std::erase_if(callers->downloads, [this](waiting_download& waiting) {
    if (!has_all(waiting))
      return false;
    drop_wish(waiting);
    waiting.promise.deliver(true);
    return true;
  });
  answer_seeks();
  if (callers->empty())
    waiting_.drop();
}

void core_state::answer_seeks() {
  auto* callers = waiting_.find();
  if (callers == nullptr || callers->seeks.empty())
    return;
  std::ignore = reading([&](const log::log_source& source) {
    std::erase_if(callers->seeks, [&](waiting_seek& waiting) {
      auto found = log::seek(log_.head, source, waiting.position, padding());
      if (found && !found->is_found)
        return false;
      replicator_->remove_seek(waiting.id);
      if (found)
        waiting.promise.deliver(seek_position{found->index, found->offset});
      else
        waiting.promise.deliver(to_caf(found.error()));
      return true;
    });
  });
}

void core_state::expire_waiters() {
  auto now = now_ms();
  auto* callers = waiting_.find();
  if (callers == nullptr || now < callers->earliest_ms)
    return;
  auto timed_out = make_error(ec::timed_out, "no peer delivered it in time");
  for (auto position = callers->fetches.begin(); position != callers->fetches.end();) {
    if (position->second.deadline_ms > now) {
      ++position;
      continue;
    }
    if (position->second.rest)
      position->second.rest->promise.deliver(block_batch{});
    else
      position->second.promise.deliver(timed_out);
    replicator_->drop_block(position->first);
    position = callers->fetches.erase(position);
  }
  std::erase_if(callers->updates, [&](waiting_update& waiting) {
    if (waiting.deadline_ms > now)
      return false;
    waiting.promise.deliver(false);
    return true;
  });
  std::erase_if(callers->downloads, [&](waiting_download& waiting) {
    if (waiting.deadline_ms > now)
      return false;
    drop_wish(waiting);
    waiting.promise.deliver(false);
    return true;
  });
  std::erase_if(callers->seeks, [&](waiting_seek& waiting) {
    if (waiting.deadline_ms > now)
      return false;
    replicator_->remove_seek(waiting.id);
    waiting.promise.deliver(timed_out);
    return true;
  });
  callers->recompute();
}

void core_state::tick() {
  if (auto now = now_ms(); timer_due_ms_ != 0 && timer_due_ms_ < now)
    around_->counted->mailboxes.note(mailbox::core, (now - timer_due_ms_) * 1000);
  timer_due_ms_ = 0;
  if (auto* links = links_.find())
    std::erase_if(links->expected, [now = now_ms()](const auto& entry) { return entry.second <= now; });
  expire_waiters();
  if (replicator_.is_present())
    std::ignore = reading([&](const log::log_source& source) { replicator_->tick(source, now_ms()); });
  settle();
}

void core_state::arm_timer() {
  auto due = waiting_.look().earliest_ms;
  if (replicator_.is_present())
    if (auto next = replicator_->next_tick_ms())
      due = std::min(due, *next);
  if (quiet_listener_ && news_until_ms_ > now_ms())
    due = std::min(due, news_until_ms_);
  if (quiet_listener_)
    for (const auto& [session, until_ms] : links_.look().expected)
      due = std::min(due, until_ms);
  if (due == no_deadline || ending_)
    return;
  auto now = now_ms();
  due = std::clamp(due, now + 1, now + timer_ms_max);
  if (timer_due_ms_ != 0 && timer_due_ms_ <= due)
    return;
  timer_due_ms_ = due;
  self_->delayed_send(self_, std::chrono::milliseconds(timer_due_ms_ - now), tick_atom_v);
}

} // namespace corestore::actors
