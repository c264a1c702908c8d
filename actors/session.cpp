#include "actors/session.hpp"

#include <algorithm>
#include <chrono>

#include <caf/all.hpp>

#include "base/limits.hpp"
#include "log/hashes.hpp"

namespace corestore::actors {

namespace {

constexpr std::size_t read_bytes = std::size_t{64} << 10U;
constexpr int reads_per_turn_max = 4;
constexpr std::uint32_t inputs_out_max = 4;                ///< decoding overlaps with verifying, and no more
constexpr std::size_t unsent_high = std::size_t{1} << 20U; ///< above it nothing more is asked of the cores
constexpr std::size_t chunk_bytes = std::size_t{64} << 10U;
constexpr std::uint64_t tick_ms = 1000;
constexpr std::uint64_t tick_slots = 10; ///< moments of a second at which sessions tick

/// The kind of message that asks for something.
constexpr auto request_kind =
  static_cast<std::size_t>(std::find(core_totals::message_names.begin(), core_totals::message_names.end(), "request") -
                           core_totals::message_names.begin());

bool breaks_a_rule(ec code) {
  switch (code) {
  case ec::protocol_violation:
  case ec::decoding_failed:
  case ec::invalid_capability:
  case ec::invalid_signature:
  case ec::invalid_checksum:
  case ec::invalid_proof:
  case ec::invalid_operation:
  case ec::handshake_failed:
  case ec::limit_exceeded:
  case ec::timed_out:
    return true;
  default:
    return false;
  }
}

} // namespace

void session_state::open(self_pointer self, session_arguments arguments) {
  self_ = self;
  arguments_ = std::move(arguments);
  replication::connection_options options;
  options.is_initiator = arguments_.is_initiator;
  options.static_keys = arguments_.identity;
  options.keep_alive_ms = arguments_.settings->keep_alive_ms;
  options.handshake_ms_max = arguments_.settings->handshake_ms_max;
  last_read_ms_ = now_ms();
  auto which = arguments_.is_initiator ? std::optional{arguments_.generation} : std::nullopt;
  connection_.emplace(std::move(options), which, last_read_ms_);
  record_.id = arguments_.record_id == 0 ? arguments_.id : arguments_.record_id;
  record_.address = arguments_.stream->address();
  record_.state = "handshake";
  record_.is_initiator = arguments_.is_initiator;
  if (!arguments_.pass) // no books are kept: the limits of nobody
    arguments_.pass =
      std::make_shared<peer_guard>(std::make_shared<core_totals>())->dialled(std::make_shared<guard_totals::source>());
  report();
  flush();
  arm_read();
  arm_tick();
}

std::uint64_t session_state::now_ms() const {
  auto now = self_->clock().now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

// -- reading

bool session_state::may_read() const {
  return !is_finished_ && !is_paused_ && !is_read_armed_ && read_again_ms_ == 0 && inputs_out_ < inputs_out_max &&
         unsent_bytes_ < 4 * unsent_high;
}

void session_state::arm_read() {
  if (!may_read())
    return;
  is_read_armed_ = true;
  arguments_.stream->wait_readable([handle = caf::actor_cast<session_actor>(self_)](bool is_ready) {
    if (is_ready)
      caf::anon_send(handle, internal_atom_v, true);
    else
      caf::anon_send(handle, shutdown_atom_v);
  });
}

void session_state::arm_write() {
  if (is_finished_ || is_write_armed_ || write_again_ms_ > 0 || unsent_bytes_ == 0)
    return;
  is_write_armed_ = true;
  arguments_.stream->wait_writable([handle = caf::actor_cast<session_actor>(self_)](bool is_ready) {
    if (is_ready)
      caf::anon_send(handle, internal_atom_v, false);
    else
      caf::anon_send(handle, shutdown_atom_v);
  });
}

void session_state::on_ready(bool is_readable) {
  if (is_finished_)
    return;
  if (!is_readable) {
    is_write_armed_ = false;
    write();
    wait_for_relief();
    grant_waiting();
    arm_write();
    arm_read();
    return;
  }
  is_read_armed_ = false;
  if (is_paused_)
    return; // whoever resumes waits again
  thread_local std::vector<std::uint8_t> buffer(read_bytes);
  std::vector<replication::connection_event> events; // of all reads: what came together is verified together
  result<void> done;
  for (int turn = 0; turn < reads_per_turn_max && read_again_ms_ == 0 && done; ++turn) {
    auto count = arguments_.stream->read(buffer);
    if (!count) {
      done = fail(std::move(count.error()));
      break;
    }
    if (*count == 0)
      break;
    last_read_ms_ = now_ms();
    record_.bytes_in += *count;
    is_record_new_ = true;
    if (auto wait = arguments_.pass->take_bytes_in(*count, last_read_ms_); wait > 0)
      read_again_ms_ = std::max(read_again_ms_, last_read_ms_ + wait);
    done = connection_->feed({buffer.data(), *count}, last_read_ms_, events);
    if (*count < buffer.size())
      break;
  }
  handle(events);
  if (is_finished_)
    return;
  if (!done) {
    finish(done.error());
    return;
  }
  wait_for_relief();
  flush();
  arm_read();
}

void session_state::handle(std::vector<replication::connection_event>& events) {
  for (auto& event : events) {
    if (is_finished_)
      return;
    if (auto* messages = std::get_if<replication::channel_messages>(&event))
      on_messages(messages->channel, std::move(messages->messages));
    else if (auto* previous = std::get_if<replication::legacy_messages>(&event))
      on_messages(previous->channel, std::move(previous->messages));
    else if (auto* requested = std::get_if<replication::channel_requested>(&event))
      on_requested(*requested);
    else if (auto* opened = std::get_if<replication::channel_opened>(&event))
      on_opened(*opened);
    else if (auto* closed = std::get_if<replication::channel_closed>(&event))
      on_closed(*closed);
    else if (auto* handshake = std::get_if<replication::handshake_done>(&event))
      on_handshake(*handshake);
  }
}

// -- channels

void session_state::on_handshake(const replication::handshake_done& fact) {
  record_.public_key = text::to_hex(fact.remote_key.view());
  if (auto why = arguments_.pass->identify(fact.remote_key, now_ms())) {
    turn_away(*why);
    return;
  }
  record_.state = "open";
  report();
  self_->request(arguments_.store, caf::infinite, join_atom_v, caf::actor_cast<session_actor>(self_), arguments_.scope)
    .then(
      [this](std::vector<local_core>& cores) {
        for (const auto& core : cores)
          offer(core);
      },
      [this](const caf::error& reason) { finish(from_caf(reason)); });
}

session_state::channel& session_state::remember(replication::channel_id id, const local_core& core) {
  auto& entry = channels_[id];
  entry.peer = (arguments_.id << 32U) | ++next_peer_;
  entry.core = core;
  by_discovery_[core.discovery] = id;
  by_peer_[entry.peer] = id;
  if (core.handle)
    self_->monitor(core.handle);
  return entry;
}

void session_state::forget(replication::channel_id id) {
  auto found = channels_.find(id);
  if (found == channels_.end())
    return;
  auto& entry = found->second;
  if (entry.stage == stage::attaching) // what the peer said last decides whether its channel is missed
    for (auto& input : entry.waiting)
      self_->send(entry.core.handle, std::move(input));
  if (entry.stage == stage::attaching || entry.stage == stage::attached)
    self_->send(entry.core.handle, detach_atom_v, entry.peer);
  if (entry.is_granted)
    granted_bytes_ -= grant_bytes;
  if (entry.is_theirs)
    arguments_.pass->give_channel();
  inputs_out_ -= entry.inputs_out + entry.returns_due + static_cast<std::uint32_t>(entry.waiting.size());
  lose_core(entry);
  by_peer_.erase(entry.peer);
  if (auto known = by_discovery_.find(entry.core.discovery); known != by_discovery_.end() && known->second == id)
    by_discovery_.erase(known);
  channels_.erase(found);
}

void session_state::close_channel(replication::channel_id id) {
  forget(id);
  connection_->close(id);
}

/// A connection carries cores of the generation that it speaks.
bool session_state::speaks_of(const local_core& core) const {
  return connection_->generation() == core.generation;
}

void session_state::offer(local_core core) {
  if (is_finished_ || !connection_->is_ready() || !speaks_of(core))
    return;
  core.discovery = log::discovery_key_of(core.key); // what peers call it, wherever the store keeps it
  if (auto known = by_discovery_.find(core.discovery); known != by_discovery_.end()) {
    auto& entry = channels_[known->second];
    if (!core.handle || entry.core.handle == core.handle)
      return;
    if (entry.stage != stage::attached) {
      adopt_core(known->second, core);
      return;
    }
    close_channel(known->second); // the core was reopened with other rights
  }
  auto id = connection_->open(core.key, core.discovery);
  if (id == 0)
    return; // as many channels as one connection may have
  // It may be the one that the peer asks for while the store is being asked: then it is answered now.
  remember(id, core).is_theirs = requested_.erase(id) > 0;
  follow_up();
}

void session_state::follow_up() {
  std::vector<replication::connection_event> events;
  connection_->poll(events);
  handle(events);
  flush();
}

void session_state::on_requested(const replication::channel_requested& fact) {
  if (!arguments_.pass->take_channel()) {
    connection_->reject(fact.channel);
    follow_up();
    return;
  }
  requested_.insert(fact.channel);
  ask(
    fact.discovery, [this, id = fact.channel](const local_core& core) { answer_request(id, core); },
    [this, id = fact.channel] {
      if (is_finished_ || requested_.erase(id) == 0)
        return;
      arguments_.pass->give_channel();
      connection_->reject(id);
      follow_up();
    });
}

void session_state::on_opened(const replication::channel_opened& fact) {
  auto found = channels_.find(fact.channel);
  if (found == channels_.end())
    return;
  found->second.is_open = true;
  found->second.remote_seeks = fact.remote_seeks;
  attach(fact.channel);
  is_record_new_ = true;
}

void session_state::on_closed(const replication::channel_closed& fact) {
  if (requested_.erase(fact.channel) > 0)
    arguments_.pass->give_channel();
  if (fact.is_unproven)
    punish({ec::invalid_capability, "it opened a core without knowing its key"});
  forget(fact.channel);
  is_record_new_ = true;
}

void session_state::on_messages(replication::channel_id id, replication::message_batch messages) {
  auto found = channels_.find(id);
  if (found == channels_.end() || !found->second.is_open)
    return;
  auto& entry = found->second;
  note_requests(messages);
  ++inputs_out_;
  peer_input input{entry.peer, std::move(messages)};
  if (entry.stage == stage::attached) {
    ++entry.inputs_out;
    self_->send(entry.core.handle, std::move(input));
    return;
  }
  entry.waiting.push_back(std::move(input));
  attach(id);
}

// -- answers of cores

void session_state::on_output(peer_output output) {
  if (is_finished_)
    return;
  auto known = by_peer_.find(output.peer);
  if (known == by_peer_.end()) {
    arm_read();
    return;
  }
  auto id = known->second;
  auto& entry = channels_[id];
  auto digested = std::min(entry.inputs_out, output.inputs_done);
  entry.inputs_out -= digested;
  inputs_out_ -= digested;
  for (auto& batch : output.batches) {
    connection_->send(id, batch);
    take_output();
  }
  if (entry.is_granted) {
    entry.is_granted = false;
    granted_bytes_ -= grant_bytes;
  }
  if (output.queued > 0 && std::find(hungry_.begin(), hungry_.end(), output.peer) == hungry_.end())
    hungry_.push_back(output.peer);
  if (output.failure.code != ec::none) {
    flush();
    finish(output.failure);
    return;
  }
  if (output.is_idle)
    close_channel(id);
  flush();
  arm_read();
}

void session_state::grant_waiting() {
  while (!hungry_.empty() && unsent_bytes_ + granted_bytes_ < unsent_high) {
    auto known = by_peer_.find(hungry_.front());
    hungry_.pop_front();
    if (known == by_peer_.end())
      continue;
    auto& entry = channels_[known->second];
    if (entry.is_granted || entry.stage != stage::attached)
      continue;
    entry.is_granted = true;
    granted_bytes_ += grant_bytes;
    self_->send(entry.core.handle, flush_atom_v, entry.peer, std::uint64_t{grant_bytes});
  }
}

// -- writing

void session_state::take_output() {
  if (connection_->output_size() == 0)
    return;
  auto output = connection_->take_output();
  unsent_bytes_ += output.size();
  if (!unsent_.empty() && unsent_.back().size() + output.size() <= chunk_bytes)
    unsent_.back().insert(unsent_.back().end(), output.begin(), output.end());
  else
    unsent_.push_back(std::move(output));
}

void session_state::write() {
  while (!unsent_.empty() && !is_finished_ && write_again_ms_ == 0) {
    auto& front = unsent_.front();
    auto count = arguments_.stream->write(byte_view{front}.subspan(unsent_offset_));
    if (!count) {
      finish(count.error());
      return;
    }
    if (*count == 0)
      return;
    record_.bytes_out += *count;
    is_record_new_ = true;
    auto now = now_ms();
    if (auto wait = arguments_.pass->take_bytes_out(*count, now); wait > 0)
      write_again_ms_ = now + wait;
    unsent_offset_ += *count;
    unsent_bytes_ -= *count;
    if (unsent_offset_ == front.size()) {
      unsent_.pop_front();
      unsent_offset_ = 0;
    }
  }
}

void session_state::flush() {
  if (is_finished_)
    return;
  take_output();
  if (!is_write_armed_)
    write();
  wait_for_relief();
  grant_waiting();
  arm_write();
}

// -- life

void session_state::report() {
  record_.channels = channels_.size();
  record_.may_upload = may_upload();
  record_.may_download = may_download();
  record_.strikes = arguments_.pass->strikes(now_ms());
  record_.is_throttled = read_again_ms_ > 0 || write_again_ms_ > 0;
  is_record_new_ = false;
  self_->send(arguments_.store, sync_atom_v, caf::actor_cast<session_actor>(self_), record_);
}

void session_state::on_tick() {
  if (is_finished_)
    return;
  auto now = now_ms();
  arguments_.pass->count_wait((now - std::min(now, tick_due_ms_)) * 1000);
  if (auto ticked = connection_->tick(now); !ticked) {
    finish(ticked.error());
    return;
  }
  if (auto why = arguments_.pass->check(now)) {
    arguments_.pass->count(*why);
    turn_away(*why);
    return;
  }
  auto idle_max = arguments_.settings->idle_ms_max;
  if (idle_max > 0 && !is_paused_ && read_again_ms_ == 0 && now - last_read_ms_ > idle_max) {
    finish({ec::timed_out, record_.address + " was silent for " + std::to_string(idle_max) + " ms"});
    return;
  }
  flush();
  auto is_throttled = read_again_ms_ > 0 || write_again_ms_ > 0;
  if (is_record_new_ || is_throttled != record_.is_throttled || arguments_.pass->strikes(now) != record_.strikes)
    report();
  arm_tick();
}

/// Many sessions tick at one moment: waking a thread for each of them would cost more than what they do.
void session_state::arm_tick() {
  const auto slot = arguments_.id % tick_slots * (tick_ms / tick_slots);
  const auto now = now_ms();
  tick_due_ms_ = (now + tick_ms - slot) / tick_ms * tick_ms + slot;
  const std::chrono::milliseconds due{tick_due_ms_};
  self_->scheduled_send(self_, caf::actor_clock::time_point{due}, tick_atom_v);
}

void session_state::pause(bool is_paused) {
  is_paused_ = is_paused;
  if (is_paused)
    return;
  last_read_ms_ = now_ms(); // the silence was ours
  arm_read();
}

peer_record session_state::switch_to(const connection_switches& wanted) {
  auto had_upload = may_upload();
  auto had_download = may_download();
  arguments_.may_upload = after(wanted.upload, arguments_.may_upload);
  arguments_.may_download = after(wanted.download, arguments_.may_download);
  report();
  if (is_finished_ || (had_upload == may_upload() && had_download == may_download()))
    return record_;
  auto is_more_allowed = (may_upload() && !had_upload) || (may_download() && !had_download);
  std::vector<replication::channel_id> asleep;
  for (const auto& [id, entry] : channels_) {
    if (entry.stage == stage::attaching || entry.stage == stage::attached)
      self_->send(entry.core.handle, switch_atom_v, entry.peer, may_upload(), may_download());
    else if (entry.stage == stage::asleep && is_more_allowed)
      asleep.push_back(id);
  }
  for (auto id : asleep) // neither the peer nor a mirror would ask for what was off when it asked last
    attach(id);
  return record_;
}

/// Counts what a peer did, and has it banned when it did so too often. Silence is no offence once the peer is known:
/// its line may be dead.
void session_state::punish(const error& reason) {
  auto text = record_.address + ": " + to_string(reason);
  bool is_known = record_.state == "open";
  bool is_silence = reason.code == ec::timed_out;
  arguments_.pass->count(!is_known ? refusal::handshake : is_silence ? refusal::idle : refusal::rule);
  self_->send(arguments_.store, leave_atom_v, text);
  if (is_known && is_silence)
    return;
  for (const auto& subject : arguments_.pass->strike(text, now_ms()))
    self_->send(arguments_.store, ban_atom_v, subject, text);
}

/// Ends a connection that may not be, through no fault of this connection.
void session_state::turn_away(refusal why) {
  auto text = record_.address + " with the key " + record_.public_key + ": " + std::string{actors::describe(why)};
  self_->send(arguments_.store, leave_atom_v, text);
  finish({ec::connection_closed, std::move(text)});
}

void session_state::finish(const error& reason) {
  if (is_finished_)
    return;
  is_finished_ = true;
  for (const auto& [id, entry] : channels_)
    if (entry.stage == stage::attaching || entry.stage == stage::attached)
      self_->send(entry.core.handle, detach_atom_v, entry.peer);
  channels_.clear();
  by_peer_.clear();
  if (breaks_a_rule(reason.code))
    punish(reason);
  arguments_.stream->close();
  bool had_handshake = record_.state == "open";
  if (reason.code == ec::none)
    self_->quit(caf::exit_reason::user_shutdown);
  else
    self_->quit(to_caf(had_handshake ? reason : error{ec::handshake_failed, to_string(reason)}));
}

/// Requests are counted when they arrive: an answer costs more than the question.
void session_state::note_requests(const replication::message_batch& messages) {
  std::uint64_t count = 0;
  replication::each_kind(messages, [&count](std::size_t kind) { count += kind == request_kind ? 1 : 0; });
  if (count == 0)
    return;
  record_.requests += count;
  if (auto wait = arguments_.pass->take_requests(count, last_read_ms_); wait > 0)
    read_again_ms_ = std::max(read_again_ms_, last_read_ms_ + wait);
}

/// Has itself woken when the first of the limits that hold it back lets go.
void session_state::wait_for_relief() {
  if (is_finished_ || is_relief_due_ || (read_again_ms_ == 0 && write_again_ms_ == 0))
    return;
  auto first = std::min(read_again_ms_ == 0 ? write_again_ms_ : read_again_ms_,
                        write_again_ms_ == 0 ? read_again_ms_ : write_again_ms_);
  auto now = now_ms();
  is_relief_due_ = true;
  self_->delayed_send(self_, std::chrono::milliseconds(first > now ? first - now : 1), internal_atom_v);
}

void session_state::on_relief() {
  is_relief_due_ = false;
  if (is_finished_)
    return;
  auto now = now_ms();
  if (read_again_ms_ != 0 && read_again_ms_ <= now) {
    read_again_ms_ = 0;
    last_read_ms_ = now; // the silence was ours
  }
  if (write_again_ms_ <= now)
    write_again_ms_ = 0;
  flush();
  wait_for_relief();
  arm_read();
}

session_actor::behavior_type session(session_state::self_pointer self, session_arguments arguments) {
  auto& state = self->state;
  self->set_down_handler([self](const caf::down_msg& message) { self->state.on_core_down(message.source); });
  self->set_exit_handler([self](const caf::exit_msg&) { self->state.finish({}); });
  state.open(self, std::move(arguments));
  return {
    [&state](internal_atom, bool is_readable) { state.on_ready(is_readable); },
    [&state](peer_output& output) { state.on_output(std::move(output)); },
    [&state](open_atom, const local_core& core) { state.offer(core); },
    [&state](peer_park& fact) { state.on_park(fact); },
    [&state](peer_input& input) { state.on_returned(std::move(input)); },
    [&state](tick_atom) { state.on_tick(); },
    [&state](internal_atom) { state.on_relief(); },
    [&state](suspend_atom) { state.pause(true); },
    [&state](resume_atom) { state.pause(false); },
    [&state](switch_atom, const connection_switches& wanted) { return state.switch_to(wanted); },
    [&state](shutdown_atom) {
      state.finish({ec::connection_closed, "the wait on the connection was given up"});
    },
  };
}

} // namespace corestore::actors
