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
  record.discovery = log::discovery_key_of(header.key); // a twin is kept under another id
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
  record.is_fenced = header.fence.has_value();
  return record;
}

result<core_record> make_record(const log::core_header& header, const storage::snapshot& source) {
  auto head = source.head(header.number);
  if (!head)
    return fail(head.error());
  auto bits = source.bits(header.number);
  if (!bits)
    return fail(bits.error());
  auto group = source.group(header.number);
  if (!group)
    return fail(group.error());
  auto record = make_record(header, *head, bits->contiguous_length());
  if (*group)
    record.group = to_bytes((*group)->topic.view());
  return record;
}

void core_state::prepare(self_pointer self, core_arguments arguments) {
  self_ = self;
  around_ = std::move(arguments.around);
  log_.header = std::move(arguments.header);
}

result<void> core_state::open() {
  if (!log_.header.manifest.empty()) {
    auto decoded = log::decode_manifest(log_.header.manifest);
    if (!decoded)
      return fail(ec::storage_damaged, "stored manifest: " + to_string(decoded.error()));
    log_.manifest = std::move(*decoded);
  }
  auto opened = around_->backend->open_snapshot();
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
  auto group = (*opened)->group(log_.header.number);
  if (!group)
    return fail(group.error());
  if (*group)
    group_ = (*group)->topic;
  replicator_.prepare(log_, around_->replication);
  share_.join(*around_->counted);
  note_share();
  if (log_.header.is_mirrored)
    hold();
  if (log_.header.is_mirrored && !is_writable()) {
    mirror_wish_ = next_wish();
    storage::core_view view{**opened, log_.header.number};
    replicator_->add_download(*mirror_wish_, {0, blocks_end}, false, view, now_ms());
  }
  if (log_.header.fence) {
    storage::core_view view{**opened, log_.header.number};
    want_lost_blocks(view);
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

const boxed<key_pair>& core_state::keys() {
  if (!are_keys_known_) {
    are_keys_known_ = true;
    if (log_.header.origin == log::key_origin::derived)
      keys_ = log::derive_key_pair(around_->backend->root_key(), log_.header);
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
  record.peers = static_cast<std::uint32_t>(links_.look().attached.size());
  record.writable = is_writable();
  record.active = true;
  record.is_encrypted = encryption_.has_value();
  if (replicator_.is_present())
    record.remote_contiguous_length = replicator_->remote_contiguous_length();
  record.mirrored = mirror_wish_.has_value() || log_.header.is_mirrored;
  if (group_)
    record.group = to_bytes(group_->view());
  return record;
}

caf::result<append_result> core_state::append(std::vector<shared_bytes> blocks) {
  if (ending_)
    return make_error(ec::store_closed, "the store is closing");
  if (auto refusal = signing_refusal(); refusal.code != ec::none)
    return to_caf(refusal);
  auto bytes_max = log::block_bytes_max(log_.header.generation) - padding();
  auto too_large =
    std::any_of(blocks.begin(), blocks.end(), [&](const shared_bytes& block) { return block.size() > bytes_max; });
  if (too_large)
    return make_error(ec::bad_argument, "a block has more than " + std::to_string(bytes_max) + " bytes");
  if (blocks.empty() && writes_.empty() && !in_flight_)
    return append_result{log_.head.length, record().byte_length};
  auto promise = self_->make_response_promise<append_result>();
  writes_.push_back({std::move(blocks), promise, {}});
  settle();
  return promise;
}

caf::result<bool> core_state::update(std::uint64_t wait_ms) {
  if (wait_ms == 0 || (replicator_.is_update_settled() && around_->counted->searches == 0))
    return false;
  auto promise = self_->make_response_promise<bool>();
  auto& waiting = waiting_.use();
  waiting.updates.push_back({promise, deadline_after(now_ms(), wait_ms), log_.head.length, log_.head.fork});
  waiting.note(waiting.updates.back().deadline_ms);
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
  return replace_header(std::move(changed));
}

caf::result<core_record> core_state::replace_header(log::core_header header) {
  new_header_ = std::move(header);
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
  is_held_ = true;
  if (!replicator_.is_present()) {
    replicator_.download_from_start();
    return;
  }
  std::ignore = reading([&](const log::log_source& source) { replicator_->set_downloading(true, source, now_ms()); });
  settle();
}

namespace {

/// The core whose turn it is on this thread.
thread_local core_state* current = nullptr;

core_state& here() {
  return *current;
}

/// Without anything of a single core in them.
// NOLINTNEXTLINE(readability-function-size): a table, one line for each message
local_core_actor::behavior_type make_handlers() {
  return {
    // hot messages first: dispatch is linear
    [](peer_input& input) { here().receive(std::move(input)); },
    [](flush_atom, std::uint64_t peer, std::uint64_t bytes) { here().grant(peer, bytes); },
    [](append_atom, std::vector<shared_bytes>& blocks) { return here().append(std::move(blocks)); },
    [](fetch_atom, std::uint64_t index, std::uint64_t wait_ms) {
      return here().fetch({index, wait_ms, 0, false});
    },
    [](fetch_atom, const fetch_request& request) { return here().fetch(request); },
    [](read_atom, std::uint64_t start, std::uint64_t end, std::uint64_t bytes_max) {
      return here().read({start, end}, bytes_max, 0);
    },
    [](read_atom, std::uint64_t start, std::uint64_t end, std::uint64_t bytes_max, std::uint64_t wait_ms) {
      return here().read({start, end}, bytes_max, wait_ms);
    },
    [](has_atom, std::uint64_t start, std::uint64_t end) { return here().has(start, end); },
    [](info_atom) { return here().record(); },
    [](update_atom, std::uint64_t wait_ms) { return here().update(wait_ms); },
    [](download_atom, std::uint64_t start, std::uint64_t end, std::uint64_t wait_ms) {
      return here().download({start, end, {}, false, wait_ms, 0});
    },
    [](download_atom, const download_request& request) { return here().download(request); },
    [](cancel_atom, std::uint64_t token) { return here().cancel(token); },
    [](mirror_atom, bool is_on) { return here().mirror(is_on, true); },
    [](seek_atom, std::uint64_t position, std::uint64_t wait_ms) { return here().seek(position, wait_ms); },
    [](verify_atom) { return here().verify(); },
    [](subscribe_atom, const event_sink& sink) { return here().subscribe(sink); },
    [](unsub_atom, const event_sink& sink) { return here().unsubscribe(sink.address()); },
    [](truncate_atom, std::uint64_t length, std::uint64_t fork) { return here().truncate(length, fork); },
    [](clear_atom, std::uint64_t start, std::uint64_t end) { return here().clear(start, end); },
    [](hash_atom, std::uint64_t length) { return here().tree_hash(length); },
    [](peers_atom) { return here().peers(); },
    [](stats_atom) { return here().stats(); },
    [](stats_atom, std::uint64_t start, std::uint64_t end) { return here().stored(start, end); },
    [](put_atom, std::string& entry, bytes& value) { return here().put_user_data(std::move(entry), std::move(value)); },
    [](fetch_atom, const std::string& entry) { return here().user_data(entry); },
    [](list_atom, const std::string& after) { return here().user_names(after); },
    [](encrypt_atom, const bytes& key, std::uint8_t schedule) { return here().encrypt(key, schedule); },
    [](signable_atom, std::uint64_t length, std::uint64_t fork) { return here().signable(length, fork); },
    [](append_atom, std::vector<shared_bytes>& blocks, bytes& signature) {
      return here().append_signed(std::move(blocks), std::move(signature));
    },
    [](checkout_atom, const checkout_request& request) { return here().check_out(request); },
    [](commit_atom, const std::vector<checkout_actor>& batches) { return here().commit_batches(batches); },
    [](mark_atom, std::uint64_t start, std::uint64_t end) { return here().mark(start, end); },
    [](sweep_atom) { return here().sweep(); },
    [](repair_atom) { return here().repair(); },
    [](export_atom) { return here().export_head(); },
    [](export_atom, const archive_request& request) { return here().export_blocks(request); },
    [](import_atom, const bytes& frame) { return here().import_frame(frame); },
    [](fence_atom, bool is_fenced) { return here().set_fence(is_fenced); },
    [](group_atom, const bytes& topic) { return here().set_group(topic); },
    [](extend_atom, const std::string& extension, const extension_sink& sink) {
      return here().extend(extension, sink, false);
    },
    [](extend_atom, const std::string& extension, const extension_sink& sink, scope_id) {
      here().extend(extension, sink, true);
    },
    [](retract_atom, const std::string& extension, const extension_sink& sink) {
      return !extension.empty() && here().retract(extension, sink.address());
    },
    [](send_atom, const extension_message& message) { return here().send(message); },
    [](push_atom, std::uint64_t index) { return here().push(index); },
    [](switch_atom, const core_switches& wanted) { return here().switch_to(wanted); },
    [](evidence_atom) { return here().evidence(); },
    [](encrypt_atom, const bytes& key) { return here().adopt_key(key); },
    [](attach_atom, peer_link& link) { return here().attach(std::move(link)); },
    [](park_atom) { return here().park(); },
    [](switch_atom, std::uint64_t peer, bool may_upload, bool may_download) {
      here().switch_connection(peer, may_upload, may_download);
    },
    [](detach_atom, std::uint64_t peer) { here().detach(peer); },
    [](wake_atom) { here().hold(); },
    [](wake_atom, const session_actor& session) { here().expect(session); },
    [](open_atom, const change_set_ptr& known) { return here().learn(known); },
    [](mirror_atom, bool is_on, bool is_persistent) { return here().mirror(is_on, is_persistent); },
    [](tick_atom) { here().tick(); },
    [](internal_atom, std::uint64_t first) { here().verify_slice(first); },
    [](commit_atom, const staged_batch_ptr& batch) { return here().commit_batch(batch); },
    [](prepare_atom, const staged_batch_ptr& batch) { return here().prepare_batch(batch); },
    [](flush_atom, bool is_durable) { return here().settle_batch(is_durable); },
  };
}

} // namespace

core::core(caf::actor_config& config, core_arguments arguments) : stateful_actor(config) {
  state.prepare(this, std::move(arguments));
}

core::resume_result core::resume(caf::execution_unit* unit, std::size_t throughput_max) {
  auto* before = std::exchange(current, &state);
  auto outcome = stateful_actor::resume(unit, throughput_max);
  current = before;
  return outcome;
}

local_core_actor::behavior_type core::make_behavior() {
  if (auto opened = state.open(); !opened) {
    quit(to_caf(opened.error()));
    return local_core_actor::behavior_type::make_empty_behavior();
  }
  set_down_handler([this](const caf::down_msg& message) {
    state.forget_view(message.source);
    state.on_down(message.source);
  });
  set_exit_handler([this](caf::exit_msg& message) { state.finish(std::move(message.reason)); });
  static const auto shared = make_handlers();
  return shared;
}

} // namespace corestore::actors
