// What callers read: blocks, pages, byte positions, sets of blocks; at once, or when peers have delivered.
#include <algorithm>
#include <limits>

#include <caf/all.hpp>

#include "actors/core.hpp"
#include "base/limits.hpp"
#include "log/prove.hpp"

namespace corestore::actors {

namespace {

constexpr std::uint64_t blocks_end = std::numeric_limits<std::uint64_t>::max();

/// Blocks of one read answer, whatever their size.
constexpr std::size_t read_blocks_max = 8192;

error missing(std::uint64_t index) {
  return {ec::storage_damaged, "block " + std::to_string(index) + " is marked as stored but missing"};
}

} // namespace

const log::block_cipher* core_state::cipher() const {
  if (!encryption_)
    return nullptr;
  auto is_compat = !log_.manifest || log::is_compat(log_.header.key, *log_.manifest);
  auto schedule = encryption_->schedule.value_or(is_compat ? log::key_schedule::compat : log::key_schedule::current);
  if (!encryption_->cipher || encryption_->used != schedule) {
    encryption_->cipher.emplace(encryption_->key, log_.header.key, schedule);
    encryption_->used = schedule;
  }
  return &*encryption_->cipher;
}

result<shared_bytes> core_state::readable(std::uint64_t index, const shared_bytes& stored, bool is_raw) const {
  const auto* secrecy = is_raw ? nullptr : cipher();
  if (secrecy == nullptr)
    return stored;
  return secrecy->decrypt(index, stored.view()).map([](bytes plain) { return shared_bytes{std::move(plain)}; });
}

caf::result<shared_bytes> core_state::fetch(const fetch_request& request) {
  auto index = request.index;
  if (index > limits::safe_integer_max)
    return make_error(ec::bad_argument, "no such block index: " + std::to_string(index));
  if (log_.bits.test(index)) {
    result<std::optional<shared_bytes>> block;
    if (auto done = reading([&](const log::log_source& source) { block = source.block_at(index); }); !done)
      return to_caf(done.error());
    if (!block)
      return to_caf(block.error());
    if (!*block)
      return to_caf(missing(index));
    auto plain = readable(index, **block, request.is_raw);
    if (!plain)
      return to_caf(plain.error());
    return *plain;
  }
  if (request.wait_ms == 0 || ending_)
    return make_error(ec::block_not_available, "block " + std::to_string(index) + " is not stored here");
  waiting_fetch waiting;
  // first the name: the promise takes the sender out of the message
  waiting.name = {caf::actor_cast<caf::actor_addr>(self_->current_sender()), request.token};
  waiting.promise = self_->make_response_promise<shared_bytes>();
  waiting.deadline_ms = deadline_after(now_ms(), request.wait_ms);
  waiting.is_raw = request.is_raw;
  auto promise = waiting.promise;
  waiting_.use().note(waiting.deadline_ms);
  waiting_.use().fetches.emplace(index, std::move(waiting));
  std::ignore = reading([&](const log::log_source& source) { replicator_->want_block(index, source, now_ms()); });
  settle();
  return promise;
}

result<block_batch> core_state::page(log::block_range range, std::uint64_t bytes_max) const {
  block_batch batch;
  auto opened = around_->backend->open_snapshot();
  if (!opened)
    return fail(opened.error());
  std::uint64_t read_bytes = 0;
  error failure;
  auto visit = [&](std::uint64_t index, byte_view value) {
    if (index != range.start + batch.blocks.size() || !log_.bits.test(index))
      return false;
    if (!batch.blocks.empty() && read_bytes + value.size() > bytes_max)
      return false;
    read_bytes += value.size();
    auto plain = readable(index, shared_bytes::copy_of(value), false);
    if (!plain) {
      failure = plain.error();
      return false;
    }
    batch.blocks.push_back({index, std::move(*plain)});
    return batch.blocks.size() < read_blocks_max;
  };
  auto done = (*opened)->each_block(log_.header.number, {range.start, std::min(range.end, log_.head.length)}, visit);
  if (!done)
    return fail(done.error());
  if (failure.code != ec::none)
    return fail(failure);
  return batch;
}

caf::result<block_batch> core_state::read(log::block_range range, std::uint64_t bytes_max, std::uint64_t wait_ms) {
  if (range.start > limits::safe_integer_max)
    return make_error(ec::bad_argument, "no such block index: " + std::to_string(range.start));
  if (wait_ms == 0 || range.start >= range.end || ending_ || log_.bits.test(range.start)) {
    auto batch = page(range, bytes_max);
    if (!batch)
      return to_caf(batch.error());
    return std::move(*batch);
  }
  waiting_fetch waiting;
  waiting.rest = waiting_fetch::page{self_->make_response_promise<block_batch>(), range.end, bytes_max};
  waiting.deadline_ms = deadline_after(now_ms(), wait_ms);
  auto promise = waiting.rest->promise;
  waiting_.use().note(waiting.deadline_ms);
  waiting_.use().fetches.emplace(range.start, std::move(waiting));
  std::ignore = reading([&](const log::log_source& source) { replicator_->want_block(range.start, source, now_ms()); });
  settle();
  return promise;
}

void core_state::answer_fetch(std::uint64_t index, waiting_fetch& waiting,
                              const result<std::optional<shared_bytes>>& block) {
  if (waiting.rest) {
    auto batch = page({index, waiting.rest->end}, waiting.rest->bytes_max);
    if (batch)
      waiting.rest->promise.deliver(std::move(*batch));
    else
      waiting.rest->promise.deliver(to_caf(batch.error()));
    return;
  }
  result<shared_bytes> plain = fail(missing(index));
  if (!block)
    plain = fail(block.error());
  else if (*block)
    plain = readable(index, **block, waiting.is_raw);
  if (plain)
    waiting.promise.deliver(std::move(*plain));
  else
    waiting.promise.deliver(to_caf(plain.error()));
}

// -- sets of blocks

bool core_state::has_all(const waiting_download& waiting) const {
  if (waiting.blocks.empty())
    return log_.bits.all_set(waiting.range);
  return std::all_of(waiting.blocks.begin(), waiting.blocks.end(),
                     [this](std::uint64_t index) { return log_.bits.test(index); });
}

void core_state::drop_wish(const waiting_download& waiting) {
  if (waiting.blocks.empty())
    replicator_->remove_download(waiting.id);
  for (auto index : waiting.blocks)
    replicator_->drop_block(index);
}

caf::result<bool> core_state::download(const download_request& request) {
  if (request.start > request.end)
    return make_error(ec::bad_argument, "a range ends before it starts");
  if (request.blocks.size() > limits::download_blocks_max)
    return make_error(ec::limit_exceeded, "a download names at most " + std::to_string(limits::download_blocks_max) +
                                            " blocks; take ranges");
  auto is_out = [](std::uint64_t index) {
    return index > limits::safe_integer_max;
  };
  if (std::any_of(request.blocks.begin(), request.blocks.end(), is_out))
    return make_error(ec::bad_argument, "no such block index");
  waiting_download waiting;
  waiting.range = {request.start, request.end};
  waiting.blocks = request.blocks;
  if ((!waiting.blocks.empty() || request.end != blocks_end) && has_all(waiting))
    return true;
  if (request.wait_ms == 0 || ending_)
    return false;
  waiting.id = next_wish();
  waiting.name = {caf::actor_cast<caf::actor_addr>(self_->current_sender()), request.token};
  waiting.promise = self_->make_response_promise<bool>();
  waiting.deadline_ms = deadline_after(now_ms(), request.wait_ms);
  std::ignore = reading([&](const log::log_source& source) {
    if (waiting.blocks.empty())
      replicator_->add_download(waiting.id, waiting.range, request.is_linear, source, now_ms());
    for (auto index : waiting.blocks)
      replicator_->want_block(index, source, now_ms());
  });
  waiting_.use().note(waiting.deadline_ms);
  auto promise = waiting.promise;
  waiting_.use().downloads.push_back(std::move(waiting));
  settle();
  return promise;
}

bool core_state::cancel(std::uint64_t token) {
  wait_name wanted{caf::actor_cast<caf::actor_addr>(self_->current_sender()), token};
  auto cancelled = make_error(ec::cancelled, "the caller gave up");
  bool is_found = false;
  auto* callers = waiting_.find();
  if (callers == nullptr)
    return false;
  for (auto position = callers->fetches.begin(); position != callers->fetches.end();) {
    if (!position->second.name.is(wanted)) {
      ++position;
      continue;
    }
    fail_one(position->second, cancelled);
    replicator_->drop_block(position->first);
    position = callers->fetches.erase(position);
    is_found = true;
  }
  std::erase_if(callers->downloads, [&](waiting_download& waiting) {
    if (!waiting.name.is(wanted))
      return false;
    drop_wish(waiting);
    waiting.promise.deliver(cancelled);
    return is_found = true;
  });
  settle();
  return is_found;
}

// -- byte positions

caf::result<seek_position> core_state::seek(std::uint64_t position, std::uint64_t wait_ms) {
  result<log::seek_result> found;
  if (auto done =
        reading([&](const log::log_source& source) { found = log::seek(log_.head, source, position, padding()); });
      !done)
    return to_caf(done.error());
  if (!found)
    return to_caf(found.error());
  if (found->is_found)
    return seek_position{found->index, found->offset};
  if (wait_ms == 0 || ending_)
    return make_error(ec::block_not_available, "byte " + std::to_string(position) + " cannot be located here");
  auto promise = self_->make_response_promise<seek_position>();
  waiting_seek waiting{next_wish(), position, promise, deadline_after(now_ms(), wait_ms)};
  std::ignore = reading(
    [&](const log::log_source& source) { replicator_->add_seek(waiting.id, position, padding(), source, now_ms()); });
  waiting_.use().note(waiting.deadline_ms);
  waiting_.use().seeks.push_back(std::move(waiting));
  settle();
  return promise;
}

} // namespace corestore::actors
