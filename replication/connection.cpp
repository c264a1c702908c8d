#include "replication/connection.hpp"

#include <algorithm>
#include <deque>
#include <iterator>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/limits.hpp"
#include "log/hashes.hpp"
#include "replication/mux/protomux.hpp"
#include "replication/secret_stream/secret_stream.hpp"
#include "replication/wire/codec.hpp"

namespace corestore::replication {

namespace {

/// About what a message costs on top of its payload, at most: length, channel, type and MAC.
constexpr std::size_t frame_surroundings_bytes = 32;

/// What is known of a channel until it is open.
struct waiting {
  std::optional<core_key> key;           ///< ours: wished by this side
  std::optional<wire::handshake> remote; ///< the remote's: as it came with its Open
  bool is_told = false;                  ///< channel_requested was delivered
};

} // namespace

struct connection::implementation final : mux_handler {
  implementation(connection_options given, std::uint64_t now)
      : options(std::move(given)),
        stream({options.is_initiator, options.static_keys, options.ephemeral_keys, options.header_seed}),
        out(stream, output), mux(out), started_ms(now), now_ms(now), written_ms(now) {
    if (auto done = stream.start(output); !done)
      failure = std::move(done.error());
  }

  connection_options options;
  bytes output;
  secret_stream stream;
  outbox out;
  protomux mux;
  std::uint64_t started_ms;
  std::uint64_t now_ms;     ///< as of the last call that told the time
  std::uint64_t written_ms; ///< when output was taken last
  bool is_ready = false;
  std::optional<error> failure;
  std::unordered_map<channel_id, waiting> waits;
  std::vector<channel_id> wishes;     ///< opened before the handshake was done, in order
  std::deque<channel_id> untold;      ///< requests for which no event was given yet; may be over
  std::size_t told_count = 0;         ///< requests that the caller has to answer
  std::vector<connection_event> late; ///< events of calls that cannot return any
  std::vector<connection_event>* events = nullptr;

  // -- handler of the multiplexer

  result<void> on_request(channel_id channel, const discovery_key&, byte_view handshake) override;
  result<void> on_open(channel_id channel, const discovery_key& discovery, byte_view handshake) override;
  void on_end(channel_id channel, const discovery_key& discovery, bool was_rejected) override;
  result<void> on_message(channel_id channel, std::uint64_t type, byte_view payload) override;

  // -- steps

  result<void> digest(std::span<std::uint8_t> input);
  void become_ready();
  result<void> announce(channel_id channel, const core_key& key);
  result<void> check_capability(const wire::handshake& remote, const core_key& key) const;
  result<void> answer(channel_id channel, const core_key& key);
  void tell_requests();
  void forget(channel_id channel);
  result<void> fail_with(error reason);
  void deliver_late(std::vector<connection_event>& target);
};

// -- handler of the multiplexer

result<void> connection::implementation::on_request(channel_id channel, const discovery_key&, byte_view handshake) {
  auto remote = wire::decode_handshake(handshake);
  if (!remote)
    return fail(std::move(remote.error()));
  waits[channel].remote = *remote;
  untold.push_back(channel);
  tell_requests();
  return {};
}

result<void> connection::implementation::on_open(channel_id channel, const discovery_key& discovery,
                                                 byte_view handshake) {
  auto remote = wire::decode_handshake(handshake);
  if (!remote)
    return fail(std::move(remote.error()));
  if (auto done = check_capability(*remote, waits.at(channel).key.value()); !done)
    return done;
  forget(channel);
  events->emplace_back(channel_opened{channel, discovery, remote->seeks});
  return {};
}

void connection::implementation::on_end(channel_id channel, const discovery_key& discovery, bool was_rejected) {
  auto found = waits.find(channel);
  bool is_known = found == waits.end() || found->second.key || found->second.is_told;
  forget(channel);
  if (is_known)
    events->emplace_back(channel_closed{channel, discovery, was_rejected});
}

result<void> connection::implementation::on_message(channel_id channel, std::uint64_t type, byte_view payload) {
  if (type >= wire::message_types)
    return {};
  auto* run = events->empty() ? nullptr : std::get_if<channel_messages>(&events->back());
  if (run == nullptr || run->channel != channel)
    run = &std::get<channel_messages>(events->emplace_back(channel_messages{channel, {}}));
  auto& target = run->messages.emplace_back();
  auto done = wire::decode(type, payload, target);
  if (!done)
    run->messages.pop_back();
  if (run->messages.empty())
    events->pop_back();
  return done;
}

// -- steps

result<void> connection::implementation::digest(std::span<std::uint8_t> input) {
  for (;;) {
    auto plain = stream.receive(input, output);
    if (!plain)
      return fail(std::move(plain.error()));
    if (stream.can_seal() && !is_ready)
      become_ready();
    if (failure)
      return fail(*failure);
    if (!*plain)
      return {};
    if (auto done = mux.receive(**plain, *this); !done)
      return done;
  }
}

void connection::implementation::become_ready() {
  is_ready = true;
  events->emplace_back(handshake_done{stream.remote_key(), to_bytes(stream.handshake_hash().view())});
  for (auto channel : std::exchange(wishes, {})) {
    if (mux.state_of(channel) != channel_state::wished)
      continue;
    if (auto done = announce(channel, waits.at(channel).key.value()); !done)
      failure = std::move(done.error());
  }
}

result<void> connection::implementation::announce(channel_id channel, const core_key& key) {
  wire::handshake ours{true, log::capability(stream.handshake_hash().view(), key, options.is_initiator)};
  bytes encoded;
  encoded.reserve(wire::handshake_bytes);
  wire::encode(ours, encoded);
  return mux.announce(channel, encoded);
}

result<void> connection::implementation::check_capability(const wire::handshake& remote, const core_key& key) const {
  auto expected = log::capability(stream.handshake_hash().view(), key, !options.is_initiator);
  if (!crypto::equal_in_constant_time(remote.capability.view(), expected.view()))
    return fail(ec::invalid_capability, "the other side opened a core without knowing its key");
  return {};
}

/// The channel is `requested`; `events` says where its events go.
result<void> connection::implementation::answer(channel_id channel, const core_key& key) {
  auto remote = waits.at(channel).remote.value();
  if (auto done = check_capability(remote, key); !done)
    return done;
  forget(channel);
  if (auto done = announce(channel, key); !done)
    return done;
  events->emplace_back(channel_opened{channel, mux.discovery_of(channel), remote.seeks});
  return mux.deliver_held(channel, *this);
}

/// Passes on requests of the remote for as long as the caller does not owe too many answers.
void connection::implementation::tell_requests() {
  while (!untold.empty() && told_count < limits::pending_opens_max) {
    auto channel = untold.front();
    untold.pop_front();
    if (mux.state_of(channel) != channel_state::requested)
      continue;
    auto& wait = waits.at(channel);
    wait.is_told = true;
    ++told_count;
    events->emplace_back(channel_requested{channel, mux.discovery_of(channel), wait.remote->seeks});
  }
}

void connection::implementation::forget(channel_id channel) {
  auto found = waits.find(channel);
  if (found == waits.end())
    return;
  if (found->second.is_told)
    --told_count;
  waits.erase(found);
}

result<void> connection::implementation::fail_with(error reason) {
  if (!failure)
    failure = std::move(reason);
  return fail(*failure);
}

void connection::implementation::deliver_late(std::vector<connection_event>& target) {
  std::move(late.begin(), late.end(), std::back_inserter(target));
  late.clear();
  events = &target;
}

// -- facade

connection::connection(connection_options options, std::uint64_t now_ms)
    : implementation_(std::make_unique<implementation>(std::move(options), now_ms)) {
  // nop
}

connection::~connection() = default;
connection::connection(connection&&) noexcept = default;
connection& connection::operator=(connection&&) noexcept = default;

result<void> connection::feed(std::span<std::uint8_t> input, std::uint64_t now_ms,
                              std::vector<connection_event>& events) {
  auto& self = *implementation_;
  self.now_ms = std::max(self.now_ms, now_ms);
  self.deliver_late(events);
  if (self.failure)
    return fail(*self.failure);
  if (auto done = self.digest(input); !done)
    return self.fail_with(std::move(done.error()));
  self.tell_requests();
  return {};
}

channel_id connection::open(const core_key& key, const discovery_key& discovery) {
  auto& self = *implementation_;
  auto channel = self.mux.open(discovery);
  if (channel == 0 || self.failure)
    return channel;
  self.events = &self.late;
  result<void> done;
  switch (self.mux.state_of(channel)) {
  case channel_state::wished:
    if (!self.waits.try_emplace(channel, waiting{key, {}, false}).second)
      break; // wished before
    if (self.is_ready)
      done = self.announce(channel, key);
    else
      self.wishes.push_back(channel);
    break;
  case channel_state::opening:
    self.waits.try_emplace(channel, waiting{key, {}, false}); // taken up again after a close()
    break;
  case channel_state::requested:
    done = self.answer(channel, key);
    break;
  default:
    break;
  }
  if (!done)
    self.failure = std::move(done.error());
  return channel;
}

result<void> connection::accept(channel_id channel, const core_key& key, std::vector<connection_event>& events) {
  auto& self = *implementation_;
  self.deliver_late(events);
  if (self.failure)
    return fail(*self.failure);
  if (self.mux.state_of(channel) == channel_state::requested) {
    if (auto done = self.answer(channel, key); !done)
      return self.fail_with(std::move(done.error()));
  }
  self.tell_requests();
  return {};
}

void connection::reject(channel_id channel) {
  auto& self = *implementation_;
  if (self.mux.state_of(channel) != channel_state::requested)
    return;
  self.forget(channel);
  self.mux.reject(channel);
}

void connection::close(channel_id channel) {
  auto& self = *implementation_;
  self.forget(channel);
  self.mux.close(channel);
}

void connection::send(channel_id channel, std::span<const wire::message> messages) {
  auto& self = *implementation_;
  if (self.failure || self.mux.state_of(channel) != channel_state::open)
    return;
  std::size_t total = 0;
  for (const auto& message : messages)
    total += wire::encoded_size(message) + frame_surroundings_bytes;
  self.mux.reserve(total);
  for (const auto& message : messages) {
    auto size = wire::encoded_size(message);
    if (size > payload_bytes_max) {
      self.failure = error{ec::limit_exceeded, "a message of " + std::to_string(size) + " bytes"};
      return;
    }
    bool is_alone = std::holds_alternative<wire::request>(message);
    wire::encode(message, self.mux.send(channel, wire::type_of(message), size, is_alone));
  }
}

result<void> connection::tick(std::uint64_t now_ms) {
  auto& self = *implementation_;
  self.now_ms = std::max(self.now_ms, now_ms);
  if (self.failure)
    return fail(*self.failure);
  if (!self.stream.is_established()) {
    if (self.options.handshake_ms_max != 0 && self.now_ms - self.started_ms >= self.options.handshake_ms_max)
      return self.fail_with({ec::timed_out, "the handshake"});
  }
  bool is_silent = self.is_ready && self.out.size() == 0;
  if (is_silent && self.options.keep_alive_ms != 0 && self.now_ms - self.written_ms >= self.options.keep_alive_ms)
    self.stream.put_keep_alive(self.output);
  return {};
}

void connection::poll(std::vector<connection_event>& events) {
  auto& self = *implementation_;
  self.deliver_late(events);
  if (!self.failure)
    self.tell_requests();
}

bytes connection::take_output() {
  auto& self = *implementation_;
  self.out.flush();
  if (!self.output.empty())
    self.written_ms = self.now_ms;
  return std::exchange(self.output, {});
}

std::size_t connection::output_size() const {
  return implementation_->out.size();
}

bool connection::is_ready() const {
  return implementation_->is_ready;
}

std::size_t connection::open_channels() const {
  return implementation_->mux.open_count();
}

bool connection::is_between_frames() const {
  return implementation_->stream.is_between_frames();
}

} // namespace corestore::replication
