#include <catch2/catch.hpp>

#include <map>

#include "base/varint.hpp"
#include "replication/dialect.hpp"
#include "replication/legacy/codec.hpp"
#include "replication/legacy/handshake.hpp"
#include "tests/golden/legacy/vectors.hpp"

using namespace corestore;
using namespace corestore::golden::legacy;
namespace legacy = corestore::replication::legacy;

namespace {

crypto::x25519_pair pair_of(const json& secret) {
  return crypto::x25519_key_pair(fixed<decltype(crypto::x25519_pair::secret_part)>(secret));
}

legacy::handshake handshake_of(const json& side, bool is_initiator) {
  return {is_initiator, pair_of(side["staticSecretKey"]), pair_of(side["ephemeralSecretKey"]),
          fixed<legacy::stream_nonce>(side["nonce"])};
}

legacy::frame only_frame(legacy::frame_reader& reader, const bytes& encoded) {
  reader.push(encoded);
  auto found = reader.next();
  REQUIRE(found);
  REQUIRE(*found);
  return **found;
}

/// A handshake message without the length in front.
byte_view without_length(const bytes& framed) {
  byte_view view = framed;
  auto size = varint::read(view);
  REQUIRE(size == view.size());
  return view;
}

} // namespace

TEST_CASE("the handshake of generation 9 takes the reference's bytes, keys and hash") {
  for (const auto& one : vectors()["noise"]) {
    auto initiator = handshake_of(one["initiator"], true);
    auto responder = handshake_of(one["responder"], false);
    for (const auto& step : one["handshake"]) {
      bool is_ours = step["from"] == "initiator";
      auto message = is_ours ? initiator.write() : responder.write();
      REQUIRE(message);
      CHECK(*message == hex(step["bytes"]));
      REQUIRE((is_ours ? responder : initiator).read(without_length(*message)));
    }
    REQUIRE(initiator.is_done());
    REQUIRE(responder.is_done());
    CHECK(initiator.handshake_hash() == fixed<crypto::hash64>(one["handshakeHash"]));
    CHECK(responder.handshake_hash() == initiator.handshake_hash());
    CHECK(initiator.sending_key() == fixed<hash32>(one["initiatorToResponderKey"]));
    CHECK(responder.sending_key() == fixed<hash32>(one["responderToInitiatorKey"]));
    CHECK(responder.remote_key() == fixed<public_key>(one["initiator"]["staticPublicKey"]));
    const auto& proof = one["capabilityExample"];
    auto key = fixed<core_key>(proof["key"]);
    CHECK(legacy::capability(initiator.sending_key(), initiator.receiving_key(), key) ==
          fixed<hash32>(proof["sentByInitiator"]));
    CHECK(legacy::capability(responder.sending_key(), responder.receiving_key(), key) ==
          fixed<hash32>(proof["sentByResponder"]));
  }
}

TEST_CASE("the keystream is the reference's, in pieces of any size") {
  const auto& one = vectors()["noise"][0];
  auto expected = hex(one["keystreamInitiatorToResponder"]);
  for (std::size_t piece : {1, 7, 64, 100, 1000}) {
    crypto::stream_cipher cipher{hex(one["initiatorToResponderKey"]), hex(one["initiator"]["nonce"])};
    bytes zeros(expected.size());
    for (std::size_t done = 0; done < zeros.size(); done += piece)
      cipher.apply(std::span{zeros}.subspan(done, std::min(piece, zeros.size() - done)));
    CHECK(zeros == expected);
  }
}

TEST_CASE("every kind of frame is read and written as the reference writes it") {
  const std::map<std::string, int> fields_left_out{{"0c170801208180808080808008", 1}, // absent where we write zeros
                                                   {"17110a05616c7068610a04626574610a05c3bc6ec3af1000", 1}};
  for (const auto& one : vectors()["frames"]["encode"]) {
    INFO(one);
    auto encoded = hex(one["frame"]);
    legacy::frame_reader reader;
    auto found = only_frame(reader, encoded);
    CHECK(found.channel == one["channel"]);
    CHECK(found.type == one["type"]);
    auto decoded = legacy::decode(found.type, found.body);
    REQUIRE(decoded);
    REQUIRE(*decoded);
    bytes again;
    legacy::encode(found.channel, **decoded, again);
    if (!fields_left_out.contains(one["frame"]))
      CHECK(text::to_hex(again) == one["frame"]);
    legacy::frame_reader second;
    auto reread = only_frame(second, again);
    auto same = legacy::decode(reread.type, reread.body);
    REQUIRE(same);
    CHECK(**same == **decoded);
  }
}

TEST_CASE("fields that are missing take the reference's defaults") {
  for (const auto& one : vectors()["frames"]["decode"]) {
    INFO(one);
    auto decoded = legacy::decode(one["type"], hex(one["body"]));
    REQUIRE(decoded);
    REQUIRE(*decoded);
    const auto& fields = one["message"];
    if (const auto* m = std::get_if<legacy::status>(&**decoded))
      CHECK((m->uploading == fields["uploading"] && m->downloading == fields["downloading"]));
    else if (const auto* have = std::get_if<legacy::have>(&**decoded))
      CHECK((have->start == fields["start"] && have->length == fields["length"] && !have->bitfield && !have->ack));
    else if (const auto* unhave = std::get_if<legacy::unhave>(&**decoded))
      CHECK((unhave->start == fields["start"] && unhave->length == fields["length"]));
    else if (const auto* want = std::get_if<legacy::want>(&**decoded))
      CHECK((want->start == fields["start"] && want->length == fields["length"]));
    else if (const auto* request = std::get_if<legacy::request>(&**decoded))
      CHECK((request->index == fields["index"] && request->bytes == 0 && !request->hash && request->nodes == 0));
    else if (const auto* data = std::get_if<legacy::data>(&**decoded))
      CHECK((data->index == fields["index"] && data->value.has_value() == !fields["value"].is_null()));
  }
}

TEST_CASE("recorded conversations are decrypted and cut into the recorded frames") {
  for (const auto& one : vectors()["transcripts"]) {
    INFO(one["title"]);
    auto initiator = handshake_of(one["initiator"], true);
    auto responder = handshake_of(one["responder"], false);
    std::map<std::string, bytes> streams{{"initiator", hex(one["bytesFromInitiator"])},
                                         {"responder", hex(one["bytesFromResponder"])}};
    auto exchange = [&](legacy::handshake& from, legacy::handshake& to, bytes& recorded) {
      auto message = from.write();
      REQUIRE(message);
      REQUIRE(recorded.size() >= message->size());
      CHECK(std::equal(message->begin(), message->end(), recorded.begin()));
      REQUIRE(to.read(without_length(*message)));
      recorded.erase(recorded.begin(), recorded.begin() + static_cast<std::ptrdiff_t>(message->size()));
    };
    exchange(initiator, responder, streams["initiator"]);
    exchange(responder, initiator, streams["responder"]);
    exchange(initiator, responder, streams["initiator"]);
    crypto::stream_cipher{initiator.sending_key().view(), initiator.nonce().view()}.apply(streams["initiator"]);
    crypto::stream_cipher{responder.sending_key().view(), responder.nonce().view()}.apply(streams["responder"]);
    std::map<std::string, bytes> expected;
    for (const auto& frame : one["frames"]) {
      auto encoded = hex(frame["frame"]);
      auto& target = expected[frame["from"]];
      target.insert(target.end(), encoded.begin(), encoded.end());
    }
    for (const auto& [side, plain] : streams) {
      CHECK(plain == expected[side]);
      legacy::frame_reader reader;
      bytes again;
      for (auto byte : plain) {
        reader.push(bytes{byte}); // the worst way to be cut
        auto found = reader.next();
        REQUIRE(found);
        if (!*found)
          continue;
        auto decoded = legacy::decode((*found)->type, (*found)->body);
        REQUIRE(decoded);
        legacy::encode((*found)->channel, **decoded, again);
      }
      CHECK(again == plain);
      CHECK(reader.is_between_frames());
    }
  }
}

TEST_CASE("the first bytes of a connection tell its generation") {
  for (const auto& one : vectors()["firstBytes"]["cases"]) {
    INFO(one);
    auto decided = replication::generation_of(hex(one["prefix"]));
    std::string expected = one["generation"];
    if (expected == "legacy")
      CHECK(decided == log::generation::g9);
    else if (expected == "current")
      CHECK(decided == log::generation::g10);
    else if (expected == "undecided")
      CHECK((decided && !*decided));
    else
      CHECK_FALSE(decided);
  }
}
