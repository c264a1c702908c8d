#include "actors/core.hpp"

#include <algorithm>
#include <chrono>
#include <limits>

#include <caf/all.hpp>

#include "base/limits.hpp"
#include "log/hashes.hpp"
#include "log/namespaces.hpp"

namespace corestore::actors {

namespace {

constexpr std::uint64_t blocks_end = std::numeric_limits<std::uint64_t>::max();

bool has_signer(const log::core_state& state, const public_key& key) {
  if (state.header.generation == log::generation::g9)
    return state.header.key.data == key.data;
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
  record.name_space = header.name_space;
  record.is_external = header.origin != log::key_origin::derived;
  record.is_frozen = header.is_frozen;
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
  replicator_.prepare(log_, arguments.replication);
  meters_ = std::move(arguments.counted);
  share_.join(meters_);
  note_share();
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
      keys_ = log::derive_key_pair(backend_->root_key(), log_.header);
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
  record.byte_length -= std::min(record.byte_length, record.length * padding());
  record.peers = static_cast<std::uint32_t>(sessions_.size());
  record.writable = is_writable();
  record.active = true;
  record.is_encrypted = encryption_.has_value();
  if (replicator_.is_present())
    record.remote_contiguous_length = replicator_->remote_contiguous_length();
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
  auto bytes_max = log::block_bytes_max(log_.header.generation) - padding();
  auto too_large =
    std::any_of(blocks.begin(), blocks.end(), [&](const shared_bytes& block) { return block.size() > bytes_max; });
  if (too_large) {
    promise.deliver(make_error(ec::bad_argument, "a block has more than " + std::to_string(bytes_max) + " bytes"));
    return;
  }
  if (blocks.empty() && writes_.empty() && !in_flight_) {
    promise.deliver(append_result{log_.head.length, record().byte_length});
    return;
  }
  writes_.push_back({std::move(blocks), std::move(promise), {}});
  settle();
}

caf::result<bool> core_state::update(std::uint64_t wait_ms) {
  if (wait_ms == 0 || (replicator_.is_update_settled() && meters_->searches == 0))
    return false;
  auto promise = self_->make_response_promise<bool>();
  waiting_.updates.push_back({promise, deadline_after(now_ms(), wait_ms), log_.head.length, log_.head.fork});
  waiting_.note(waiting_.updates.back().deadline_ms);
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
  if (removed == 0)
    return false;
  self_->demonitor(sink);
  tell_quiet();
  return true;
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
  if (!replicator_.is_present()) {
    replicator_.download_from_start();
    return;
  }
  std::ignore = reading([&](const log::log_source& source) { replicator_->set_downloading(true, source, now_ms()); });
  settle();
}

namespace {

void handle_ends(core_state::self_pointer self) {
  self->set_down_handler([self](const caf::down_msg& message) {
    self->state.forget_view(message.source);
    self->state.on_down(message.source);
  });
  self->set_exit_handler([self](caf::exit_msg& message) { self->state.finish(std::move(message.reason)); });
}

} // namespace

local_core_actor::behavior_type core(core_state::self_pointer self, core_arguments arguments) {
  auto& state = self->state;
  if (auto opened = state.open(self, std::move(arguments)); !opened) {
    self->quit(to_caf(opened.error()));
    return local_core_actor::behavior_type::make_empty_behavior();
  }
  handle_ends(self);
  return {
    // hot messages first: dispatch is linear
    [&state](peer_input& input) { state.receive(std::move(input)); },
    [&state](flush_atom, std::uint64_t peer, std::uint64_t bytes) { state.grant(peer, bytes); },
    [self, &state](append_atom, std::vector<shared_bytes>& blocks) -> caf::result<append_result> {
      auto promise = self->make_response_promise<append_result>();
      state.append(std::move(blocks), promise);
      return promise;
    },
    [&state](fetch_atom, std::uint64_t index, std::uint64_t wait_ms) {
      return state.fetch({index, wait_ms, 0, false});
    },
    [&state](fetch_atom, const fetch_request& request) { return state.fetch(request); },
    [&state](read_atom, std::uint64_t start, std::uint64_t end, std::uint64_t bytes_max) {
      return state.read({start, end}, bytes_max, 0);
    },
    [&state](read_atom, std::uint64_t start, std::uint64_t end, std::uint64_t bytes_max, std::uint64_t wait_ms) {
      return state.read({start, end}, bytes_max, wait_ms);
    },
    [&state](has_atom, std::uint64_t start, std::uint64_t end) { return state.has(start, end); },
    [&state](info_atom) { return state.record(); },
    [&state](update_atom, std::uint64_t wait_ms) { return state.update(wait_ms); },
    [&state](download_atom, std::uint64_t start, std::uint64_t end, std::uint64_t wait_ms) {
      return state.download({start, end, {}, false, wait_ms, 0});
    },
    [&state](download_atom, const download_request& request) { return state.download(request); },
    [&state](cancel_atom, std::uint64_t token) { return state.cancel(token); },
    [&state](mirror_atom, bool is_on) { return state.mirror(is_on, true); },
    [&state](seek_atom, std::uint64_t position, std::uint64_t wait_ms) { return state.seek(position, wait_ms); },
    [&state](verify_atom) { return state.verify(); },
    [&state](subscribe_atom, const event_sink& sink) { return state.subscribe(sink); },
    [&state](unsub_atom, const event_sink& sink) { return state.unsubscribe(sink.address()); },
    [&state](truncate_atom, std::uint64_t length, std::uint64_t fork) { return state.truncate(length, fork); },
    [&state](clear_atom, std::uint64_t start, std::uint64_t end) { return state.clear(start, end); },
    [&state](hash_atom, std::uint64_t length) { return state.tree_hash(length); },
    [&state](peers_atom) { return state.peers(); },
    [&state](stats_atom) { return state.stats(); },
    [&state](stats_atom, std::uint64_t start, std::uint64_t end) { return state.stored(start, end); },
    [&state](put_atom, std::string& entry, bytes& value) {
      return state.put_user_data(std::move(entry), std::move(value));
    },
    [&state](fetch_atom, const std::string& entry) { return state.user_data(entry); },
    [&state](encrypt_atom, const bytes& key, std::uint8_t schedule) { return state.encrypt(key, schedule); },
    [&state](signable_atom, std::uint64_t length, std::uint64_t fork) { return state.signable(length, fork); },
    [&state](append_atom, std::vector<shared_bytes>& blocks, bytes& signature) {
      return state.append_signed(std::move(blocks), std::move(signature));
    },
    [&state](checkout_atom, const checkout_request& request) { return state.check_out(request); },
    [&state](commit_atom, const std::vector<checkout_actor>& batches) { return state.commit_batches(batches); },
    [&state](mark_atom, std::uint64_t start, std::uint64_t end) { return state.mark(start, end); },
    [&state](sweep_atom) { return state.sweep(); },
    [&state](repair_atom) { return state.repair(); },
    [&state](attach_atom, peer_link& link) { return state.attach(std::move(link)); },
    [&state](park_atom) { return state.park(); },
    [&state](detach_atom, std::uint64_t peer) { state.detach(peer); },
    [&state](wake_atom) { state.hold(); },
    [&state](wake_atom, const session_actor& session) { state.expect(session); },
    [&state](mirror_atom, bool is_on, bool is_persistent) { return state.mirror(is_on, is_persistent); },
    [&state](tick_atom) { state.tick(); },
    [&state](internal_atom, std::uint64_t first) { state.verify_slice(first); },
    [&state](commit_atom, const staged_batch_ptr& batch) { return state.commit_batch(batch); },
    [&state](prepare_atom, const staged_batch_ptr& batch) { return state.prepare_batch(batch); },
    [&state](flush_atom, bool is_durable) { return state.settle_batch(is_durable); },
  };
}

} // namespace corestore::actors
