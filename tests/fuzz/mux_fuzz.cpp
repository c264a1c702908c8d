// Input: plaintext frames, each behind 3 bytes of length; an empty one is followed by a byte that says what our own
// side does: low bits which of four cores, high bits what.
#include <array>

#include "base/check.hpp"
#include "base/limits.hpp"
#include "replication/mux/protomux.hpp"

using namespace corestore;
using namespace corestore::replication;

namespace {

struct sealer final : frame_sealer {
  std::size_t begin_frame(bytes& output) override {
    return output.size();
  }
  void finish_frame(bytes& output, std::size_t start) override {
    CORESTORE_CHECK(output.size() - start <= limits::message_bytes_max);
  }
};

struct world final : mux_handler {
  sealer plain;
  bytes output;
  outbox out{plain, output};
  protomux mux{out};
  std::array<discovery_key, 4> cores{};

  result<void> on_request(channel_id channel, const discovery_key& discovery, byte_view) override {
    CORESTORE_CHECK(mux.state_of(channel) == channel_state::requested);
    cores[channel % cores.size()] = discovery; // so that our side acts on it
    return {};
  }
  result<void> on_open(channel_id channel, const discovery_key&, byte_view) override {
    CORESTORE_CHECK(mux.state_of(channel) == channel_state::open);
    return {};
  }
  void on_end(channel_id channel, const discovery_key&, bool) override {
    CORESTORE_CHECK(mux.state_of(channel) == channel_state::over);
  }
  result<void> on_message(channel_id channel, std::uint64_t, byte_view) override {
    CORESTORE_CHECK(mux.state_of(channel) == channel_state::open);
    return {};
  }

  void act(std::uint8_t action) {
    auto channel = mux.open(cores[action % cores.size()]);
    auto state = mux.state_of(channel);
    switch (action >> 6U) {
    case 0:
      mux.close(channel);
      break;
    case 1:
      mux.reject(channel);
      break;
    case 2:
      if (state == channel_state::open)
        mux.send(channel, 0, 1, (action & 32U) != 0).push_back(action);
      break;
    default:
      if (state != channel_state::wished && state != channel_state::requested)
        break;
      if (mux.announce(channel, byte_view{&action, 1}))
        (void)mux.deliver_held(channel, *this);
    }
  }
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  world all;
  for (std::size_t i = 0; i < all.cores.size(); ++i)
    all.cores[i].data.fill(static_cast<std::uint8_t>(i));
  bytes input(data, data + size);
  std::span<std::uint8_t> left{input};
  frame_reader frames;
  for (;;) {
    auto body = frames.next(left, limits::frame_bytes_max);
    if (!body || !*body)
      return 0;
    if (!(*body)->empty()) {
      if (!all.mux.receive(**body, all))
        return 0;
    } else if (!left.empty()) {
      all.act(left.front());
      left = left.subspan(1);
    }
    all.out.flush();
    all.output.clear();
  }
}
