#include "actors/core.hpp"

#include <algorithm>
#include <chrono>
#include <limits>

#include <caf/all.hpp>

#include "base/limits.hpp"
#include "log/hashes.hpp"
#include "log/namespaces.hpp"
#include "log/prove.hpp"

namespace corestore::actors {

namespace {

constexpr std::uint64_t blocks_end = std::numeric_limits<std::uint64_t>::max();

/// Blocks of one read answer, whatever their size.
constexpr std::size_t read_blocks_max = 8192;

bool has_signer(const log::core_state& state, const public_key& key) {
  return state.manifest && std::any_of(state.manifest->signers.begin(), state.manifest->signers.end(),
                                       [&](const log::signer& candidate) { return candidate.key == key; });
}

} // namespace

core_record make_record(const log::core_header& header, const log::tree_head& head, std::uint64_t contiguous_length) {
  core_record record;
  record.key = header.key;
  record.discovery = header.discovery;
  record.generation = static_cast<std::uint8_t>(header.generation);
  record.manifest = header.manifest;
  record.length = head.length;
  record.byte_length = head.byte_length;
  record.fork = head.fork;
  record.contiguous_length = std::min(contiguous_length, head.length);
  record.tree_hash = log::tree_hash(head.roots, header.generation);
  record.writable = header.origin != log::key_origin::none;
  record.mirrored = header.is_mirrored;
  record.name = header.name;
  return record;
}

result<void> core_state::open(self_pointer self, core_arguments arguments) {
  self_ = self;
  backend_ = std::move(arguments.backend);
  writer_ = std::move(arguments.writer);
  log_.header = std::move(arguments.header);
  if (!log_.header.manifest.empty()) {
    auto decoded = log::decode_manifest(log_.header.manifest);
    if (!decoded)
      return fail(ec::storage_damaged, "stored manifest: " + to_string(decoded.error()));
    log_.manifest = std::move(*decoded);
  }
  auto opened = backend_->open_snapshot();
  if (!opened)
    return fail(opened.error());
  auto head = (*opened)->head(log_.header.number);
  if (!head)
    return fail(head.error());
  log_.head = std::move(*head);
  auto bits = (*opened)->bits(log_.header.number);
  if (!bits)
    return fail(bits.error());
  log_.bits = std::move(*bits);
  replicator_.emplace(log_, arguments.replication);
  if (log_.header.is_mirrored)
    hold();
  if (log_.header.is_mirrored && !is_writable()) {
    mirror_wish_ = next_wish();
    storage::core_view view{**opened, log_.header.number};
    replicator_->add_download(*mirror_wish_, {0, blocks_end}, false, view, now_ms());
  }
  return {};
}

std::uint64_t core_state::now_ms() const {
  auto now = self_->clock().now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

replication::download_id core_state::next_wish() {
  return ++wishes_;
}

const std::optional<key_pair>& core_state::keys() {
  if (!are_keys_known_) {
    are_keys_known_ = true;
    if (log_.header.origin == log::key_origin::derived)
      keys_ = log::derive_key_pair(backend_->root_key(), log_.header.name_space, log_.header.name);
    else if (log_.header.origin == log::key_origin::foreign)
      keys_ = log_.header.pair;
    if (keys_ && !has_signer(log_, keys_->public_part))
      keys_.reset();
  }
  return keys_;
}

bool core_state::is_writable() const {
  return log_.header.origin != log::key_origin::none && !log_.header.is_frozen;
}

core_record core_state::record() const {
  auto record = make_record(log_.header, log_.head, log_.contiguous_length());
  record.peers = static_cast<std::uint32_t>(sessions_.size());
  record.writable = is_writable();
  record.active = true;
  record.mirrored = mirror_wish_.has_value() || log_.header.is_mirrored;
  return record;
}

void core_state::append(std::vector<shared_bytes> blocks, caf::typed_response_promise<append_result> promise) {
  if (ending_) {
    promise.deliver(make_error(ec::store_closed, "the store is closing"));
    return;
  }
  if (!is_writable() || !keys()) {
    promise.deliver(make_error(ec::not_writable, "no key here signs core " + text::to_z32(log_.header.key.view())));
    return;
  }
  auto too_large = std::any_of(blocks.begin(), blocks.end(),
                               [](const shared_bytes& block) { return block.size() > limits::block_bytes_max; });
  if (too_large) {
    promise.deliver(
      make_error(ec::bad_argument, "a block has more than " + std::to_string(limits::block_bytes_max) + " bytes"));
    return;
  }
  if (blocks.empty() && appends_.empty() && !in_flight_) {
    promise.deliver(append_result{log_.head.length, log_.head.byte_length});
    return;
  }
  appends_.push_back({std::move(blocks), std::move(promise)});
  settle();
}

caf::result<shared_bytes> core_state::fetch(std::uint64_t index, std::uint64_t wait_ms) {
  if (index > limits::safe_integer_max)
    return make_error(ec::bad_argument, "no such block index: " + std::to_string(index));
  if (log_.bits.test(index)) {
    result<std::optional<shared_bytes>> block;
    if (auto done = reading([&](const log::log_source& source) { block = source.block_at(index); }); !done)
      return to_caf(done.error());
    if (!block)
      return to_caf(block.error());
    if (*block)
      return **block;
    return make_error(ec::storage_damaged, "block " + std::to_string(index) + " is marked as stored but missing");
  }
  if (wait_ms == 0 || ending_)
    return make_error(ec::block_not_available, "block " + std::to_string(index) + " is not stored here");
  auto promise = self_->make_response_promise<shared_bytes>();
  auto deadline_ms = deadline_after(now_ms(), wait_ms);
  waiting_.fetches.emplace(index, waiting_fetch{promise, deadline_ms});
  waiting_.note(deadline_ms);
  std::ignore = reading([&](const log::log_source& source) { replicator_->want_block(index, source, now_ms()); });
  settle();
  return promise;
}

caf::result<block_batch> core_state::read(std::uint64_t start, std::uint64_t end, std::uint64_t bytes_max) {
  block_batch batch;
  auto opened = backend_->open_snapshot();
  if (!opened)
    return to_caf(opened.error());
  std::uint64_t read_bytes = 0;
  auto visit = [&](std::uint64_t index, byte_view value) {
    if (index != start + batch.blocks.size() || !log_.bits.test(index))
      return false;
    if (!batch.blocks.empty() && read_bytes + value.size() > bytes_max)
      return false;
    read_bytes += value.size();
    batch.blocks.push_back({index, shared_bytes::copy_of(value)});
    return batch.blocks.size() < read_blocks_max;
  };
  auto done = (*opened)->each_block(log_.header.number, {start, std::min(end, log_.head.length)}, visit);
  if (!done)
    return to_caf(done.error());
  return batch;
}

caf::result<bool> core_state::update(std::uint64_t wait_ms) {
  if (wait_ms == 0 || replicator_->is_update_settled())
    return false;
  auto promise = self_->make_response_promise<bool>();
  waiting_.updates.push_back({promise, deadline_after(now_ms(), wait_ms), log_.head.length, log_.head.fork});
  waiting_.note(waiting_.updates.back().deadline_ms);
  settle();
  return promise;
}

caf::result<bool> core_state::download(std::uint64_t start, std::uint64_t end, std::uint64_t wait_ms) {
  if (start > end)
    return make_error(ec::bad_argument, "a range ends before it starts");
  if (end != blocks_end && log_.bits.all_set({start, end}))
    return true;
  if (wait_ms == 0)
    return false;
  auto promise = self_->make_response_promise<bool>();
  waiting_download waiting{next_wish(), {start, end}, promise, deadline_after(now_ms(), wait_ms)};
  std::ignore = reading([&](const log::log_source& source) {
    replicator_->add_download(waiting.id, waiting.range, false, source, now_ms());
  });
  waiting_.note(waiting.deadline_ms);
  waiting_.downloads.push_back(std::move(waiting));
  settle();
  return promise;
}

caf::result<seek_position> core_state::seek(std::uint64_t position, std::uint64_t wait_ms) {
  result<log::seek_result> found;
  if (auto done = reading([&](const log::log_source& source) { found = log::seek(log_.head, source, position); });
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
  std::ignore =
    reading([&](const log::log_source& source) { replicator_->add_seek(waiting.id, position, 0, source, now_ms()); });
  waiting_.note(waiting.deadline_ms);
  waiting_.seeks.push_back(std::move(waiting));
  settle();
  return promise;
}

caf::result<core_record> core_state::mirror(bool is_on, bool is_persistent) {
  if (is_on && !mirror_wish_ && !is_writable()) {
    mirror_wish_ = next_wish();
    std::ignore = reading([&](const log::log_source& source) {
      replicator_->add_download(*mirror_wish_, {0, blocks_end}, false, source, now_ms());
      replicator_->set_downloading(true, source, now_ms());
    });
  } else if (!is_on && mirror_wish_) {
    replicator_->remove_download(*mirror_wish_);
    mirror_wish_.reset();
  }
  const auto& known = new_header_ ? *new_header_ : log_.header;
  if (!is_persistent || known.is_mirrored == is_on) {
    settle();
    return record();
  }
  auto changed = known;
  changed.is_mirrored = is_on;
  new_header_ = std::move(changed);
  auto promise = self_->make_response_promise<core_record>();
  header_waiters_.push_back(promise);
  settle();
  return promise;
}

core_record core_state::subscribe(const event_sink& sink) {
  unsubscribe(sink.address());
  self_->monitor(sink);
  sinks_.push_back(sink);
  return record();
}

bool core_state::unsubscribe(const caf::actor_addr& sink) {
  auto is_it = [&](const event_sink& candidate) {
    return candidate.address() == sink;
  };
  auto removed = std::erase_if(sinks_, is_it);
  if (removed > 0)
    self_->demonitor(sink);
  return removed > 0;
}

core_event core_state::event_of(event_kind kind) const {
  core_event event;
  event.kind = kind;
  event.key = log_.header.key;
  event.discovery = log_.header.discovery;
  event.length = log_.head.length;
  event.fork = log_.head.fork;
  return event;
}

void core_state::publish(const core_event& event) {
  for (const auto& sink : sinks_)
    self_->send(sink, event);
}

void core_state::hold() {
  std::ignore = reading([&](const log::log_source& source) { replicator_->set_downloading(true, source, now_ms()); });
  settle();
}

local_core_actor::behavior_type core(core_state::self_pointer self, core_arguments arguments) {
  auto& state = self->state;
  if (auto opened = state.open(self, std::move(arguments)); !opened) {
    self->quit(to_caf(opened.error()));
    return local_core_actor::behavior_type::make_empty_behavior();
  }
  self->set_down_handler([self](const caf::down_msg& message) { self->state.unsubscribe(message.source); });
  self->set_exit_handler([self](caf::exit_msg& message) { self->state.finish(std::move(message.reason)); });
  return {
    // hot messages first: dispatch is linear
    [&state](peer_input& input) { state.receive(std::move(input)); },
    [&state](flush_atom, std::uint64_t peer, std::uint64_t bytes) { state.grant(peer, bytes); },
    [self, &state](append_atom, std::vector<shared_bytes>& blocks) -> caf::result<append_result> {
      auto promise = self->make_response_promise<append_result>();
      state.append(std::move(blocks), promise);
      return promise;
    },
    [&state](fetch_atom, std::uint64_t index, std::uint64_t wait_ms) { return state.fetch(index, wait_ms); },
    [&state](read_atom, std::uint64_t start, std::uint64_t end, std::uint64_t bytes_max) {
      return state.read(start, end, bytes_max);
    },
    [&state](has_atom, std::uint64_t start, std::uint64_t end) { return state.has(start, end); },
    [&state](info_atom) { return state.record(); },
    [&state](update_atom, std::uint64_t wait_ms) { return state.update(wait_ms); },
    [&state](download_atom, std::uint64_t start, std::uint64_t end, std::uint64_t wait_ms) {
      return state.download(start, end, wait_ms);
    },
    [&state](mirror_atom, bool is_on) { return state.mirror(is_on, true); },
    [&state](seek_atom, std::uint64_t position, std::uint64_t wait_ms) { return state.seek(position, wait_ms); },
    [&state](verify_atom) { return state.verify(); },
    [&state](subscribe_atom, const event_sink& sink) { return state.subscribe(sink); },
    [&state](unsub_atom, const event_sink& sink) { return state.unsubscribe(sink.address()); },
    [&state](attach_atom, peer_link& link) { state.attach(std::move(link)); },
    [&state](detach_atom, std::uint64_t peer) { state.detach(peer); },
    [&state](wake_atom) { state.hold(); },
    [&state](mirror_atom, bool is_on, bool is_persistent) { return state.mirror(is_on, is_persistent); },
    [&state](tick_atom) { state.tick(); },
    [&state](internal_atom, std::uint64_t first) { state.verify_slice(first); },
  };
}

} // namespace corestore::actors
