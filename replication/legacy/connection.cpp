#include "replication/legacy/connection.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <utility>

#include "base/limits.hpp"
#include "base/varint.hpp"
#include "replication/legacy/codec.hpp"

namespace corestore::replication::legacy {

namespace {

constexpr std::size_t handshake_message_bytes_max = 1024;
constexpr std::size_t channels_max = 2 * limits::channels_per_connection_max; ///< of both sides together
constexpr std::size_t held_messages_max = 64;
constexpr std::size_t held_message_bytes_max = 4096;
constexpr std::uint64_t crossing_ms_max = 5000; ///< how long what is under way may take to arrive

/// One core on this connection: our side, the remote's side, or both.
struct channel {
  corestore::discovery_key discovery;
  std::optional<core_key> key;            ///< ours: this side wants the core
  std::uint64_t number = 0;               ///< ours on the wire, never used twice; 0 = our Open is not out
  bool is_open = false;                   ///< both sides are open
  bool is_closing = false;                ///< our Close is out and the remote's is not here yet
  bool may_cross = false;                 ///< the remote's Open may have crossed our Close of an earlier number
  bool is_told = false;                   ///< channel_requested was delivered and is not answered
  std::optional<std::uint64_t> remote;    ///< the remote's number for it
  std::optional<bytes> remote_capability; ///< as it came with the remote's Open
  std::vector<message> held; ///< what came for a number that the remote knows, before the request is answered
};

/// A Close of ours that the remote had not opened anything for. An Open of the remote that comes next was sent either
/// after that Close, or before it and for the number that it ends: then a Close of the remote follows, which is for
/// that number and not for the one that we opened since. Answering it would end the new one too, and so for ever.
struct crossing {
  std::uint64_t since_ms = 0;
  std::uint64_t number = 0; ///< the one that we opened since, for which the remote's Open is due; 0 = none
};

} // namespace

struct connection::implementation {
  implementation(connection_options given, std::uint64_t now)
      : options(std::move(given)),
        noise(options.is_initiator, options.static_keys, options.ephemeral_keys, options.nonce), started_ms(now),
        now_ms(now), written_ms(now) {
    speak();
  }

  connection_options options;
  handshake noise;
  std::optional<crypto::stream_cipher> sealing;
  std::optional<crypto::stream_cipher> opening;
  frame_reader frames;
  bytes early; ///< of the handshake, not complete yet
  bytes output;
  std::uint64_t started_ms;
  std::uint64_t now_ms;
  std::uint64_t written_ms;
  std::optional<error> failure;

  channel_id next_id = 1;
  std::uint64_t next_number = 1;
  std::unordered_map<channel_id, channel> channels;
  std::unordered_map<corestore::discovery_key, channel_id> by_discovery;
  std::unordered_map<std::uint64_t, channel_id> by_remote;
  std::unordered_map<corestore::discovery_key, crossing> crossings;
  std::size_t told_count = 0;
  std::vector<channel_id> untold;     ///< requests that wait until others are answered
  std::vector<connection_event> late; ///< events of calls that cannot return any

  void speak();
  result<std::span<std::uint8_t>> digest_handshake(std::span<std::uint8_t> input);
  result<void> digest(std::span<std::uint8_t> input, std::vector<connection_event>& events);
  result<void> on_frame(const frame& source, std::vector<connection_event>& events);
  result<void> on_open(std::uint64_t number, const legacy::open& source, std::vector<connection_event>& events);
  void on_close(std::uint64_t number, const legacy::close& source, std::vector<connection_event>& events);
  void on_message(channel_id id, message&& source, std::vector<connection_event>& events);
  void become_ready(std::vector<connection_event>& events);
  void announce(channel& entry);
  [[nodiscard]] bool is_capable(const channel& entry) const;
  result<void> answer(channel_id id, channel& entry, std::vector<connection_event>& events);
  void refuse(channel_id id);
  void close_unanswered(const channel& entry);
  bool take_crossing(const corestore::discovery_key& discovery);
  void expire_crossings();
  void tell_requests(std::vector<connection_event>& events);
  void settle_request(channel& entry);
  void forget(channel_id id);
  channel_id insert(const corestore::discovery_key& discovery);
  void post(std::uint64_t number, const any_message& source);
  [[nodiscard]] bool is_ready() const {
    return sealing.has_value();
  }
  channel* find(channel_id id) {
    auto found = channels.find(id);
    return found == channels.end() ? nullptr : &found->second;
  }
};

// -- handshake

/// Our handshake messages, as far as it is our turn.
void connection::implementation::speak() {
  while (noise.is_our_turn()) {
    auto spoken = noise.write();
    if (!spoken) {
      failure = std::move(spoken.error());
      return;
    }
    output.insert(output.end(), spoken->begin(), spoken->end());
  }
}

/// Returns what follows the handshake, decrypted not yet.
result<std::span<std::uint8_t>> connection::implementation::digest_handshake(std::span<std::uint8_t> input) {
  while (!noise.is_done()) {
    if (input.empty())
      return input;
    // A message at a time: what follows the last one belongs to the stream.
    byte_view header = early;
    auto size = varint::read(header);
    if (!size) {
      early.push_back(input.front());
      input = input.subspan(1);
      if (early.size() > 3)
        return fail(ec::handshake_failed, "a handshake message without a length");
      continue;
    }
    if (*size > handshake_message_bytes_max)
      return fail(ec::handshake_failed, "a handshake message of " + std::to_string(*size) + " bytes");
    auto missing = std::min<std::size_t>(*size - header.size(), input.size());
    early.insert(early.end(), input.begin(), input.begin() + static_cast<std::ptrdiff_t>(missing));
    input = input.subspan(missing);
    header = early;
    varint::read(header);
    if (header.size() < *size)
      return input;
    if (auto done = noise.read(header); !done)
      return fail(std::move(done.error()));
    early.clear();
    speak();
    if (failure)
      return fail(*failure);
  }
  return input;
}

void connection::implementation::become_ready(std::vector<connection_event>& events) {
  sealing.emplace(noise.sending_key().view(), noise.nonce().view());
  opening.emplace(noise.receiving_key().view(), noise.remote_nonce().view());
  events.emplace_back(handshake_done{noise.remote_key(), to_bytes(noise.handshake_hash().view())});
  std::vector<channel_id> wished;
  for (const auto& [id, entry] : channels)
    wished.push_back(id);
  std::sort(wished.begin(), wished.end());
  for (auto id : wished)
    announce(channels.at(id));
}

// -- frames

void connection::implementation::post(std::uint64_t number, const any_message& source) {
  auto start = output.size();
  encode(number, source, output);
  sealing->apply(std::span{output}.subspan(start));
}

result<void> connection::implementation::digest(std::span<std::uint8_t> input, std::vector<connection_event>& events) {
  if (!is_ready()) {
    auto rest = digest_handshake(input);
    if (!rest)
      return fail(std::move(rest.error()));
    if (!noise.is_done())
      return {};
    become_ready(events);
    input = *rest;
  }
  opening->apply(input);
  frames.push(input);
  for (;;) {
    auto next = frames.next();
    if (!next)
      return fail(std::move(next.error()));
    if (!*next)
      return {};
    if (auto done = on_frame(**next, events); !done)
      return done;
  }
}

result<void> connection::implementation::on_frame(const frame& source, std::vector<connection_event>& events) {
  if (source.channel > channel_max)
    return fail(ec::protocol_violation, "channel " + std::to_string(source.channel));
  auto decoded = decode(source.type, source.body);
  if (!decoded)
    return fail(std::move(decoded.error()));
  if (!*decoded || source.channel == 0)
    return {}; // options and extensions of the stream itself: none are known here
  auto& content = **decoded;
  if (auto* asked = std::get_if<legacy::open>(&content))
    return on_open(source.channel, *asked, events);
  if (auto* over = std::get_if<legacy::close>(&content)) {
    on_close(source.channel, *over, events);
    return {};
  }
  auto known = by_remote.find(source.channel);
  if (known == by_remote.end())
    return {}; // dropped, as the reference does
  auto& entry = channels.at(known->second);
  bool is_held = !entry.is_open && !entry.is_closing && entry.number != 0 && entry.held.size() < held_messages_max &&
                 source.body.size() <= held_message_bytes_max;
  if (!entry.is_open && !is_held)
    return {};
  std::visit(
    [&](auto& inner) {
      using type = std::decay_t<decltype(inner)>;
      if constexpr (!std::is_same_v<type, legacy::open> && !std::is_same_v<type, legacy::close>) {
        if (is_held)
          entry.held.emplace_back(std::move(inner));
        else
          on_message(known->second, std::move(inner), events);
      }
    },
    content);
  return {};
}

void connection::implementation::on_message(channel_id id, message&& source, std::vector<connection_event>& events) {
  bool is_answer = std::holds_alternative<have>(source) || std::holds_alternative<request>(source) ||
                   std::holds_alternative<data>(source);
  if (is_answer) // it heard what we said under the number that we use now
    channels.at(id).may_cross = false;
  auto* run = events.empty() ? nullptr : std::get_if<legacy_messages>(&events.back());
  if (run == nullptr || run->channel != id)
    run = &std::get<legacy_messages>(events.emplace_back(legacy_messages{id, {}}));
  run->messages.push_back(std::move(source));
}

// -- channels

channel_id connection::implementation::insert(const corestore::discovery_key& discovery) {
  auto id = next_id++;
  auto& entry = channels[id];
  entry.discovery = discovery;
  by_discovery[discovery] = id;
  if (auto found = crossings.find(discovery); found != crossings.end() && found->second.number != 0) {
    entry.number = found->second.number;
    crossings.erase(found);
  }
  return id;
}

void connection::implementation::settle_request(channel& entry) {
  if (std::exchange(entry.is_told, false))
    --told_count;
}

void connection::implementation::forget(channel_id id) {
  auto found = channels.find(id);
  if (found == channels.end())
    return;
  settle_request(found->second);
  if (found->second.remote)
    by_remote.erase(*found->second.remote);
  if (auto known = by_discovery.find(found->second.discovery); known != by_discovery.end() && known->second == id)
    by_discovery.erase(known);
  channels.erase(found);
}

void connection::implementation::announce(channel& entry) {
  if (!is_ready() || entry.number != 0 || !entry.key)
    return;
  entry.number = next_number++;
  auto proof = capability(noise.sending_key(), noise.receiving_key(), *entry.key);
  post(entry.number, legacy::open{entry.discovery, to_bytes(proof.view())});
}

bool connection::implementation::is_capable(const channel& entry) const {
  auto expected = capability(noise.receiving_key(), noise.sending_key(), entry.key.value());
  return entry.remote_capability && crypto::equal_in_constant_time(*entry.remote_capability, expected.view());
}

result<void> connection::implementation::on_open(std::uint64_t number, const legacy::open& source,
                                                 std::vector<connection_event>& events) {
  if (by_remote.contains(number))
    return fail(ec::protocol_violation, "channel " + std::to_string(number) + " is opened twice");
  auto known = by_discovery.find(source.discovery);
  if (known != by_discovery.end()) {
    auto& entry = channels.at(known->second);
    if (entry.remote)
      return fail(ec::protocol_violation, "a core is opened on two channels");
    entry.remote = number;
    entry.remote_capability = source.capability;
    entry.may_cross = take_crossing(source.discovery);
    by_remote[number] = known->second;
    if (!entry.key)
      return {};
    if (!is_capable(entry))
      return fail(ec::invalid_capability, "the other side opened a core without knowing its key");
    entry.is_open = true;
    events.emplace_back(channel_opened{known->second, entry.discovery, false});
    return {};
  }
  if (channels.size() >= channels_max)
    return fail(ec::limit_exceeded, "too many channels");
  auto id = insert(source.discovery);
  auto& entry = channels.at(id);
  entry.remote = number;
  entry.remote_capability = source.capability;
  entry.may_cross = take_crossing(source.discovery);
  by_remote[number] = id;
  untold.push_back(id);
  return {};
}

/// Passes on requests for as long as the caller does not owe too many answers.
void connection::implementation::tell_requests(std::vector<connection_event>& events) {
  std::size_t taken = 0;
  for (; taken < untold.size() && told_count < limits::pending_opens_max; ++taken) {
    auto* entry = find(untold[taken]);
    if (entry == nullptr || entry->key || entry->is_told)
      continue;
    entry->is_told = true;
    ++told_count;
    events.emplace_back(channel_requested{untold[taken], entry->discovery, false});
  }
  untold.erase(untold.begin(), untold.begin() + static_cast<std::ptrdiff_t>(taken));
}

result<void> connection::implementation::answer(channel_id id, channel& entry, std::vector<connection_event>& events) {
  settle_request(entry);
  if (!is_capable(entry)) {
    auto discovery = entry.discovery;
    refuse(id);
    events.emplace_back(channel_closed{id, discovery, true, true});
    return {};
  }
  announce(entry);
  if (!entry.remote)
    return {};
  entry.is_open = true;
  events.emplace_back(channel_opened{id, entry.discovery, false});
  for (auto& one : std::exchange(entry.held, {}))
    on_message(id, std::move(one), events);
  return {};
}

/// A refusal uses up a number of ours, and names the core.
void connection::implementation::refuse(channel_id id) {
  const auto& entry = channels.at(id);
  if (entry.number != 0)
    post(entry.number, legacy::close{});
  else
    post(next_number++, legacy::close{entry.discovery});
  forget(id);
}

/// Ends what the remote has not opened, as far as it is known here.
void connection::implementation::close_unanswered(const channel& entry) {
  if (entry.number == 0)
    return;
  post(entry.number, legacy::close{});
  crossings[entry.discovery] = {.since_ms = now_ms};
}

/// Whether an Open of the remote that is here now may have been sent before it had our last Close for the same core.
bool connection::implementation::take_crossing(const corestore::discovery_key& discovery) {
  auto found = crossings.find(discovery);
  if (found == crossings.end())
    return false;
  bool is_recent = now_ms < found->second.since_ms + crossing_ms_max;
  crossings.erase(found);
  return is_recent;
}

void connection::implementation::expire_crossings() {
  std::erase_if(crossings, [this](const auto& entry) {
    if (now_ms < entry.second.since_ms + crossing_ms_max)
      return false;
    if (entry.second.number != 0)
      post(entry.second.number, legacy::close{});
    return true;
  });
}

void connection::implementation::on_close(std::uint64_t number, const legacy::close& source,
                                          std::vector<connection_event>& events) {
  channel_id id = 0;
  if (source.discovery) {
    auto known = by_discovery.find(*source.discovery);
    id = known == by_discovery.end() ? 0 : known->second;
  } else if (auto known = by_remote.find(number); known != by_remote.end()) {
    id = known->second;
  }
  auto* entry = find(id);
  if (entry == nullptr) {
    auto due = source.discovery ? crossings.find(*source.discovery) : crossings.end();
    if (due != crossings.end() && due->second.number != 0) { // refused, after all
      post(due->second.number, legacy::close{});
      due->second = {.since_ms = now_ms};
    }
    return;
  }
  if (entry->may_cross && entry->remote && !entry->key && !entry->is_closing && entry->number == 0) {
    by_remote.erase(*entry->remote); // the request stands: our Open has the remote open it again
    entry->remote.reset();
    entry->may_cross = false;
    return;
  }
  bool was_wished = entry->key.has_value();
  bool was_told = entry->is_told;
  bool was_open = entry->is_open;
  auto discovery = entry->discovery;
  if (!entry->remote)
    close_unanswered(*entry);
  else if (entry->may_cross && was_open)
    crossings[discovery] = {.since_ms = now_ms, .number = entry->number};
  else if (entry->number != 0 && !entry->is_closing)
    post(entry->number, legacy::close{});
  auto is_again = entry->is_closing && entry->key; // a wish that waited for this end
  auto key = entry->key;
  forget(id);
  if (is_again) {
    auto& again = channels[id];
    again.discovery = discovery;
    again.key = key;
    by_discovery[discovery] = id;
    announce(again);
    return;
  }
  if (was_wished || was_told)
    events.emplace_back(channel_closed{id, discovery, source.discovery.has_value() && !was_open});
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
  poll(events);
  if (self.failure)
    return fail(*self.failure);
  auto done = self.digest(input, events);
  if (!done) {
    self.failure = done.error();
    return done;
  }
  self.tell_requests(events);
  return {};
}

channel_id connection::open(const core_key& key, const discovery_key& discovery) {
  auto& self = *implementation_;
  if (auto known = self.by_discovery.find(discovery); known != self.by_discovery.end()) {
    auto id = known->second;
    auto& entry = self.channels.at(id);
    if (entry.key)
      return id;
    entry.key = key;
    if (entry.remote && !entry.is_closing)
      std::ignore = self.answer(id, entry, self.late);
    return id;
  }
  if (self.channels.size() >= channels_max)
    return 0;
  auto id = self.insert(discovery);
  auto& entry = self.channels.at(id);
  entry.key = key;
  self.announce(entry);
  return id;
}

result<void> connection::accept(channel_id channel, const core_key& key, std::vector<connection_event>& events) {
  auto& self = *implementation_;
  poll(events);
  auto* entry = self.find(channel);
  if (entry == nullptr || !entry->is_told)
    return {};
  entry->key = key;
  return self.answer(channel, *entry, events);
}

void connection::reject(channel_id channel) {
  auto& self = *implementation_;
  auto* entry = self.find(channel);
  if (entry != nullptr && entry->is_told)
    self.refuse(channel);
}

void connection::close(channel_id channel) {
  auto& self = *implementation_;
  auto* entry = self.find(channel);
  if (entry == nullptr || entry->is_closing || !entry->key)
    return;
  if (!entry->remote) { // nothing will confirm it
    self.close_unanswered(*entry);
    self.forget(channel);
    return;
  }
  if (entry->number != 0)
    self.post(entry->number, legacy::close{});
  entry->is_closing = true;
  entry->is_open = false;
  entry->key.reset();
}

void connection::send(channel_id channel, std::span<const message> messages) {
  auto& self = *implementation_;
  auto* entry = self.find(channel);
  if (self.failure || entry == nullptr || !entry->is_open)
    return;
  auto start = self.output.size();
  for (const auto& source : messages)
    encode(entry->number, source, self.output);
  self.sealing->apply(std::span{self.output}.subspan(start));
}

result<void> connection::tick(std::uint64_t now_ms) {
  auto& self = *implementation_;
  self.now_ms = std::max(self.now_ms, now_ms);
  if (self.failure)
    return fail(*self.failure);
  if (!self.is_ready()) {
    if (self.options.handshake_ms_max != 0 && self.now_ms - self.started_ms >= self.options.handshake_ms_max) {
      self.failure = error{ec::timed_out, "the handshake"};
      return fail(*self.failure);
    }
    return {};
  }
  self.expire_crossings();
  bool is_due = self.options.keep_alive_ms != 0 && self.now_ms - self.written_ms >= self.options.keep_alive_ms;
  if (is_due && self.output.empty()) {
    std::array<std::uint8_t, 1> keep_alive{};
    self.sealing->apply(keep_alive);
    self.output.push_back(keep_alive.front());
  }
  return {};
}

void connection::poll(std::vector<connection_event>& events) {
  auto& self = *implementation_;
  std::move(self.late.begin(), self.late.end(), std::back_inserter(events));
  self.late.clear();
  if (!self.failure)
    self.tell_requests(events);
}

bytes connection::take_output() {
  auto& self = *implementation_;
  if (!self.output.empty())
    self.written_ms = self.now_ms;
  return std::exchange(self.output, {});
}

std::size_t connection::output_size() const {
  return implementation_->output.size();
}

bool connection::is_ready() const {
  return implementation_->is_ready();
}

std::size_t connection::open_channels() const {
  const auto& all = implementation_->channels;
  return static_cast<std::size_t>(
    std::count_if(all.begin(), all.end(), [](const auto& one) { return one.second.is_open; }));
}

bool connection::is_between_frames() const {
  return implementation_->frames.is_between_frames();
}

} // namespace corestore::replication::legacy
