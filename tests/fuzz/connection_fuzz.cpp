// Input: a mode, the seeds of four key pairs and a core key, then
//   mode 0  bytes for the responder's feed(), as they are, in pieces
//   mode 1  plaintext frames behind 3 bytes of length: a proper initiator seals and sends them
// Seeds and key are those of a recorded conversation, so that recorded bytes and capabilities are valid.
#include <algorithm>
#include <utility>

#include "base/check.hpp"
#include "base/crypto.hpp"
#include "base/limits.hpp"
#include "log/hashes.hpp"
#include "replication/connection.hpp"
#include "replication/secret_stream/secret_stream.hpp"

using namespace corestore;
using namespace corestore::replication;

namespace {

constexpr std::size_t header_bytes = 1 + 5 * 32;

struct victim {
  connection machine;
  core_key key;
  std::vector<connection_event> events;

  bool feed_all(bytes input) {
    return feed(input);
  }

  bool feed(std::span<std::uint8_t> input) {
    events.clear();
    if (!machine.feed(input, 0, events))
      return false;
    for (const auto& event : std::exchange(events, {})) {
      if (const auto* request = std::get_if<channel_requested>(&event)) {
        if (request->discovery != log::discovery_key_of(key))
          machine.reject(request->channel);
        else if (!machine.accept(request->channel, key, events))
          return false;
      } else if (const auto* run = std::get_if<channel_messages>(&event)) {
        CORESTORE_CHECK(!run->messages.empty());
        machine.send(run->channel, run->messages); // an echo
      }
    }
    return true;
  }
};

key_pair keys_at(const std::uint8_t* data, std::size_t index) {
  return crypto::ed25519_key_pair(*key_seed::from({data + 1 + 32 * index, 32}));
}

void feed_pieces(victim& target, std::span<std::uint8_t> input, std::size_t piece) {
  while (!input.empty()) {
    auto size = std::min(piece, input.size());
    if (!target.feed(input.first(size)))
      return;
    input = input.subspan(size);
  }
}

void speak(victim& target, secret_stream& stream, std::span<std::uint8_t> script) {
  bytes output;
  CORESTORE_CHECK(stream.start(output).has_value());
  CORESTORE_CHECK(target.feed_all(std::exchange(output, {})));
  auto answer = target.machine.take_output();
  std::span<std::uint8_t> left{answer};
  CORESTORE_CHECK(stream.receive(left, output).has_value());
  CORESTORE_CHECK(target.feed_all(std::exchange(output, {})));
  frame_reader frames;
  for (;;) {
    auto body = frames.next(script, limits::message_bytes_max);
    if (!body || !*body)
      return;
    auto start = stream.begin_frame(output);
    output.insert(output.end(), (*body)->begin(), (*body)->end());
    stream.finish_frame(output, start);
    if (!target.feed_all(std::exchange(output, {})))
      return;
    (void)target.machine.take_output();
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < header_bytes)
    return 0;
  connection_options options;
  options.static_keys = keys_at(data, 0);
  options.ephemeral_keys = keys_at(data, 1);
  victim target{{std::move(options), 0}, *core_key::from({data + 1 + 4 * 32, 32}), {}};
  bytes script(data + header_bytes, data + size);
  if (data[0] % 2 == 0) {
    feed_pieces(target, script, 1 + data[0] * 8U);
    return 0;
  }
  secret_stream stream{{true, keys_at(data, 2), keys_at(data, 3), {}}};
  speak(target, stream, script);
  return 0;
}
