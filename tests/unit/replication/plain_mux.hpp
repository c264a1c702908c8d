// A multiplexer whose frames are not encrypted, with its events as texts.
#pragma once

#include <string>
#include <vector>

#include "base/compact.hpp"
#include "base/text.hpp"
#include "replication/mux/protomux.hpp"

namespace corestore::replication::testing {

struct plain_sealer final : frame_sealer {
  std::size_t begin_frame(bytes& output) override {
    auto start = output.size();
    output.resize(start + frame_length_bytes);
    return start;
  }
  void finish_frame(bytes& output, std::size_t start) override {
    auto frame = std::span{output}.subspan(start);
    put_frame_length(frame.size() - frame_length_bytes, frame.first<frame_length_bytes>());
  }
};

/// Cores are named by the byte that fills their discovery key.
struct plain_mux final : mux_handler {
  plain_sealer sealer;
  bytes output;
  outbox out{sealer, output};
  protomux mux{out};
  std::vector<std::string> events;

  result<void> on_request(channel_id, const discovery_key& discovery, byte_view handshake) override {
    events.push_back("request " + std::to_string(discovery.data[0]) + " " + text::to_hex(handshake));
    return {};
  }
  result<void> on_open(channel_id, const discovery_key& discovery, byte_view handshake) override {
    events.push_back("open " + std::to_string(discovery.data[0]) + " " + text::to_hex(handshake));
    return {};
  }
  void on_end(channel_id, const discovery_key& discovery, bool was_rejected) override {
    events.push_back("end " + std::to_string(discovery.data[0]) + (was_rejected ? " rejected" : " closed"));
  }
  result<void> on_message(channel_id channel, std::uint64_t type, byte_view payload) override {
    events.push_back("message " + std::to_string(mux.discovery_of(channel).data[0]) + " " + std::to_string(type) + " " +
                     text::to_hex(payload));
    return {};
  }

  result<void> receive(const bytes& frame) {
    return mux.receive(frame, *this);
  }

  /// Opens and announces.
  channel_id wish(std::uint8_t number) {
    auto channel = channel_of(number);
    if (mux.state_of(channel) == channel_state::wished)
      (void)mux.announce(channel, bytes{0xcd});
    return channel;
  }

  /// Wishes, and returns the id in the Open that was sent: it ends with id, protocol, identity and handshake.
  std::uint64_t wish_id(std::uint8_t number) {
    wish(number);
    auto frames = take_frames();
    const auto& last = frames.back();
    return last.at(last.size() - (1 + 1 + protocol_name.size() + 1 + discovery_key::size + 1));
  }

  /// Answers whatever is waiting there.
  void settle(std::uint8_t number) {
    auto channel = channel_of(number);
    auto state = mux.state_of(channel);
    if (state != channel_state::wished && state != channel_state::requested)
      return;
    if (mux.announce(channel, bytes{0xcd}) && state == channel_state::requested)
      (void)mux.deliver_held(channel, *this);
  }

  channel_id channel_of(std::uint8_t number) {
    discovery_key key;
    key.data.fill(number);
    return mux.open(key);
  }

  void send(channel_id channel, std::uint64_t type, const bytes& payload) {
    auto& target = mux.send(channel, type, payload.size(), false);
    target.insert(target.end(), payload.begin(), payload.end());
  }

  std::vector<std::string> take_events() {
    return std::exchange(events, {});
  }

  std::vector<bytes> take_frames() {
    out.flush();
    auto taken = std::exchange(output, {});
    std::span<std::uint8_t> left{taken};
    frame_reader reader;
    std::vector<bytes> frames;
    while (auto body = reader.next(left, limits::frame_bytes_max).value())
      frames.push_back(to_bytes(*body));
    return frames;
  }
};

} // namespace corestore::replication::testing
