#include "replication/mux/protomux.hpp"

#include <string>
#include <utility>

#include "base/check.hpp"
#include "base/limits.hpp"

namespace corestore::replication {

namespace {

constexpr std::uint64_t control_channel = 0;

// Messages of the control channel.
constexpr std::uint64_t control_batch = 0;
constexpr std::uint64_t control_open = 1;
constexpr std::uint64_t control_reject = 2;
constexpr std::uint64_t control_close = 3;

} // namespace

// -- receiving

result<void> protomux::receive(byte_view plain, mux_handler& handler) {
  if (plain.empty())
    return {}; // keep-alive
  compact::reader source{plain};
  auto id = source.uint();
  if (source.failed())
    return source.finish("frame");
  return receive_message(id, source.rest(), false, handler);
}

result<void> protomux::receive_message(std::uint64_t id, byte_view message, bool is_in_batch, mux_handler& handler) {
  if (id == control_channel)
    return receive_control(message, is_in_batch, handler);
  auto* target = table_.find_remote(id);
  if (target == nullptr)
    return {}; // late, after a Close of ours
  if (target->state == channel_state::requested)
    return hold(*target, message);
  compact::reader source{message};
  auto type = source.uint();
  if (source.failed())
    return source.finish("frame");
  return handler.on_message(table_.id_of(*target), type, source.rest());
}

result<void> protomux::receive_control(byte_view message, bool is_in_batch, mux_handler& handler) {
  compact::reader source{message};
  auto type = source.uint();
  if (source.failed())
    return source.finish("control message");
  switch (type) {
  case control_batch:
    if (is_in_batch)
      return fail(ec::protocol_violation, "a batch in a batch");
    return receive_batch(source, handler);
  case control_open:
    return receive_open(source, handler);
  case control_reject:
    return receive_reject(source, handler);
  case control_close:
    return receive_close(source, handler);
  default:
    return {};
  }
}

result<void> protomux::receive_batch(compact::reader& source, mux_handler& handler) {
  auto id = source.uint();
  while (!source.failed() && source.left() > 0) {
    auto entry = source.buffer();
    if (source.failed())
      break;
    if (entry.empty())
      id = source.uint();
    else if (auto done = receive_message(id, entry, true, handler); !done)
      return done;
  }
  return source.finish("batch");
}

result<void> protomux::receive_open(compact::reader& source, mux_handler& handler) {
  auto id = source.uint();
  auto protocol = source.string();
  auto identity = source.buffer();
  auto handshake = source.rest();
  if (auto done = source.finish("Open"); !done)
    return done;
  if (auto done = table_.see_remote(id); !done)
    return done;
  auto discovery = discovery_key::from(identity);
  bool is_alias = protocol == protocol_alias;
  if (protocol == protocol_name && !discovery)
    return fail(ec::protocol_violation, "an Open for hypercore/alpha whose id is no discovery key");
  auto* target = discovery ? table_.find(*discovery) : nullptr;
  bool is_pair =
    target != nullptr && (target->state == channel_state::opening || target->state == channel_state::abandoned);
  if ((protocol == protocol_name || is_alias) && is_pair)
    return pair(*target, static_cast<std::uint32_t>(id), handshake, handler);
  if (protocol != protocol_name || target != nullptr) {
    put_control(control_reject, id);
    return {};
  }
  target = table_.create(*discovery, channel_state::requested);
  table_.assign_remote(*target, static_cast<std::uint32_t>(id));
  return handler.on_request(table_.id_of(*target), *discovery, handshake);
}

result<void> protomux::pair(channel& target, std::uint32_t remote_id, byte_view handshake, mux_handler& handler) {
  if (target.state == channel_state::abandoned) {
    // Now that the remote counts it as open, a Close is understood; the remote's id is free as from a Close of its own.
    put_control(control_close, target.local_id);
    erase(target);
    return {};
  }
  table_.assign_remote(target, remote_id);
  table_.set_state(target, channel_state::open);
  return handler.on_open(table_.id_of(target), target.discovery, handshake);
}

result<void> protomux::receive_reject(compact::reader& source, mux_handler& handler) {
  auto id = source.uint();
  if (auto done = source.finish("Reject"); !done)
    return done;
  auto* target = table_.find_local(id);
  if (target == nullptr || (target->state != channel_state::opening && target->state != channel_state::abandoned))
    return fail(ec::protocol_violation, "a Reject of " + std::to_string(id) + ", which waits for no answer");
  auto channel = table_.id_of(*target);
  auto discovery = target->discovery;
  bool is_heard = target->state == channel_state::opening;
  erase(*target);
  if (is_heard)
    handler.on_end(channel, discovery, true);
  return {};
}

result<void> protomux::receive_close(compact::reader& source, mux_handler& handler) {
  auto id = source.uint();
  if (auto done = source.finish("Close"); !done)
    return done;
  auto* target = table_.find_remote(id);
  if (target == nullptr)
    return {};
  auto channel = table_.id_of(*target);
  auto discovery = target->discovery;
  if (target->state == channel_state::requested)
    put_control(control_reject, id); // the remote cannot use its id again before an answer
  erase(*target);
  handler.on_end(channel, discovery, false);
  return {};
}

result<void> protomux::hold(channel& target, byte_view message) {
  auto more = message.size() + sizeof(std::uint32_t);
  if (held_bytes_ + more > limits::pending_channel_bytes_max)
    return fail(ec::limit_exceeded, "too much was sent on channels that are not open yet");
  held_bytes_ += more;
  compact::writer sink{target.held};
  sink.uint32(static_cast<std::uint32_t>(message.size()));
  sink.raw(message);
  return {};
}

result<void> protomux::deliver_held(channel_id channel, mux_handler& handler) {
  auto* target = table_.find(channel);
  if (target == nullptr || target->held.empty())
    return {};
  auto held = std::exchange(target->held, {});
  held_bytes_ -= held.size();
  compact::reader source{held};
  while (source.left() > 0) {
    compact::reader message{source.raw(source.uint32())};
    auto type = message.uint();
    if (message.failed())
      return message.finish("frame");
    if (auto done = handler.on_message(channel, type, message.rest()); !done)
      return done;
  }
  return {};
}

// -- wishes

channel_id protomux::open(const discovery_key& discovery) {
  auto* target = table_.find(discovery);
  if (target == nullptr)
    target = table_.create(discovery, channel_state::wished);
  if (target == nullptr)
    return 0;
  if (target->state == channel_state::abandoned) {
    // The remote never learnt that we lost interest: the same Open serves the new wish.
    table_.renew(*target);
    table_.set_state(*target, channel_state::opening);
  }
  return table_.id_of(*target);
}

result<void> protomux::announce(channel_id channel, byte_view handshake) {
  auto* target = table_.find(channel);
  CORESTORE_CHECK(target != nullptr &&
                  (target->state == channel_state::wished || target->state == channel_state::requested));
  if (!table_.assign_local(*target))
    return fail(ec::limit_exceeded, "too many channels");
  bool is_answer = target->state == channel_state::requested;
  table_.set_state(*target, is_answer ? channel_state::open : channel_state::opening);
  put_open(*target, handshake);
  return {};
}

void protomux::reject(channel_id channel) {
  auto* target = table_.find(channel);
  if (target == nullptr || target->state != channel_state::requested)
    return;
  put_control(control_reject, target->remote_id);
  erase(*target);
}

void protomux::close(channel_id channel) {
  auto* target = table_.find(channel);
  if (target == nullptr)
    return;
  switch (target->state) {
  case channel_state::requested:
    reject(channel);
    break;
  case channel_state::opening:
    // A Close that overtakes the answer is lost on some peers: it follows when the answer is here.
    table_.set_state(*target, channel_state::abandoned);
    table_.renew(*target);
    break;
  case channel_state::open:
    put_control(control_close, target->local_id);
    erase(*target);
    break;
  default:
    erase(*target);
  }
}

bytes& protomux::send(channel_id channel, std::uint64_t type, std::size_t payload_bytes, bool is_alone) {
  auto* target = table_.find(channel);
  CORESTORE_CHECK(target != nullptr && target->state == channel_state::open);
  return is_alone ? out_.add_alone(target->local_id, type, payload_bytes)
                  : out_.add(target->local_id, type, payload_bytes);
}

channel_state protomux::state_of(channel_id channel) {
  auto* target = table_.find(channel);
  return target == nullptr ? channel_state::over : target->state;
}

discovery_key protomux::discovery_of(channel_id channel) {
  auto* target = table_.find(channel);
  CORESTORE_CHECK(target != nullptr);
  return target->discovery;
}

// -- sending

void protomux::put_control(std::uint64_t type, std::uint64_t id) {
  compact::writer{out_.add(control_channel, type, compact::uint_size(id))}.uint(id);
}

void protomux::put_open(const channel& target, byte_view handshake) {
  auto size = compact::uint_size(target.local_id) + compact::uint_size(protocol_name.size()) + protocol_name.size() +
              compact::uint_size(discovery_key::size) + discovery_key::size + handshake.size();
  compact::writer sink{out_.add(control_channel, control_open, size)};
  sink.uint(target.local_id);
  sink.string(protocol_name);
  sink.buffer(target.discovery.view());
  sink.raw(handshake);
}

void protomux::erase(channel& target) {
  held_bytes_ -= target.held.size();
  table_.erase(target);
}

} // namespace corestore::replication
