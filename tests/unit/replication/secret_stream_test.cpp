#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>

#include "base/limits.hpp"
#include "replication/secret_stream/secret_stream.hpp"

using namespace corestore;
using namespace corestore::replication;

namespace {

struct side {
  explicit side(bool is_initiator) : stream({is_initiator, crypto::ed25519_key_pair(), {}, {}}) {
    REQUIRE(stream.start(output));
  }

  void send(const bytes& plain) {
    auto start = stream.begin_frame(output);
    output.insert(output.end(), plain.begin(), plain.end());
    stream.finish_frame(output, start);
  }

  /// Feeds all of `input`; messages that arrived are kept.
  result<void> receive(bytes input) {
    std::span<std::uint8_t> left{input};
    for (;;) {
      auto plain = stream.receive(left, output);
      if (!plain)
        return fail(plain.error());
      if (!*plain)
        return {};
      received.push_back(to_bytes(**plain));
    }
  }

  secret_stream stream;
  bytes output;
  std::vector<bytes> received;
};

struct two_sides {
  side initiator{true};
  side responder{false};

  void shake_hands() {
    for (int i = 0; i < 3; ++i) {
      REQUIRE(responder.receive(std::exchange(initiator.output, {})));
      REQUIRE(initiator.receive(std::exchange(responder.output, {})));
    }
    REQUIRE(initiator.stream.is_established());
    REQUIRE(responder.stream.is_established());
  }
};

bytes frame_of(std::size_t body_bytes, std::uint8_t fill = 7) {
  bytes framed;
  put_frame(bytes(body_bytes, fill), framed);
  return framed;
}

} // namespace

TEST_CASE("bodies survive any fragmentation") {
  rc::prop("fragmentation", [] {
    std::vector<bytes> bodies(static_cast<std::size_t>(*rc::gen::inRange(0, 6)));
    bytes stream;
    for (auto& body : bodies) {
      body = *rc::gen::container<bytes>(static_cast<std::size_t>(*rc::gen::inRange(0, 300)),
                                        rc::gen::arbitrary<std::uint8_t>());
      put_frame(body, stream);
    }
    frame_reader reader;
    std::vector<bytes> received;
    for (std::size_t at = 0; at < stream.size();) {
      auto size = std::min(static_cast<std::size_t>(*rc::gen::inRange(1, 200)), stream.size() - at);
      auto piece = std::span{stream}.subspan(at, size);
      at += size;
      for (;;) {
        auto body = reader.next(piece, 1000).value();
        if (!body)
          break;
        received.push_back(to_bytes(*body));
      }
      RC_ASSERT(piece.empty());
    }
    RC_ASSERT(received == bodies);
    RC_ASSERT(reader.is_between_frames());
  });
}

TEST_CASE("a whole body is handed out where it lies") {
  auto input = frame_of(100);
  frame_reader reader;
  std::span<std::uint8_t> left{input};
  auto body = reader.next(left, 1000).value();
  REQUIRE(body);
  CHECK(body->data() == input.data() + frame_length_bytes);
}

TEST_CASE("a length above the limit is refused before the body arrives") {
  for (std::size_t pieces : {1U, 3U}) {
    frame_reader reader;
    bytes length{97, 0, 0};
    std::span<std::uint8_t> left{length};
    result<std::optional<std::span<std::uint8_t>>> last;
    for (std::size_t i = 0; i < pieces; ++i) {
      auto piece = left.subspan(i * 3 / pieces, 3 / pieces);
      last = reader.next(piece, 96);
    }
    REQUIRE(!last);
    CHECK(last.error().code == ec::limit_exceeded);
  }
}

TEST_CASE("during the handshake nothing longer than 96 bytes is accepted") {
  side responder{false};
  auto done = responder.receive({97, 0, 0});
  REQUIRE(!done);
  CHECK(done.error().code == ec::limit_exceeded);
}

TEST_CASE("messages keep their boundaries and their order, in both directions, empty ones too") {
  two_sides pair;
  pair.shake_hands();
  CHECK(pair.initiator.stream.handshake_hash() == pair.responder.stream.handshake_hash());
  std::vector<bytes> sent{{1}, {}, bytes(70000, 3), bytes(limits::message_bytes_max, 4), {5, 6}};
  for (const auto& plain : sent) {
    pair.initiator.send(plain);
    pair.responder.send(plain);
  }
  REQUIRE(pair.responder.receive(std::exchange(pair.initiator.output, {})));
  REQUIRE(pair.initiator.receive(std::exchange(pair.responder.output, {})));
  CHECK((pair.responder.received == sent));
  CHECK((pair.initiator.received == sent));
}

TEST_CASE("a handshake of wrong length, with a flipped bit or a bad point fails") {
  SECTION("lengths") {
    for (std::size_t size : {0U, 31U, 33U, 64U, 96U}) {
      side responder{false};
      auto done = responder.receive(frame_of(size));
      REQUIRE(!done);
      CHECK(done.error().code == ec::handshake_failed);
    }
  }
  SECTION("flipped bits, in every byte of every message") {
    for (int message = 0; message < 3; ++message) {
      for (std::size_t at = frame_length_bytes; at < 99; at += 5) {
        two_sides pair;
        bool has_failed = false;
        for (int step = 0; step < 3 && !has_failed; ++step) {
          auto& writer = step % 2 == 0 ? pair.initiator : pair.responder;
          auto& reader = step % 2 == 0 ? pair.responder : pair.initiator;
          auto sent = std::exchange(writer.output, {});
          if (step == message && at < sent.size())
            sent[at] ^= 1U;
          has_failed = !reader.receive(sent);
        }
        if (!has_failed) // a changed ephemeral key is noticed by its owner, in the next message
          has_failed = !pair.initiator.receive(std::exchange(pair.responder.output, {}));
        auto last = message == 0 ? 35U : message == 1 ? 99U : 67U + 59U;
        CHECK((has_failed || at >= last));
      }
    }
  }
  SECTION("the neutral point") {
    side responder{false};
    bytes neutral(32, 0);
    neutral[0] = 1;
    bytes framed;
    put_frame(neutral, framed);
    auto done = responder.receive(framed);
    REQUIRE(!done);
    CHECK(done.error().code == ec::handshake_failed);
  }
}

TEST_CASE("a stream that is reflected to its sender is refused") {
  side initiator{true};
  auto reflected = initiator.output;
  auto done = initiator.receive(reflected);
  REQUIRE(!done);
  CHECK(done.error().code == ec::handshake_failed);
}

TEST_CASE("a flipped bit anywhere in a message, a short body, a repeated and a dropped message are refused") {
  auto refuse = [](two_sides& pair, bytes input) {
    auto done = pair.responder.receive(std::move(input));
    REQUIRE(!done);
    CHECK(done.error().code == ec::decoding_failed);
  };
  for (std::size_t at = frame_length_bytes; at < frame_length_bytes + 17 + 20; ++at) {
    two_sides pair;
    pair.shake_hands();
    pair.initiator.send(bytes(20, 1));
    pair.initiator.output[at] ^= 0x10U;
    refuse(pair, pair.initiator.output);
  }
  two_sides pair;
  pair.shake_hands();
  SECTION("short") {
    refuse(pair, frame_of(16));
  }
  SECTION("none") {
    refuse(pair, frame_of(0));
  }
  SECTION("repeated") {
    pair.initiator.send({1});
    auto sent = pair.initiator.output;
    REQUIRE(pair.responder.receive(sent));
    refuse(pair, sent);
  }
  SECTION("dropped") {
    pair.initiator.send({1});
    pair.initiator.output.clear();
    pair.initiator.send({2});
    refuse(pair, pair.initiator.output);
  }
}
