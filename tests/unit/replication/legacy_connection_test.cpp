// Channels of generation 9 whose ends and openings cross on the wire, against a remote that does as JavaScript does.
#include <catch2/catch.hpp>

#include <variant>

#include "base/varint.hpp"
#include "log/hashes.hpp"
#include "replication/legacy/codec.hpp"
#include "replication/legacy/connection.hpp"
#include "replication/legacy/handshake.hpp"

using namespace corestore;
using namespace corestore::replication;

namespace {

/// What is heard in one frame.
struct heard {
  std::uint64_t channel = 0;
  legacy::any_message content;
};

/// Our connection, and a remote of which every frame is written by hand.
struct crossed_lines {
  legacy::handshake noise{true, crypto::x25519_key_pair(), {}, {}};
  std::optional<crypto::stream_cipher> sealing;
  std::optional<crypto::stream_cipher> opening;
  legacy::frame_reader frames;
  legacy::connection ours{{false, crypto::x25519_key_pair(), 10000, 10000, {}, {}}, 0};
  std::vector<connection_event> events;
  core_key key = fixed_key();
  discovery_key discovery = log::discovery_key_of(key);

  crossed_lines() {
    shake();
    shake();
    sealing.emplace(noise.sending_key().view(), noise.nonce().view());
    opening.emplace(noise.receiving_key().view(), noise.remote_nonce().view());
    REQUIRE(ours.is_ready());
  }

  static core_key fixed_key() {
    core_key made;
    made.data.fill(7);
    return made;
  }

  void shake() {
    auto spoken = noise.write();
    REQUIRE(spoken);
    REQUIRE(ours.feed(*spoken, 0, events));
    auto answer = ours.take_output();
    if (answer.empty())
      return;
    byte_view message = answer;
    varint::read(message);
    REQUIRE(noise.read(message));
  }

  void say(std::initializer_list<heard> said) {
    bytes output;
    for (const auto& one : said)
      legacy::encode(one.channel, one.content, output);
    sealing->apply(output);
    REQUIRE(ours.feed(output, 0, events));
  }

  std::vector<heard> hear() {
    auto output = ours.take_output();
    opening->apply(output);
    frames.push(output);
    std::vector<heard> all;
    for (;;) {
      auto next = frames.next();
      REQUIRE(next);
      if (!*next)
        return all;
      auto content = legacy::decode((*next)->type, (*next)->body);
      REQUIRE(content);
      REQUIRE(*content);
      all.push_back({(*next)->channel, std::move(**content)});
    }
  }

  legacy::open opening_of_theirs() const {
    auto proof = legacy::capability(noise.sending_key(), noise.receiving_key(), key);
    return {discovery, bytes(proof.view().begin(), proof.view().end())};
  }

  channel_id accept() {
    const channel_requested* last = nullptr;
    for (const auto& event : events)
      if (const auto* one = std::get_if<channel_requested>(&event))
        last = one;
    REQUIRE(last != nullptr);
    auto id = last->channel;
    events.clear();
    REQUIRE(ours.accept(id, key, events));
    return id;
  }

  /// The remote refuses what we offer, and opens it before it has our answer to that.
  channel_id cross() {
    ours.open(key, discovery);
    hear();
    say({{1, legacy::close{discovery}}, {1, opening_of_theirs()}});
    auto id = accept();
    auto answers = hear();
    REQUIRE(answers.size() == 2);
    CHECK((answers[0].channel == 1 && std::holds_alternative<legacy::close>(answers[0].content)));
    CHECK((answers[1].channel == 2 && std::holds_alternative<legacy::open>(answers[1].content)));
    return id;
  }
};

} // namespace

TEST_CASE("a core that the remote opens without knowing its key is refused, and the others stay") {
  crossed_lines lines;
  core_key known;
  known.data.fill(8);
  lines.say(
    {{1, legacy::open{
           log::discovery_key_of(known),
           to_bytes(legacy::capability(lines.noise.sending_key(), lines.noise.receiving_key(), known).view())}}});
  auto id = std::get<channel_requested>(lines.events.back()).channel;
  REQUIRE(lines.ours.accept(id, known, lines.events));
  lines.hear();
  std::optional<bytes> proof;
  SECTION("with a capability that is wrong") {
    proof = bytes(32, 1);
  }
  SECTION("with one that is too short") {
    proof = lines.opening_of_theirs().capability;
    proof->pop_back();
  }
  SECTION("with that of the other direction") {
    proof = to_bytes(legacy::capability(lines.noise.receiving_key(), lines.noise.sending_key(), lines.key).view());
  }
  SECTION("without any") {
    // nop
  }
  lines.say({{2, legacy::open{lines.discovery, proof}}, {2, legacy::request{0}}});
  lines.accept();
  REQUIRE(lines.events.size() == 1);
  auto closed = std::get<channel_closed>(lines.events.front());
  CHECK((closed.was_rejected && closed.is_unproven && closed.discovery == lines.discovery));
  auto said = lines.hear();
  REQUIRE(said.size() == 1);
  CHECK(std::get<legacy::close>(said[0].content).discovery == lines.discovery);
  CHECK(lines.ours.open_channels() == 1);
  lines.say({{1, legacy::want{0, 8192}}});
  CHECK(std::get<legacy_messages>(lines.events.back()).channel == id);
}

TEST_CASE("a wrong capability for a core that we opened first ends the connection") {
  crossed_lines lines;
  lines.ours.open(lines.key, lines.discovery);
  bytes output;
  legacy::encode(1, legacy::any_message{legacy::open{lines.discovery, bytes(32, 1)}}, output);
  lines.sealing->apply(output);
  auto fed = lines.ours.feed(output, 0, lines.events);
  REQUIRE_FALSE(fed);
  CHECK(fed.error().code == ec::invalid_capability);
}

TEST_CASE("an Open that crosses our answer to a refusal leads to one channel, with what was said first") {
  crossed_lines lines;
  lines.cross();
  lines.say({{1, legacy::close{}}, {1, lines.opening_of_theirs()}, {1, legacy::want{0, 8192}}});
  auto id = lines.accept();
  CHECK(lines.hear().empty()); // the remote has our second Open
  CHECK(lines.ours.open_channels() == 1);
  REQUIRE(lines.events.size() == 2);
  CHECK(std::get<legacy_messages>(lines.events[1]).messages == std::vector<legacy::message>{legacy::want{0, 8192}});
  lines.ours.send(id, std::vector<legacy::message>{legacy::have{0, 1, {}, false}});
  auto said = lines.hear();
  REQUIRE(said.size() == 1);
  CHECK(said[0].channel == 2);
}

TEST_CASE("a channel that is offered again meanwhile is the one that the remote was told of") {
  crossed_lines lines;
  lines.cross();
  lines.say({{1, legacy::close{}}});
  lines.ours.open(lines.key, lines.discovery);
  lines.say({{1, lines.opening_of_theirs()}});
  CHECK(lines.hear().empty());
  CHECK(lines.ours.open_channels() == 1);
}

TEST_CASE("an end that may be of an earlier channel is confirmed when nothing follows it") {
  crossed_lines lines;
  lines.cross();
  lines.say({{1, legacy::close{}}});
  REQUIRE(lines.ours.tick(4999));
  CHECK(lines.hear().empty());
  SECTION("after a while") {
    REQUIRE(lines.ours.tick(5000));
  }
  SECTION("when the core is refused after all") {
    lines.say({{1, legacy::close{lines.discovery}}});
  }
  auto said = lines.hear();
  REQUIRE(said.size() == 1);
  CHECK(said[0].channel == 2);
}

TEST_CASE("the end of a channel on which the remote answered is confirmed at once") {
  crossed_lines lines;
  lines.cross();
  lines.say({{1, legacy::have{0, 1, {}, false}}, {1, legacy::close{}}});
  auto said = lines.hear();
  REQUIRE(said.size() == 1);
  CHECK(said[0].channel == 2);
}

TEST_CASE("a request whose end was of an earlier channel stands") {
  crossed_lines lines;
  lines.ours.open(lines.key, lines.discovery);
  lines.hear();
  lines.say({{1, legacy::close{lines.discovery}}, {1, lines.opening_of_theirs()}});
  lines.say({{1, legacy::close{}}});
  lines.accept();
  auto said = lines.hear();
  REQUIRE(said.size() == 2);
  CHECK((said[1].channel == 2 && std::holds_alternative<legacy::open>(said[1].content)));
  lines.say({{1, lines.opening_of_theirs()}});
  CHECK(lines.hear().empty());
  CHECK(lines.ours.open_channels() == 1);
}
