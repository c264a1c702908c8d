// A peer whose every word the test chooses, and the messages that it says most.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "tests/unit/replication/replicator_world.hpp"

namespace corestore::test {

/// A peer played by the test: `machine` talks to it through connection 1.
struct stranger {
  memory_core core;
  replication::replicator machine;
  std::uint64_t now = 0;
  std::vector<replication::replicator_event> events;
  std::vector<log::verification> verified;

  explicit stranger(memory_core ours, replication::replicator_settings settings = {})
      : core(std::move(ours)), machine(core.state, settings) {
    machine.add_peer(1, {true}, core.store, now);
    machine.grant(1, std::size_t{1} << 30U, core.store);
    take();
  }

  std::vector<wire::message> take() {
    std::vector<wire::message> messages;
    auto effects = machine.take_effects();
    for (auto& outgoing : effects.messages)
      std::move(outgoing.messages.begin(), outgoing.messages.end(), std::back_inserter(messages));
    std::move(effects.events.begin(), effects.events.end(), std::back_inserter(events));
    std::move(effects.verified.begin(), effects.verified.end(), std::back_inserter(verified));
    return messages;
  }

  std::vector<wire::message> say(std::vector<wire::message> messages) {
    machine.receive(1, std::move(messages), core.store, now);
    return take();
  }

  template <class Event>
  [[nodiscard]] std::size_t count() const {
    return static_cast<std::size_t>(std::count_if(
      events.begin(), events.end(), [](const auto& event) { return std::holds_alternative<Event>(event); }));
  }
};

template <class Message>
std::vector<Message> all_of(const std::vector<wire::message>& messages) {
  std::vector<Message> found;
  for (const auto& message : messages) {
    if (const auto* one = std::get_if<Message>(&message))
      found.push_back(*one);
  }
  return found;
}

inline wire::message request_block(std::uint64_t id, std::uint64_t index, std::uint64_t fork = 0) {
  wire::request message{.id = id, .fork = fork, .wanted = {}, .priority = 0};
  message.wanted.block = log::block_request{index, 0};
  return message;
}

inline wire::message request_upgrade(std::uint64_t id, std::uint64_t start, std::uint64_t length) {
  wire::request message{.id = id, .fork = 0, .wanted = {}, .priority = 0};
  message.wanted.upgrade = log::upgrade_request{start, length};
  return message;
}

inline wire::sync full_sync(std::uint64_t length, std::uint64_t acked) {
  return {.fork = 0,
          .length = length,
          .remote_length = acked,
          .can_upgrade = true,
          .uploading = true,
          .downloading = true,
          .has_manifest = false,
          .allow_push = false};
}

/// A copy of `source` that knows its head and holds no block.
inline memory_core headed(const memory_core& source) {
  auto reader = reader_of(source);
  log::proof_request wanted;
  wanted.upgrade = log::upgrade_request{0, source.state.head.length};
  wanted.manifest = true;
  CORESTORE_CHECK(reader.receive({source.prove(wanted).value()}).has_value());
  reader.state.manifest = source.state.manifest;
  return reader;
}

} // namespace corestore::test
