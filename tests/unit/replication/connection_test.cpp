#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>

#include "base/compact.hpp"
#include "base/crypto.hpp"
#include "base/limits.hpp"
#include "log/hashes.hpp"
#include "replication/connection.hpp"
#include "replication/secret_stream/secret_stream.hpp"
#include "replication/wire/codec.hpp"

using namespace corestore;
using namespace corestore::replication;

namespace {

struct named_core {
  explicit named_core(std::uint8_t number) {
    key.data.fill(number);
    discovery = log::discovery_key_of(key);
  }
  core_key key;
  discovery_key discovery;
};

/// A connection with what it told so far.
struct side {
  explicit side(bool is_initiator) : machine(options_of(is_initiator), 0) {
    // nop
  }

  static connection_options options_of(bool is_initiator) {
    connection_options options;
    options.is_initiator = is_initiator;
    options.static_keys = crypto::ed25519_key_pair();
    return options;
  }

  template <class Event>
  std::vector<Event> all() const {
    std::vector<Event> found;
    for (const auto& event : events)
      if (const auto* one = std::get_if<Event>(&event))
        found.push_back(*one);
    return found;
  }

  template <class Event>
  Event last() const {
    auto found = all<Event>();
    REQUIRE(!found.empty());
    return found.back();
  }

  std::vector<wire::message> heard() const {
    std::vector<wire::message> messages;
    for (const auto& run : all<channel_messages>())
      messages.insert(messages.end(), run.messages.begin(), run.messages.end());
    return messages;
  }

  result<void> feed(bytes input) {
    return machine.feed(input, 0, events);
  }

  void accept(const named_core& core) {
    REQUIRE(machine.accept(last<channel_requested>().channel, core.key, events));
  }

  connection machine;
  std::vector<connection_event> events;
};

struct two_sides {
  side left{true};
  side right{false};

  /// Carries bytes until both are silent.
  void run() {
    while (left.machine.output_size() + right.machine.output_size() > 0) {
      REQUIRE(right.feed(left.machine.take_output()));
      REQUIRE(left.feed(right.machine.take_output()));
    }
  }

  /// A channel that both have open.
  std::pair<channel_id, channel_id> share(const named_core& core) {
    auto ours = left.machine.open(core.key, core.discovery);
    auto theirs = right.machine.open(core.key, core.discovery);
    run();
    REQUIRE(left.last<channel_opened>().channel == ours);
    REQUIRE(right.last<channel_opened>().channel == theirs);
    return {ours, theirs};
  }
};

wire::message data_of(std::uint64_t index, std::size_t size) {
  wire::data message;
  message.id = index + 1;
  message.content.block = log::block_proof{index, bytes(size, static_cast<std::uint8_t>(index)), {}};
  return message;
}

/// A peer that says what it wants inside a proper secret stream.
struct rogue {
  secret_stream stream{{true, crypto::ed25519_key_pair(), {}, {}}};
  bytes output;
  side victim{false};

  rogue() {
    REQUIRE(stream.start(output));
    for (int i = 0; i < 2; ++i) {
      REQUIRE(victim.feed(std::exchange(output, {})));
      auto answer = victim.machine.take_output();
      std::span<std::uint8_t> left{answer};
      REQUIRE(stream.receive(left, output));
    }
    REQUIRE(victim.feed(std::exchange(output, {})));
    REQUIRE(victim.machine.is_ready());
  }

  result<void> say(const bytes& plain) {
    auto start = stream.begin_frame(output);
    output.insert(output.end(), plain.begin(), plain.end());
    stream.finish_frame(output, start);
    return victim.feed(std::exchange(output, {}));
  }

  bytes open_frame(std::uint64_t id, const named_core& core, bool is_honest = true) const {
    bytes frame{0, 1};
    compact::writer sink{frame};
    sink.uint(id);
    sink.string("hypercore/alpha");
    sink.buffer(core.discovery.view());
    wire::encode({true, log::capability(stream.handshake_hash().view(), core.key, is_honest)}, frame);
    return frame;
  }
};

void refuse(const result<void>& done, ec code) {
  REQUIRE(!done);
  CHECK(done.error().code == code);
}

} // namespace

TEST_CASE("both sides learn each other's key and the same handshake hash") {
  two_sides pair;
  CHECK(!pair.left.machine.is_ready());
  pair.run();
  CHECK(pair.left.machine.is_ready());
  CHECK(pair.right.machine.is_ready());
  auto left = pair.left.last<handshake_done>();
  auto right = pair.right.last<handshake_done>();
  CHECK(left.handshake_hash == right.handshake_hash);
  CHECK(left.handshake_hash.size() == 64);
  CHECK(left.remote_key != right.remote_key);
}

TEST_CASE("a core that one side opens is requested from the other, accepted, and carries messages both ways") {
  two_sides pair;
  named_core core{1};
  auto channel = pair.left.machine.open(core.key, core.discovery);
  pair.run();
  CHECK(pair.left.all<channel_opened>().empty());
  auto request = pair.right.last<channel_requested>();
  CHECK(request.discovery == core.discovery);
  CHECK(request.remote_seeks);
  pair.right.accept(core);
  CHECK(pair.right.last<channel_opened>().channel == request.channel);
  std::vector<wire::message> sent{wire::sync{0, 5, 0, true, true, false, true, false}, wire::range{false, 0, 5},
                                  data_of(3, 70000), wire::no_data{4, wire::no_data_reason::not_available}};
  pair.right.machine.send(request.channel, sent);
  pair.run();
  CHECK(pair.left.last<channel_opened>().channel == channel);
  CHECK((pair.left.heard() == sent));
  pair.left.machine.send(channel, sent);
  pair.run();
  CHECK((pair.right.heard() == sent));
  CHECK(pair.left.machine.open_channels() == 1);
  CHECK(pair.right.machine.open_channels() == 1);
}

TEST_CASE("cores that both sides open pair up, before and after the handshake") {
  two_sides pair;
  named_core early{1};
  named_core late{2};
  pair.share(early);
  pair.share(late);
  CHECK(pair.left.all<channel_requested>().empty());
  CHECK(pair.right.all<channel_requested>().empty());
  CHECK(pair.left.machine.open_channels() == 2);
}

TEST_CASE("a second wish for a core is the same channel") {
  two_sides pair;
  named_core core{1};
  auto [left, right] = pair.share(core);
  CHECK(pair.left.machine.open(core.key, core.discovery) == left);
  CHECK(pair.left.machine.output_size() == 0);
}

TEST_CASE("a wish for a core that was requested meanwhile accepts the request") {
  two_sides pair;
  named_core core{1};
  auto ours = pair.left.machine.open(core.key, core.discovery);
  pair.run();
  auto request = pair.right.last<channel_requested>();
  CHECK(pair.right.machine.open(core.key, core.discovery) == request.channel);
  pair.right.machine.poll(pair.right.events);
  CHECK(pair.right.last<channel_opened>().channel == request.channel);
  REQUIRE(pair.right.machine.accept(request.channel, core.key, pair.right.events));
  CHECK(pair.right.all<channel_opened>().size() == 1);
  pair.run();
  CHECK(pair.left.last<channel_opened>().channel == ours);
}

TEST_CASE("a rejected core is reported as such and can be opened again by the other side") {
  two_sides pair;
  named_core core{1};
  auto channel = pair.left.machine.open(core.key, core.discovery);
  pair.run();
  pair.right.machine.reject(pair.right.last<channel_requested>().channel);
  pair.run();
  auto closed = pair.left.last<channel_closed>();
  CHECK(closed.channel == channel);
  CHECK(closed.was_rejected);
  pair.right.machine.open(core.key, core.discovery);
  pair.run();
  pair.left.accept(core);
  pair.run();
  CHECK(pair.right.machine.open_channels() == 1);
}

TEST_CASE("a channel that is closed and opened again by the remote is requested anew, under another id") {
  two_sides pair;
  named_core core{1};
  auto [left, right] = pair.share(core);
  pair.left.machine.close(left);
  auto again = pair.left.machine.open(core.key, core.discovery);
  CHECK(again != left);
  pair.run();
  auto closed = pair.right.last<channel_closed>();
  CHECK(closed.channel == right);
  CHECK(!closed.was_rejected);
  CHECK(pair.right.last<channel_requested>().channel != right);
  pair.right.machine.send(right, std::vector<wire::message>{wire::cancel{1}}); // stale: dropped
  CHECK(pair.right.machine.output_size() == 0);
  pair.right.accept(core);
  pair.run();
  CHECK(pair.left.last<channel_opened>().channel == again);
}

TEST_CASE("nothing is heard of a channel after it was closed here") {
  two_sides pair;
  named_core core{1};
  auto [left, right] = pair.share(core);
  pair.right.machine.send(right, std::vector<wire::message>{wire::cancel{1}});
  pair.left.machine.close(left);
  auto before = pair.left.events.size();
  pair.run();
  CHECK(pair.left.events.size() == before);
  CHECK(pair.right.last<channel_closed>().channel == right);
  CHECK(pair.left.machine.open_channels() == 0);
  CHECK(pair.right.machine.open_channels() == 0);
}

TEST_CASE("a wish that was withdrawn before the handshake leaves no trace and no gap") {
  two_sides pair;
  named_core one{1};
  named_core two{2};
  pair.left.machine.close(pair.left.machine.open(one.key, one.discovery));
  auto channel = pair.left.machine.open(two.key, two.discovery);
  pair.run();
  REQUIRE(pair.right.all<channel_requested>().size() == 1);
  pair.right.accept(two);
  pair.run();
  CHECK(pair.left.last<channel_opened>().channel == channel);
}

TEST_CASE("a remote that does not know the core key ends the connection") {
  named_core core{1};
  SECTION("as a request") {
    rogue peer;
    REQUIRE(peer.say(peer.open_frame(1, core, false)));
    auto request = peer.victim.last<channel_requested>();
    refuse(peer.victim.machine.accept(request.channel, core.key, peer.victim.events), ec::invalid_capability);
    CHECK(peer.victim.all<channel_opened>().empty());
    CHECK(peer.victim.machine.output_size() == 0); // our proof was not given away
    refuse(peer.victim.machine.tick(1), ec::invalid_capability);
    refuse(peer.victim.feed({}), ec::invalid_capability);
  }
  SECTION("as the answer to our Open") {
    rogue peer;
    peer.victim.machine.open(core.key, core.discovery);
    refuse(peer.say(peer.open_frame(1, core, false)), ec::invalid_capability);
    CHECK(peer.victim.all<channel_opened>().empty());
  }
  SECTION("as a wish for what it requested") {
    rogue peer;
    REQUIRE(peer.say(peer.open_frame(1, core, false)));
    peer.victim.machine.open(core.key, core.discovery);
    refuse(peer.victim.machine.tick(1), ec::invalid_capability);
  }
}

TEST_CASE("what a remote sends before the answer arrives after channel_opened") {
  rogue peer;
  named_core core{1};
  REQUIRE(peer.say(peer.open_frame(1, core)));
  REQUIRE(peer.say({1, 2, 9}));
  REQUIRE(peer.say({0, 0, 1, 2, 2, 8, 2, 10, 1}));
  CHECK(peer.victim.heard().empty());
  peer.victim.accept(core);
  REQUIRE(peer.victim.events.size() == 4);
  CHECK(std::holds_alternative<channel_opened>(peer.victim.events[2]));
  CHECK((peer.victim.heard() == std::vector<wire::message>{wire::cancel{9}, wire::cancel{8}}));
}

TEST_CASE("undecodable messages and handshakes end the connection, unknown types do not") {
  rogue peer;
  named_core core{1};
  SECTION("message") {
    REQUIRE(peer.say(peer.open_frame(1, core)));
    peer.victim.accept(core);
    REQUIRE(peer.say({1, 10, 0xff}));
    REQUIRE(peer.say({1, 2, 7}));
    refuse(peer.say({1, 2}), ec::decoding_failed);
    CHECK((peer.victim.heard() == std::vector<wire::message>{wire::cancel{7}}));
  }
  SECTION("handshake") {
    auto frame = peer.open_frame(1, core);
    frame.pop_back();
    refuse(peer.say(frame), ec::decoding_failed);
  }
}

TEST_CASE("requests beyond the limit wait until others are answered") {
  rogue peer;
  auto count = limits::pending_opens_max + 10;
  named_core core{1};
  for (std::size_t i = 1; i <= count; ++i) {
    std::memcpy(core.key.data.data(), &i, sizeof(i));
    core.discovery = log::discovery_key_of(core.key);
    REQUIRE(peer.say(peer.open_frame(i, core)));
  }
  auto& victim = peer.victim;
  CHECK(victim.all<channel_requested>().size() == limits::pending_opens_max);
  auto requests = victim.all<channel_requested>();
  for (std::size_t i = 0; i < 3; ++i)
    victim.machine.reject(requests[i].channel);
  victim.machine.poll(victim.events);
  CHECK(victim.all<channel_requested>().size() == limits::pending_opens_max + 3);
  REQUIRE(peer.say({0, 3, 4})); // withdrawn: told, counted
  REQUIRE(
    peer.say({0, 3, static_cast<std::uint8_t>(0xfd), static_cast<std::uint8_t>(count), 4})); // withdrawn, not told
  CHECK(victim.all<channel_closed>().size() == 1);
  CHECK(victim.all<channel_requested>().size() == limits::pending_opens_max + 4);
}

TEST_CASE("events come in the order of the bytes, and messages of one channel run together") {
  two_sides pair;
  named_core one{1};
  named_core two{2};
  auto [left_one, right_one] = pair.share(one);
  auto [left_two, right_two] = pair.share(two);
  for (auto channel : {left_one, left_one, left_two, left_one})
    pair.left.machine.send(channel, std::vector<wire::message>{wire::cancel{1}, wire::cancel{2}});
  pair.right.events.clear();
  pair.run();
  auto runs = pair.right.all<channel_messages>();
  REQUIRE(runs.size() == 3);
  CHECK(runs[0].channel == right_one);
  CHECK(runs[0].messages.size() == 4);
  CHECK(runs[1].channel == right_two);
  CHECK(runs[2].messages.size() == 2);
}

TEST_CASE("every request travels in a frame of its own, other small messages share one") {
  two_sides pair;
  auto [left, right] = pair.share(named_core{1});
  wire::request request;
  request.wanted.block = log::block_request{1, 0};
  pair.left.machine.send(left, std::vector<wire::message>{request, request, wire::cancel{1}, wire::cancel{2}});
  auto output = pair.left.machine.take_output();
  std::size_t frames = 0;
  std::span<std::uint8_t> rest{output};
  frame_reader reader;
  while (reader.next(rest, limits::frame_bytes_max).value())
    ++frames;
  CHECK(frames == 3);
}

TEST_CASE("the largest block goes through, a larger message is a failure of our own") {
  two_sides pair;
  auto [left, right] = pair.share(named_core{1});
  std::vector<wire::message> largest{data_of(1, limits::block_bytes_max)};
  pair.left.machine.send(left, largest);
  pair.run();
  CHECK((pair.right.heard() == largest));
  std::vector<wire::message> surplus{data_of(1, limits::message_bytes_max)};
  pair.left.machine.send(left, surplus);
  refuse(pair.left.machine.tick(1), ec::limit_exceeded);
}

TEST_CASE("conversations survive any fragmentation") {
  rc::prop("fragmentation", [] {
    two_sides pair;
    named_core core{1};
    auto left = pair.left.machine.open(core.key, core.discovery);
    auto right = pair.right.machine.open(core.key, core.discovery);
    std::vector<wire::message> sent;
    for (int i = *rc::gen::inRange(0, 30); i > 0; --i)
      sent.push_back(data_of(sent.size(), static_cast<std::size_t>(*rc::gen::inRange(0, 3000))));
    auto carry = [](side& from, side& to) {
      auto output = from.machine.take_output();
      for (std::size_t at = 0; at < output.size();) {
        auto size = std::min(static_cast<std::size_t>(*rc::gen::inRange(1, 4000)), output.size() - at);
        RC_ASSERT(to.machine.feed(std::span{output}.subspan(at, size), 0, to.events).has_value());
        at += size;
      }
    };
    bool has_sent = false;
    while (pair.left.machine.output_size() + pair.right.machine.output_size() > 0) {
      carry(pair.left, pair.right);
      carry(pair.right, pair.left);
      if (!has_sent && pair.left.machine.open_channels() == 1) {
        pair.left.machine.send(left, sent);
        has_sent = true;
      }
    }
    RC_ASSERT(has_sent);
    RC_ASSERT(pair.right.heard() == sent);
    for (const auto& run : pair.right.all<channel_messages>())
      RC_ASSERT(run.channel == right);
  });
}

TEST_CASE("a conversation may be cut at every byte of the handshake") {
  for (std::size_t cut = 1; cut < 300; ++cut) {
    two_sides pair;
    named_core core{1};
    pair.left.machine.open(core.key, core.discovery);
    std::size_t carried = 0;
    auto carry = [&](side& from, side& to) {
      auto output = from.machine.take_output();
      auto first = carried < cut && carried + output.size() > cut ? cut - carried : output.size();
      carried += output.size();
      REQUIRE(to.machine.feed(std::span{output}.first(first), 0, to.events));
      if (first < output.size()) {
        auto is_ready = to.machine.is_ready();
        REQUIRE(to.machine.feed({}, 0, to.events)); // nothing new, nothing happens
        CHECK(to.machine.is_ready() == is_ready);
      }
      REQUIRE(to.machine.feed(std::span{output}.subspan(first), 0, to.events));
    };
    while (pair.left.machine.output_size() + pair.right.machine.output_size() > 0) {
      carry(pair.left, pair.right);
      carry(pair.right, pair.left);
    }
    REQUIRE(pair.right.all<channel_requested>().size() == 1);
    CHECK(pair.right.machine.is_between_frames());
  }
}

TEST_CASE("one flipped bit anywhere is an error, at once or when more bytes come, and never a message") {
  rc::prop("bit flips", [] {
    two_sides pair;
    named_core core{1};
    auto left = pair.left.machine.open(core.key, core.discovery);
    pair.right.machine.open(core.key, core.discovery);
    pair.run();
    std::vector<wire::message> sent{wire::cancel{1}, data_of(1, 300), wire::cancel{2}};
    pair.left.machine.send(left, sent);
    auto output = pair.left.machine.take_output();
    auto bit = static_cast<std::size_t>(*rc::gen::inRange(0, static_cast<int>(output.size() * 8)));
    output[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    auto done = pair.right.machine.feed(output, 0, pair.right.events);
    RC_ASSERT(pair.right.heard().empty());
    RC_ASSERT(!done || !pair.right.machine.is_between_frames());
    if (!done)
      RC_ASSERT(!pair.right.machine.feed(output, 0, pair.right.events));
  });
}

TEST_CASE("garbage instead of a handshake is an error or waits for more") {
  rc::prop("garbage", [] {
    side victim{*rc::gen::arbitrary<bool>()};
    auto garbage = *rc::gen::container<bytes>(200, rc::gen::arbitrary<std::uint8_t>());
    RC_ASSERT(!victim.feed(garbage) || !victim.machine.is_ready());
    RC_ASSERT(victim.events.empty());
  });
}

TEST_CASE("an empty message keeps a silent connection alive and is heard by nobody") {
  two_sides pair;
  pair.run();
  auto& left = pair.left.machine;
  REQUIRE(left.tick(4999));
  CHECK(left.output_size() == 0);
  REQUIRE(left.tick(5000));
  CHECK(left.output_size() == 20);
  REQUIRE(left.tick(5001));
  CHECK(left.output_size() == 20);
  auto before = pair.right.events.size();
  REQUIRE(pair.right.feed(left.take_output()));
  CHECK(pair.right.events.size() == before);
  REQUIRE(left.tick(9999));
  CHECK(left.output_size() == 0);
  REQUIRE(left.tick(10001));
  CHECK(left.output_size() == 20);
}

TEST_CASE("a handshake that takes too long fails, and so does a header that never comes") {
  SECTION("nothing") {
    side waiting{false};
    REQUIRE(waiting.machine.tick(9999));
    refuse(waiting.machine.tick(10000), ec::timed_out);
  }
  SECTION("no header") {
    two_sides pair;
    REQUIRE(pair.right.feed(pair.left.machine.take_output()));
    REQUIRE(pair.left.feed(pair.right.machine.take_output()));
    CHECK(pair.left.machine.is_ready());
    refuse(pair.left.machine.tick(10000), ec::timed_out);
  }
}
