#include <catch2/catch.hpp>

#include "log/hashes.hpp"
#include "replication/mux/outbox.hpp"
#include "replication/secret_stream/secret_stream.hpp"
#include "wire_vectors.hpp"

#include "base/compact.hpp"
#include "replication/connection.hpp"
#include "replication/mux/protomux.hpp"

using namespace corestore;
using namespace corestore::replication;
using namespace corestore::replication::testing;
using nlohmann::json;

namespace {

secret_stream_options options_of(const json& vector, const std::string& role) {
  secret_stream_options options;
  options.is_initiator = role == "initiator";
  options.static_keys = key_pair_of(vector["keys"][role + "Static"]);
  options.ephemeral_keys = key_pair_of(vector["keys"][role + "Ephemeral"]);
  for (const auto& event : vector["events"])
    if (event.value("kind", "") == "header" && event["from"] == role)
      options.header = unhex(event["header"]);
  return options;
}

/// One item of a frame as the recording has it.
struct item {
  std::uint64_t channel = 0;
  bytes message; ///< type and payload
};

/// Reads batches independently of the multiplexer.
std::vector<item> items_of(byte_view plain) {
  compact::reader source{plain};
  auto channel = source.uint();
  std::vector<item> items;
  if (channel != 0 || plain[1] != 0) {
    items.push_back({channel, to_bytes(source.rest())});
    return items;
  }
  source.uint();
  channel = source.uint();
  while (source.left() > 0) {
    auto entry = source.buffer();
    if (entry.empty())
      channel = source.uint();
    else
      items.push_back({channel, to_bytes(entry)});
  }
  CHECK(!source.failed());
  return items;
}

/// The payload of an item, made from its recorded fields alone.
bytes payload_of(const json& entry) {
  const auto& fields = entry["fields"];
  bytes payload;
  compact::writer sink{payload};
  if (entry["channel"] != 0) {
    wire::encode(from_fields(entry["name"], fields), payload);
  } else if (entry["name"] == "open") {
    sink.uint(fields["localId"]);
    sink.string(fields["protocol"].get<std::string>());
    sink.buffer(unhex(fields["id"]));
    wire::encode({fields["handshake"]["seeks"], unhex_fixed<hash32>(fields["handshake"]["capability"])}, payload);
  } else {
    sink.uint(fields[entry["name"] == "reject" ? "remoteId" : "localId"]);
  }
  return payload;
}

void check_decoded(const json& event, byte_view plain) {
  auto items = items_of(plain);
  REQUIRE(items.size() == event["items"].size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    const auto& recorded = event["items"][i];
    compact::reader message{items[i].message};
    auto type = message.uint();
    auto payload = message.rest();
    CHECK(items[i].channel == recorded["channel"].get<std::uint64_t>());
    CHECK(type == recorded["type"].get<std::uint64_t>());
    CHECK(to_bytes(payload) == unhex(recorded["body"]));
    if (recorded["channel"] != 0)
      CHECK(to_fields(wire::decode(type, payload).value()) == recorded["fields"]);
    CHECK(payload_of(recorded) == to_bytes(payload));
  }
}

void send_items(const json& event, outbox& out) {
  for (const auto& recorded : event["items"]) {
    auto payload = payload_of(recorded);
    auto& target = event["batch"].get<bool>() ? out.add(recorded["channel"], recorded["type"], payload.size())
                                              : out.add_alone(recorded["channel"], recorded["type"], payload.size());
    target.insert(target.end(), payload.begin(), payload.end());
  }
  out.flush();
}

/// Plays one side of a recorded conversation: everything it sends must be the recorded bytes.
void replay(const json& vector, const std::string& role) {
  INFO(vector["name"] << " as " << role);
  secret_stream stream{options_of(vector, role)};
  bytes output;
  bytes expected;
  outbox out{stream, output};
  REQUIRE(stream.start(output));
  for (const auto& event : vector["events"]) {
    if (!event.contains("raw"))
      continue;
    auto raw = unhex(event["raw"]);
    bool is_data = event["kind"] == "data";
    if (event["from"] == role) {
      expected.insert(expected.end(), raw.begin(), raw.end());
      if (is_data && event.contains("items")) {
        send_items(event, out);
      } else if (is_data) {
        auto start = stream.begin_frame(output);
        auto plain = unhex(event["plain"]);
        output.insert(output.end(), plain.begin(), plain.end());
        stream.finish_frame(output, start);
      }
      REQUIRE(output.size() >= expected.size());
      REQUIRE(std::equal(expected.begin(), expected.end(), output.begin()));
    } else {
      std::span<std::uint8_t> input{raw};
      auto plain = stream.receive(input, output);
      REQUIRE(plain);
      CHECK(input.empty());
      REQUIRE(plain->has_value() == is_data);
      if (is_data) {
        CHECK(to_bytes(**plain) == unhex(event["plain"]));
        if (event.contains("items"))
          check_decoded(event, **plain);
      }
    }
  }
  CHECK(output == expected);
  CHECK(to_bytes(stream.handshake_hash().view()) == unhex(vector["handshake"]["hash"]));
  CHECK(
    stream.remote_key() ==
    key_pair_of(vector["keys"][(role == "initiator" ? "responder" : "initiator") + std::string{"Static"}]).public_part);
}

} // namespace

TEST_CASE("both sides of every recorded conversation are spoken and understood to the byte") {
  const auto& vectors = wire_vectors()["vectors"];
  REQUIRE(vectors.size() == 24);
  for (const auto& vector : vectors) {
    replay(vector, "initiator");
    replay(vector, "responder");
  }
}

TEST_CASE("handshake messages, chaining and stream keys are the recorded ones") {
  for (const auto& vector : wire_vectors()["vectors"]) {
    const auto& keys = vector["keys"];
    noise_xx initiator{true, key_pair_of(keys["initiatorStatic"]), key_pair_of(keys["initiatorEphemeral"])};
    noise_xx responder{false, key_pair_of(keys["responderStatic"]), key_pair_of(keys["responderEphemeral"])};
    for (std::size_t i = 0; i < 3; ++i) {
      auto& writer = i % 2 == 0 ? initiator : responder;
      auto& reader = i % 2 == 0 ? responder : initiator;
      auto message = writer.write().value();
      CHECK(message == unhex(vector["handshake"]["messages"][i]));
      CHECK(reader.read(message));
    }
    CHECK(initiator.sending_key() == unhex_fixed<hash32>(vector["handshake"]["initiatorTx"]));
    CHECK(responder.sending_key() == unhex_fixed<hash32>(vector["handshake"]["initiatorRx"]));
    CHECK(responder.receiving_key() == initiator.sending_key());
    CHECK(initiator.receiving_key() == responder.sending_key());
    CHECK(initiator.handshake_hash() == responder.handshake_hash());
    for (const auto& core : vector.value("cores", json::array()))
      for (bool is_initiator : {true, false})
        CHECK(log::capability(unhex(vector["handshake"]["hash"]), unhex_fixed<core_key>(core["key"]), is_initiator) ==
              unhex_fixed<hash32>(core["capability"][is_initiator ? "initiator" : "responder"]));
  }
}

TEST_CASE("a connection with a wished core begins like the recorded one and hears what was said to it") {
  for (const char* name : {"full", "bitfield", "extension", "resume"}) {
    const auto& vectors = wire_vectors()["vectors"];
    const auto& vector =
      *std::find_if(vectors.begin(), vectors.end(), [&](const json& v) { return v["name"] == name; });
    for (const std::string role : {"initiator", "responder"}) {
      INFO(name << " as " << role);
      auto options = options_of(vector, role);
      connection machine{{options.is_initiator, options.static_keys, 0, 0, options.ephemeral_keys, options.header}, 0};
      auto key = unhex_fixed<core_key>(vector["cores"][0]["key"]);
      auto channel = machine.open(key, log::discovery_key_of(key));
      bytes expected;
      bytes output;
      bool has_opened = false;
      std::vector<connection_event> events;
      json heard = json::array();
      json said = json::array();
      for (const auto& event : vector["events"]) {
        if (!event.contains("raw"))
          continue;
        auto raw = unhex(event["raw"]);
        if (event["from"] == role) {
          if (!has_opened) // up to and including the frame with the Open
            expected.insert(expected.end(), raw.begin(), raw.end());
          has_opened = has_opened || event["kind"] == "data";
          continue;
        }
        REQUIRE(machine.feed(raw, 0, events));
        for (const auto& entry : event.value("items", json::array()))
          if (entry["channel"] != 0)
            said.push_back(entry["fields"]);
      }
      output = machine.take_output();
      CHECK(output == expected);
      REQUIRE(std::holds_alternative<handshake_done>(events.at(0)));
      CHECK(std::get<channel_opened>(events.at(1)).channel == channel);
      CHECK(std::get<channel_opened>(events.at(1)).remote_seeks);
      for (const auto& event : events)
        if (const auto* run = std::get_if<channel_messages>(&event))
          for (const auto& message : run->messages)
            heard.push_back(to_fields(message));
      CHECK(!heard.empty());
      CHECK(heard == said);
    }
  }
}
