#include "replication/dialect.hpp"

#include <algorithm>
#include <type_traits>
#include <utility>

namespace corestore::replication {

namespace {

constexpr std::size_t first_bytes_max = 3;
constexpr std::uint8_t legacy_hello_bytes = 58;
constexpr std::uint8_t hello_bytes_min = 32;

template <class Machine>
constexpr bool is_decided = std::is_same_v<Machine, connection> || std::is_same_v<Machine, legacy::connection>;

} // namespace

result<std::optional<log::generation>> generation_of(byte_view first_bytes) {
  if (first_bytes.empty())
    return std::optional<log::generation>{};
  if (first_bytes[0] == legacy_hello_bytes)
    return log::generation::g9; // a hello of 58 bytes (modulo 256) does not exist in generation 10
  bool is_possible = first_bytes[0] >= hello_bytes_min && (first_bytes.size() < 2 || first_bytes[1] == 0) &&
                     (first_bytes.size() < 3 || first_bytes[2] == 0);
  if (!is_possible)
    return fail(ec::protocol_violation, "the other side begins with bytes of no known protocol");
  return first_bytes.size() < first_bytes_max ? std::optional<log::generation>{} : log::generation::g10;
}

crypto::x25519_pair legacy_identity(const key_pair& identity) {
  decltype(crypto::x25519_pair::secret_part) secret;
  secret.data = crypto::blake2b({identity.secret_part.view().first<key_seed::size>()}).data;
  return crypto::x25519_key_pair(secret);
}

conversation::conversation(connection_options options, std::optional<log::generation> which, std::uint64_t now_ms)
    : options_(std::move(options)), machine_(undecided{{}, now_ms}) {
  if (which || options_.is_initiator)
    decide(which.value_or(log::generation::g10), now_ms);
}

void conversation::decide(log::generation which, std::uint64_t now_ms) {
  if (which == log::generation::g10) {
    machine_.emplace<connection>(options_, now_ms);
    return;
  }
  legacy::connection_options same;
  same.is_initiator = options_.is_initiator;
  same.static_keys = legacy_identity(options_.static_keys);
  same.keep_alive_ms = options_.keep_alive_ms;
  same.handshake_ms_max = options_.handshake_ms_max;
  machine_.emplace<legacy::connection>(std::move(same), now_ms);
}

std::optional<log::generation> conversation::generation() const {
  if (std::holds_alternative<connection>(machine_))
    return log::generation::g10;
  return std::holds_alternative<legacy::connection>(machine_) ? std::optional{log::generation::g9} : std::nullopt;
}

result<void> conversation::feed(std::span<std::uint8_t> input, std::uint64_t now_ms,
                                std::vector<connection_event>& events) {
  bytes joined;
  if (auto* waiting = std::get_if<undecided>(&machine_)) {
    joined = std::move(waiting->first);
    joined.insert(joined.end(), input.begin(), input.end());
    auto which = generation_of(joined);
    if (!which)
      return fail(std::move(which.error()));
    if (!*which) {
      waiting->first = std::move(joined);
      return {};
    }
    decide(**which, waiting->started_ms);
    input = joined;
  }
  return std::visit(
    [&](auto& machine) -> result<void> {
      if constexpr (is_decided<std::decay_t<decltype(machine)>>)
        return machine.feed(input, now_ms, events);
      else
        return {};
    },
    machine_);
}

channel_id conversation::open(const core_key& key, const discovery_key& discovery) {
  return std::visit(
    [&](auto& machine) -> channel_id {
      if constexpr (is_decided<std::decay_t<decltype(machine)>>)
        return machine.open(key, discovery);
      else
        return 0;
    },
    machine_);
}

result<void> conversation::accept(channel_id channel, const core_key& key, std::vector<connection_event>& events) {
  return std::visit(
    [&](auto& machine) -> result<void> {
      if constexpr (is_decided<std::decay_t<decltype(machine)>>)
        return machine.accept(channel, key, events);
      else
        return {};
    },
    machine_);
}

void conversation::reject(channel_id channel) {
  std::visit(
    [&](auto& machine) {
      if constexpr (is_decided<std::decay_t<decltype(machine)>>)
        machine.reject(channel);
    },
    machine_);
}

void conversation::close(channel_id channel) {
  std::visit(
    [&](auto& machine) {
      if constexpr (is_decided<std::decay_t<decltype(machine)>>)
        machine.close(channel);
    },
    machine_);
}

void conversation::send(channel_id channel, const message_batch& messages) {
  if (auto* current = std::get_if<connection>(&machine_)) {
    if (const auto* batch = std::get_if<std::vector<wire::message>>(&messages))
      current->send(channel, *batch);
  } else if (auto* previous = std::get_if<legacy::connection>(&machine_)) {
    if (const auto* batch = std::get_if<std::vector<legacy::message>>(&messages))
      previous->send(channel, *batch);
  }
}

result<void> conversation::tick(std::uint64_t now_ms) {
  return std::visit(
    [&](auto& machine) -> result<void> {
      if constexpr (is_decided<std::decay_t<decltype(machine)>>) {
        return machine.tick(now_ms);
      } else {
        if (options_.handshake_ms_max != 0 && now_ms - machine.started_ms >= options_.handshake_ms_max)
          return fail(ec::timed_out, "the handshake");
        return {};
      }
    },
    machine_);
}

void conversation::poll(std::vector<connection_event>& events) {
  std::visit(
    [&](auto& machine) {
      if constexpr (is_decided<std::decay_t<decltype(machine)>>)
        machine.poll(events);
    },
    machine_);
}

bytes conversation::take_output() {
  return std::visit(
    [&](auto& machine) -> bytes {
      if constexpr (is_decided<std::decay_t<decltype(machine)>>)
        return machine.take_output();
      else
        return {};
    },
    machine_);
}

std::size_t conversation::output_size() const {
  return std::visit(
    [&](const auto& machine) -> std::size_t {
      if constexpr (is_decided<std::decay_t<decltype(machine)>>)
        return machine.output_size();
      else
        return 0;
    },
    machine_);
}

bool conversation::is_ready() const {
  return std::visit(
    [&](const auto& machine) -> bool {
      if constexpr (is_decided<std::decay_t<decltype(machine)>>)
        return machine.is_ready();
      else
        return false;
    },
    machine_);
}

std::size_t conversation::open_channels() const {
  return std::visit(
    [&](const auto& machine) -> std::size_t {
      if constexpr (is_decided<std::decay_t<decltype(machine)>>)
        return machine.open_channels();
      else
        return 0;
    },
    machine_);
}

bool conversation::is_between_frames() const {
  return std::visit(
    [&](const auto& machine) -> bool {
      if constexpr (is_decided<std::decay_t<decltype(machine)>>)
        return machine.is_between_frames();
      else
        return machine.first.empty();
    },
    machine_);
}

} // namespace corestore::replication
