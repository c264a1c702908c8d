#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>

#include "base/compact.hpp"
#include "base/limits.hpp"
#include "base/text.hpp"
#include "log/hashes.hpp"
#include "log/manifest.hpp"
#include "wire_vectors.hpp"

using namespace corestore;
using namespace corestore::replication;
using namespace corestore::replication::testing;

namespace {

bytes encoded(const wire::message& source) {
  bytes target;
  wire::encode(source, target);
  return target;
}

std::uint64_t some_uint() {
  auto bits = *rc::gen::inRange(1, 54);
  return *rc::gen::arbitrary<std::uint64_t>() & ((std::uint64_t{1} << bits) - 1);
}

bytes some_bytes(int size_max) {
  return *rc::gen::container<bytes>(static_cast<std::size_t>(*rc::gen::inRange(0, size_max)),
                                    rc::gen::arbitrary<std::uint8_t>());
}

std::vector<log::node> some_nodes() {
  std::vector<log::node> nodes(static_cast<std::size_t>(*rc::gen::inRange(0, 5)));
  for (auto& node : nodes)
    node = {some_uint(), some_uint(), crypto::blake2b({some_bytes(8)})};
  return nodes;
}

bool some_bool() {
  return *rc::gen::arbitrary<bool>();
}

wire::request some_request() {
  wire::request m{some_uint(), some_uint(), {}, some_uint()};
  if (some_bool())
    m.wanted.block = log::block_request{some_uint(), some_uint()};
  if (some_bool())
    m.wanted.hash = log::hash_request{some_uint(), some_uint()};
  if (some_bool())
    m.wanted.seek = log::seek_request{some_uint(), some_uint()};
  if (some_bool())
    m.wanted.upgrade = log::upgrade_request{some_uint(), some_uint()};
  m.wanted.manifest = some_bool();
  return m;
}

wire::data some_data() {
  wire::data m;
  m.id = some_uint();
  m.content.fork = some_uint();
  if (some_bool())
    m.content.block = log::block_proof{some_uint(), some_bytes(400), some_nodes()};
  if (some_bool())
    m.content.hash = log::hash_proof{some_uint(), some_nodes()};
  if (some_bool())
    m.content.seek = log::seek_proof{some_uint(), some_nodes()};
  if (some_bool())
    m.content.upgrade = log::upgrade_proof{some_uint(), some_uint(), some_nodes(), some_nodes(), some_bytes(100)};
  if (some_bool())
    m.content.manifest = log::encode_manifest(log::default_manifest(public_key{}));
  return m;
}

wire::message some_message() {
  switch (*rc::gen::inRange(0, 10)) {
  case 0:
    return wire::sync{some_uint(), some_uint(), some_uint(), some_bool(),
                      some_bool(), some_bool(), some_bool(), some_bool()};
  case 1:
    return some_request();
  case 2:
    return wire::cancel{some_uint()};
  case 3:
    return some_data();
  case 4:
    return wire::no_data{some_uint(), static_cast<wire::no_data_reason>(*rc::gen::inRange(0, 3))};
  case 5:
    return wire::want{some_uint(), some_uint(), some_bool()};
  case 6:
    return wire::unwant{some_uint(), some_uint(), some_bool()};
  case 7:
    return wire::bitfield{some_uint(), *rc::gen::arbitrary<std::vector<std::uint32_t>>()};
  case 8:
    return wire::range{some_bool(), some_uint(), some_uint()};
  default:
    return wire::extension{some_bool() ? "name" : "", some_bytes(50)};
  }
}

} // namespace

TEST_CASE("every recorded message decodes to its fields, and its fields encode to its bytes") {
  for (const auto& entry : wire_vectors()["encodings"]["messages"]) {
    auto name = entry["message"].get<std::string>();
    auto body = unhex(entry["body"]);
    INFO(name << " " << entry["note"]);
    if (name == "handshake") {
      auto handshake = wire::decode_handshake(body).value();
      CHECK(handshake.seeks == entry["fields"]["seeks"].get<bool>());
      CHECK(handshake.capability == unhex_fixed<hash32>(entry["fields"]["capability"]));
      bytes again;
      wire::encode(handshake, again);
      CHECK(again == body);
      continue;
    }
    auto message = wire::decode(type_of_name(name), body).value();
    CHECK(wire::type_of(message) == type_of_name(name));
    CHECK(to_fields(message) == entry["fields"]);
    auto built = from_fields(name, entry["fields"]);
    CHECK(built == message);
    CHECK(encoded(built) == body);
    CHECK(wire::encoded_size(built) == body.size());
  }
}

TEST_CASE("every recorded manifest decodes to its fields, keeps its bytes, and hashes to its keys") {
  for (const auto& entry : wire_vectors()["encodings"]["manifests"]) {
    INFO(entry["note"]);
    auto body = unhex(entry["body"]);
    CHECK(manifest_fields(body) == entry["fields"]);
    CHECK(manifest_bytes(entry["fields"]) == body);
    auto key = log::key_of(body);
    CHECK(key == unhex_fixed<core_key>(entry["key"]));
    CHECK(log::discovery_key_of(key) == unhex_fixed<discovery_key>(entry["discoveryKey"]));
  }
}

TEST_CASE("whatever is encoded decodes to itself, in the size that was foretold") {
  rc::prop("round trip", [] {
    auto message = some_message();
    auto body = encoded(message);
    RC_ASSERT(wire::encoded_size(message) == body.size());
    RC_ASSERT(wire::decode(wire::type_of(message), body).value() == message);
  });
}

TEST_CASE("no prefix of a message is read past its end, and bytes after it are ignored") {
  rc::prop("truncation", [] {
    auto message = some_message();
    auto type = wire::type_of(message);
    auto body = encoded(message);
    for (std::size_t size = 0; size < body.size(); ++size)
      (void)wire::decode(type, bytes(body.begin(), body.begin() + static_cast<std::ptrdiff_t>(size)));
    bool has_open_end = std::holds_alternative<wire::extension>(message) ||
                        std::holds_alternative<wire::want>(message) || std::holds_alternative<wire::unwant>(message);
    if (!has_open_end) {
      body.insert(body.end(), {1, 2, 3});
      RC_ASSERT(wire::decode(type, body).value() == message);
    }
  });
}

TEST_CASE("garbage is refused or understood, never more") {
  rc::prop("garbage", [] {
    auto type = static_cast<std::uint64_t>(*rc::gen::inRange(0, 12));
    auto decoded = wire::decode(type, some_bytes(200));
    if (!decoded)
      RC_ASSERT(decoded.error().code == ec::decoding_failed);
    else
      RC_ASSERT(wire::type_of(*decoded) == type);
  });
}

TEST_CASE("counts that cannot be true are refused before anything is allocated") {
  auto refuse = [](std::uint64_t type, const char* body) {
    auto decoded = wire::decode(type, text::from_hex(body).value());
    REQUIRE(!decoded);
    CHECK(decoded.error().code == ec::decoding_failed);
  };
  refuse(3, "02010000feffff0f00");           // hash: a million nodes
  refuse(3, "0101000000ff0000000000000010"); // a value of 2^60 bytes
  refuse(3, "01010000feffffff7f00");         // a value of 2 GiB
  refuse(7, "00feffffff3f00000000");         // 2^30 words
  refuse(9, "fe00000001");                   // a name of 16 MiB
  refuse(3, "10010002ff");                   // a manifest of nothing
  refuse(2, "ff0000000000002000");           // 2^53
}

TEST_CASE("early forms without trailing flags are understood") {
  CHECK(wire::decode(4, bytes{3}).value() == wire::message{wire::no_data{3, wire::no_data_reason::none}});
  CHECK(wire::decode(4, bytes{3, 1, 9}).value() == wire::message{wire::no_data{3, wire::no_data_reason::none}});
  CHECK(wire::decode(5, bytes{1, 2, 0}).value() == wire::message{wire::want{1, 2, false}});
}

TEST_CASE("a decoded value does not point into the frame") {
  wire::data source;
  source.content.block = log::block_proof{7, bytes{1, 2, 3}, {}};
  auto body = encoded(source);
  auto message = wire::decode(3, body).value();
  std::fill(body.begin(), body.end(), std::uint8_t{0xee});
  CHECK(std::get<wire::data>(message).content.block->value == shared_bytes{bytes{1, 2, 3}});
}
