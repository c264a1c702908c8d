#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>

#include "base/limits.hpp"
#include "plain_mux.hpp"

using namespace corestore;
using namespace corestore::replication;
using namespace corestore::replication::testing;

namespace {

discovery_key core(std::uint8_t number) {
  discovery_key key;
  key.data.fill(number);
  return key;
}

bytes join(std::initializer_list<bytes> parts) {
  bytes all;
  for (const auto& part : parts)
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

bytes open_message(std::uint64_t id, byte_view identity, std::string_view protocol = protocol_name) {
  bytes frame{0, 1};
  compact::writer sink{frame};
  sink.uint(id);
  sink.string(protocol);
  sink.buffer(identity);
  sink.raw(bytes{0xab});
  return frame;
}

bytes open_message(std::uint64_t id, std::uint8_t number) {
  return open_message(id, core(number).view());
}

void refuse(plain_mux& mux, const bytes& frame, ec code = ec::protocol_violation) {
  auto done = mux.receive(frame);
  REQUIRE(!done);
  CHECK(done.error().code == code);
}

using texts = std::vector<std::string>;

} // namespace

TEST_CASE("an Open that nobody waits for is a request; accepting it sends an Open and opens the channel") {
  plain_mux mux;
  REQUIRE(mux.receive(open_message(1, 7)));
  CHECK(mux.take_events() == texts{"request 7 ab"});
  auto channel = mux.channel_of(7);
  REQUIRE(mux.mux.announce(channel, bytes{0xcd}));
  CHECK(mux.mux.state_of(channel) == channel_state::open);
  auto frames = mux.take_frames();
  REQUIRE(frames.size() == 1);
  auto expected = join({{0, 0, 0, 54, 1, 1, 15}, to_bytes("hypercore/alpha"), {32}, to_bytes(core(7).view()), {0xcd}});
  expected[3] = static_cast<std::uint8_t>(expected.size() - 4);
  CHECK(frames[0] == expected);
  REQUIRE(mux.receive({1, 3, 9, 9}));
  CHECK(mux.take_events() == texts{"message 7 3 0909"});
}

TEST_CASE("rejecting a request says the remote's id, and the channel is gone") {
  plain_mux mux;
  REQUIRE(mux.receive(open_message(1, 7)));
  auto channel = mux.channel_of(7);
  mux.mux.reject(channel);
  CHECK(mux.take_frames() == std::vector<bytes>{{0, 0, 0, 2, 2, 1}});
  CHECK(mux.mux.state_of(channel) == channel_state::over);
  REQUIRE(mux.receive({1, 3, 9}));
  CHECK(mux.take_events() == texts{"request 7 ab"});
  REQUIRE(mux.receive(open_message(1, 7))); // the id is free again
  CHECK(mux.channel_of(7) != channel);
}

TEST_CASE("Opens that cross pair up without an answer") {
  plain_mux mux;
  auto channel = mux.wish(7);
  mux.take_frames();
  REQUIRE(mux.receive(open_message(1, 7)));
  CHECK(mux.take_events() == texts{"open 7 ab"});
  CHECK(mux.mux.state_of(channel) == channel_state::open);
  CHECK(mux.take_frames().empty());
}

TEST_CASE("the alias answers an Open but is rejected as a first one") {
  plain_mux mux;
  REQUIRE(mux.receive(open_message(1, core(7).view(), protocol_alias)));
  CHECK(mux.take_frames() == std::vector<bytes>{{0, 0, 0, 2, 2, 1}});
  auto channel = mux.wish(7);
  REQUIRE(mux.receive(open_message(1, core(7).view(), protocol_alias)));
  CHECK(mux.mux.state_of(channel) == channel_state::open);
}

TEST_CASE("other protocols are rejected, whatever their identity") {
  plain_mux mux;
  REQUIRE(mux.receive(open_message(1, bytes{}, "rpc")));
  REQUIRE(mux.receive(open_message(2, core(1).view(), "wakeup")));
  CHECK(mux.take_frames() == std::vector<bytes>{{0, 0, 0, 2, 2, 1, 2, 2, 2}});
  CHECK(mux.take_events().empty());
  refuse(mux, open_message(4, 3)); // 1 and 2 were seen, 3 would be next
}

TEST_CASE("an Open of hypercore/alpha needs an identity of 32 bytes") {
  for (std::size_t size : {0U, 31U, 33U}) {
    plain_mux mux;
    refuse(mux, open_message(1, bytes(size, 1)));
  }
}

TEST_CASE("ids of Opens start at 1, leave no gap and are not used twice") {
  plain_mux mux;
  SECTION("0") {
    refuse(mux, open_message(0, 1));
  }
  SECTION("gap") {
    refuse(mux, open_message(2, 1));
  }
  SECTION("huge") {
    refuse(mux, open_message(limits::safe_integer_max, 1));
  }
  SECTION("in use") {
    REQUIRE(mux.receive(open_message(1, 1)));
    refuse(mux, open_message(1, 2));
  }
  SECTION("used before") {
    REQUIRE(mux.receive(open_message(1, 1)));
    REQUIRE(mux.receive(open_message(2, 2)));
    REQUIRE(mux.receive({0, 3, 1}));
    REQUIRE(mux.receive(open_message(1, 3)));
    REQUIRE(mux.receive(open_message(3, 1)));
  }
}

TEST_CASE("our ids are dense, and the one freed last is used first") {
  plain_mux mux;
  for (std::uint8_t i = 1; i <= 3; ++i) {
    mux.wish(i);
    REQUIRE(mux.receive(open_message(i, i)));
  }
  mux.mux.close(mux.channel_of(1));
  mux.mux.close(mux.channel_of(3));
  CHECK(mux.wish_id(4) == 3);
  CHECK(mux.wish_id(5) == 1);
  CHECK(mux.wish_id(6) == 4);
}

TEST_CASE("a Reject ends exactly an Open that waits") {
  plain_mux mux;
  SECTION("waiting") {
    auto channel = mux.wish(7);
    REQUIRE(mux.receive({0, 2, 1}));
    CHECK(mux.take_events() == texts{"end 7 rejected"});
    CHECK(mux.mux.state_of(channel) == channel_state::over);
    refuse(mux, {0, 2, 1}); // only once
  }
  SECTION("unknown") {
    refuse(mux, {0, 2, 1});
  }
  SECTION("0") {
    refuse(mux, {0, 2, 0});
  }
  SECTION("answered") {
    mux.wish(7);
    REQUIRE(mux.receive(open_message(1, 7)));
    refuse(mux, {0, 2, 1});
  }
  SECTION("a wish that was never sent") {
    mux.mux.open(core(7));
    refuse(mux, {0, 2, 1});
  }
}

TEST_CASE("a Close from the remote ends a channel, and what it cannot mean is ignored") {
  plain_mux mux;
  mux.wish(7);
  REQUIRE(mux.receive(open_message(1, 7)));
  mux.take_events();
  REQUIRE(mux.receive({0, 3, 0}));
  REQUIRE(mux.receive({0, 3, 9}));
  CHECK(mux.take_events().empty());
  mux.take_frames();
  REQUIRE(mux.receive({0, 3, 1}));
  CHECK(mux.take_events() == texts{"end 7 closed"});
  REQUIRE(mux.receive({0, 3, 1}));
  CHECK(mux.take_events().empty());
  CHECK(mux.take_frames().empty());
  REQUIRE(mux.receive(open_message(1, 7))); // and opens it again
  CHECK(mux.take_events() == texts{"request 7 ab"});
}

TEST_CASE("a Close of a request is answered with Reject, so that the id can be used again") {
  plain_mux mux;
  REQUIRE(mux.receive(open_message(1, 7)));
  auto channel = mux.channel_of(7);
  REQUIRE(mux.receive({0, 3, 1}));
  CHECK(mux.take_frames() == std::vector<bytes>{{0, 0, 0, 2, 2, 1}});
  CHECK(mux.take_events() == texts{"request 7 ab", "end 7 closed"});
  mux.mux.reject(channel); // too late, harmless
  CHECK(mux.take_frames().empty());
}

TEST_CASE("after our Close late messages and a crossing Close are ignored, and both ids are free") {
  plain_mux mux;
  auto channel = mux.wish(7);
  REQUIRE(mux.receive(open_message(1, 7)));
  mux.take_events();
  mux.take_frames();
  mux.mux.close(channel);
  CHECK(mux.take_frames() == std::vector<bytes>{{0, 0, 0, 2, 3, 1}});
  REQUIRE(mux.receive({1, 0, 1, 2, 3}));
  REQUIRE(mux.receive({0, 3, 1}));
  CHECK(mux.take_events().empty());
  REQUIRE(mux.receive(open_message(1, 7)));
  CHECK(mux.take_events() == texts{"request 7 ab"});
}

TEST_CASE("closing before the answer keeps the id until the answer is here") {
  plain_mux mux;
  auto channel = mux.wish(7);
  mux.take_frames();
  mux.mux.close(channel);
  CHECK(mux.mux.state_of(channel) == channel_state::over);
  CHECK(mux.take_frames().empty());
  CHECK(mux.wish_id(8) == 2);
  mux.take_frames();
  SECTION("rejected") {
    REQUIRE(mux.receive({0, 2, 1}));
    CHECK(mux.take_events().empty());
    CHECK(mux.take_frames().empty());
    CHECK(mux.wish_id(9) == 1);
  }
  SECTION("opened") {
    REQUIRE(mux.receive(open_message(1, 7)));
    CHECK(mux.take_events().empty());
    CHECK(mux.take_frames() == std::vector<bytes>{{0, 0, 0, 2, 3, 1}});
    REQUIRE(mux.receive({1, 0, 1}));
    CHECK(mux.take_events().empty());
    CHECK(mux.wish_id(9) == 1);
    REQUIRE(mux.receive(open_message(1, 7))); // freed on the remote's side as well
  }
  SECTION("wished again") {
    auto again = mux.mux.open(core(7));
    CHECK(again != channel);
    CHECK(mux.mux.state_of(again) == channel_state::opening);
    REQUIRE(mux.receive(open_message(1, 7)));
    CHECK(mux.take_events() == texts{"open 7 ab"});
    CHECK(mux.take_frames().empty());
  }
}

TEST_CASE("a second Open for a core is rejected while the first is waiting or open") {
  plain_mux mux;
  REQUIRE(mux.receive(open_message(1, 7)));
  REQUIRE(mux.receive(open_message(2, 7)));
  CHECK(mux.take_frames() == std::vector<bytes>{{0, 0, 0, 2, 2, 2}});
  REQUIRE(mux.mux.announce(mux.channel_of(7), {}));
  mux.take_frames();
  REQUIRE(mux.receive(open_message(2, 7)));
  CHECK(mux.take_frames() == std::vector<bytes>{{0, 0, 0, 2, 2, 2}});
  CHECK(mux.take_events() == texts{"request 7 ab"});
}

TEST_CASE("messages before the answer are kept in order, and dropped by a reject") {
  plain_mux other;
  REQUIRE(other.receive(open_message(1, 7)));
  REQUIRE(other.receive({1, 0, 5}));
  REQUIRE(other.receive({0, 0, 1, 2, 3, 6, 1, 4}));
  other.take_events();
  auto channel = other.channel_of(7);
  SECTION("accepted") {
    REQUIRE(other.mux.announce(channel, {}));
    REQUIRE(other.mux.deliver_held(channel, other));
    CHECK(other.take_events() == texts{"message 7 0 05", "message 7 3 06", "message 7 4 "});
  }
  SECTION("rejected") {
    other.mux.reject(channel);
    REQUIRE(other.receive(open_message(1, 7)));
    other.take_events();
    REQUIRE(other.mux.announce(other.channel_of(7), {}));
    REQUIRE(other.mux.deliver_held(other.channel_of(7), other));
    CHECK(other.take_events().empty());
  }
}

TEST_CASE("what is kept for unanswered channels is bounded, and the bound is per connection") {
  plain_mux mux;
  for (std::uint8_t i = 1; i <= 3; ++i)
    REQUIRE(mux.receive(open_message(i, i)));
  bytes large(limits::message_bytes_max, 0);
  large[0] = 1;
  REQUIRE(mux.receive(large));
  mux.mux.reject(mux.channel_of(1)); // gives its share back
  for (std::uint8_t i : {2, 2, 3}) {
    large[0] = i;
    REQUIRE(mux.receive(large));
  }
  REQUIRE(mux.receive(bytes(limits::message_bytes_max - 1000, 2)));
  refuse(mux, large, ec::limit_exceeded);
}

TEST_CASE("batches switch channels and carry control messages") {
  plain_mux mux;
  mux.wish(1);
  mux.wish(2);
  auto first = open_message(1, 1);
  auto second = open_message(2, 2);
  first.erase(first.begin()); // without the channel
  second.erase(second.begin());
  auto size = static_cast<std::uint8_t>(first.size());
  REQUIRE(mux.receive(join({{0, 0, 0, size}, first, {0, 1, 2, 3, 9, 0, 0, size}, second, {0, 2, 1, 4, 0, 1, 1, 5}})));
  CHECK(mux.take_events() == texts{"open 1 ab", "message 1 3 09", "open 2 ab", "message 2 4 ", "message 1 5 "});
}

TEST_CASE("batches that do not add up, and batches in batches, are refused") {
  plain_mux mux;
  refuse(mux, {0, 0}, ec::decoding_failed);
  refuse(mux, {0, 0, 1, 3, 1, 1}, ec::decoding_failed);
  refuse(mux, {0, 0, 1, 0}, ec::decoding_failed);
  refuse(mux, {0, 0, 1, 0xfd, 1}, ec::decoding_failed);
  refuse(mux, {0, 0, 0, 4, 0, 1, 1, 0});
  refuse(mux, {0, 0, 0, 7, 0, 0, 4, 0, 0, 1, 0});
}

TEST_CASE("frames that mean nothing are ignored, truncated ones are not") {
  plain_mux mux;
  REQUIRE(mux.receive({}));
  REQUIRE(mux.receive({0, 4}));
  REQUIRE(mux.receive({0, 0xfd, 1, 1, 2, 3}));
  REQUIRE(mux.receive({5, 0, 1}));
  REQUIRE(mux.receive({5}));
  refuse(mux, {0}, ec::decoding_failed);
  refuse(mux, {0xfd, 1}, ec::decoding_failed);
  refuse(mux, {0, 1, 1, 200, 1}, ec::decoding_failed);
}

TEST_CASE("more channels than the limit are not opened") {
  plain_mux mux;
  discovery_key key;
  for (std::uint32_t i = 0; i < limits::channels_per_connection_max; ++i) {
    std::memcpy(key.data.data() + 28, &i, 4);
    REQUIRE(mux.mux.open(key) != 0);
  }
  key.data[0] = 1;
  CHECK(mux.mux.open(key) == 0);
}

TEST_CASE("the remote cannot open more channels than the limit") {
  plain_mux mux;
  discovery_key key;
  for (std::uint32_t i = 0; i < limits::channels_per_connection_max; ++i) {
    std::memcpy(key.data.data() + 28, &i, 4);
    REQUIRE(mux.receive(open_message(i + 1, key.view())));
  }
  key.data[0] = 1;
  refuse(mux, open_message(limits::channels_per_connection_max + 1, key.view()), ec::limit_exceeded);
}

TEST_CASE("whatever frames arrive, the multiplexer answers with an error or goes on") {
  rc::prop("garbage", [] {
    plain_mux mux;
    mux.wish(1);
    mux.wish(2);
    auto count = *rc::gen::inRange(1, 40);
    for (int i = 0; i < count; ++i) {
      bytes frame;
      switch (*rc::gen::inRange(0, 6)) {
      case 0:
        frame = open_message(static_cast<std::uint64_t>(*rc::gen::inRange(0, 5)),
                             static_cast<std::uint8_t>(*rc::gen::inRange(1, 5)));
        break;
      case 1:
        frame = {0, static_cast<std::uint8_t>(*rc::gen::inRange(2, 4)),
                 static_cast<std::uint8_t>(*rc::gen::inRange(0, 5))};
        break;
      case 2:
        frame = {static_cast<std::uint8_t>(*rc::gen::inRange(1, 5)), 3, 1};
        break;
      case 3:
        mux.mux.close(mux.channel_of(static_cast<std::uint8_t>(*rc::gen::inRange(1, 5))));
        break;
      case 4:
        mux.settle(static_cast<std::uint8_t>(*rc::gen::inRange(1, 5)));
        break;
      default:
        frame = *rc::gen::arbitrary<bytes>();
      }
      if (!mux.receive(frame))
        break;
      (void)mux.take_frames();
    }
  });
}

TEST_CASE("neighbours share a frame up to the limit, large messages travel alone") {
  plain_mux mux;
  auto channel = mux.wish(1);
  REQUIRE(mux.receive(open_message(1, 1)));
  mux.take_frames();
  mux.send(channel, 0, bytes(10, 1));
  mux.send(channel, 1, bytes(batch_bytes_max, 2));
  mux.send(channel, 2, bytes(40000, 3));
  mux.send(channel, 3, bytes(40000, 4));
  mux.send(channel, 4, bytes(10, 5));
  auto frames = mux.take_frames();
  REQUIRE(frames.size() == 4);
  CHECK(frames[0] == join({{0, 0, 1, 11, 0}, bytes(10, 1)}));
  CHECK(frames[1] == join({{1, 1}, bytes(batch_bytes_max, 2)}));
  CHECK(frames[2] == join({{0, 0, 1, 0xfd, 0x41, 0x9c, 2}, bytes(40000, 3)}));
  CHECK(frames[3] == join({{0, 0, 1, 0xfd, 0x41, 0x9c, 3}, bytes(40000, 4), {11, 4}, bytes(10, 5)}));
}

TEST_CASE("no batch outgrows its limit, whatever the sizes") {
  rc::prop("batch sizes", [] {
    plain_mux mux;
    auto one = mux.wish(1);
    auto two = mux.wish(2);
    RC_ASSERT(mux.receive(open_message(1, 1)).has_value());
    RC_ASSERT(mux.receive(open_message(2, 2)).has_value());
    (void)mux.take_frames();
    std::size_t sent = 0;
    for (int i = 0; i < 30; ++i) {
      auto near = static_cast<std::size_t>(*rc::gen::inRange(0, 60));
      auto size = *rc::gen::arbitrary<bool>() ? near * 100 : batch_bytes_max - near;
      mux.send(*rc::gen::arbitrary<bool>() ? one : two, 0, bytes(size, 0));
      sent += size;
    }
    std::size_t arrived = 0;
    for (const auto& frame : mux.take_frames()) {
      bool is_batch = frame[0] == 0;
      RC_ASSERT(!is_batch || frame.size() <= batch_bytes_max);
      arrived += frame.size();
    }
    RC_ASSERT(arrived >= sent);
    RC_ASSERT(arrived < sent + 30 * 16);
  });
}
