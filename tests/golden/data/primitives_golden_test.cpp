#include <catch2/catch.hpp>

#include "base/crypto.hpp"
#include "log/hashes.hpp"
#include "tests/golden/data/vectors.hpp"

using namespace corestore;
using golden::hex;
using golden::json;
using golden::number;
using golden::vectors;

namespace {

/// Runs `write` and `read` over every vector of an encoding.
template <class Write, class Read>
void check_encoding(const char* name, Write write, Read read) {
  const auto& group = vectors()["encodings"][name];
  REQUIRE_FALSE(group.empty());
  for (const auto& one : group) {
    INFO(name << " " << one.dump());
    bytes encoded;
    compact::writer target{encoded};
    write(target, one["value"]);
    CHECK(encoded == hex(one["encoded"]));
    compact::reader source{encoded};
    CHECK(read(source, one["value"]));
    CHECK_FALSE(source.failed());
    CHECK(source.left() == 0);
    for (std::size_t cut = 0; cut < encoded.size(); ++cut) {
      compact::reader torn{byte_view{encoded}.first(cut)};
      read(torn, one["value"]);
      CHECK(torn.failed());
    }
  }
}

} // namespace

TEST_CASE("integers have the bytes of the reference") {
  check_encoding(
    "uint", [](auto& target, const json& value) { target.uint(number(value)); },
    [](auto& source, const json& value) { return source.uint() == number(value); });
  check_encoding(
    "uint32", [](auto& target, const json& value) { target.uint32(static_cast<std::uint32_t>(number(value))); },
    [](auto& source, const json& value) { return source.uint32() == number(value); });
  check_encoding(
    "uint64", [](auto& target, const json& value) { target.uint64(number(value)); },
    [](auto& source, const json& value) { return source.uint64() == number(value); });
  check_encoding(
    "bool", [](auto& target, const json& value) { target.byte(value.get<bool>() ? 1 : 0); },
    [](auto& source, const json& value) { return (source.byte() == 1) == value.get<bool>(); });
}

TEST_CASE("byte strings and texts have the bytes of the reference") {
  auto read_buffer = [](auto& source, const json& value) {
    return to_bytes(source.buffer()) == (value.is_null() ? bytes{} : hex(value));
  };
  check_encoding(
    "buffer", [](auto& target, const json& value) { target.buffer(hex(value)); }, read_buffer);
  check_encoding(
    "optionalBuffer", [](auto& target, const json& value) { target.buffer(value.is_null() ? bytes{} : hex(value)); },
    read_buffer);
  check_encoding(
    "string", [](auto& target, const json& value) { target.string(value.get<std::string>()); },
    [](auto& source, const json& value) { return source.string() == value.get<std::string>(); });
  check_encoding(
    "fixed32", [](auto& target, const json& value) { target.raw(hex(value)); },
    [](auto& source, const json& value) {
      hash32 hash;
      source.fixed(hash);
      return to_bytes(hash.view()) == hex(value);
    });
}

TEST_CASE("arrays and tree nodes have the bytes of the reference") {
  check_encoding(
    "uintArray",
    [](auto& target, const json& value) {
      target.uint(value.size());
      for (const auto& one : value)
        target.uint(number(one));
    },
    [](auto& source, const json& value) {
      std::vector<std::uint64_t> read;
      auto count = source.array(1);
      for (std::size_t i = 0; i < count && !source.failed(); ++i)
        read.push_back(source.uint());
      return read == value.get<std::vector<std::uint64_t>>();
    });
  check_encoding(
    "node", [](auto& target, const json& value) { log::write_node(target, golden::node(value)); },
    [](auto& source, const json& value) { return log::read_node(source) == golden::node(value); });
}

TEST_CASE("ids are written and read as the reference does") {
  const auto& ids = vectors()["ids"];
  for (const auto& one : ids["valid"]) {
    auto key = golden::fixed<core_key>(one["key"]);
    CHECK(text::to_z32(key.view()) == one["z32"].get<std::string>());
    CHECK(text::parse_key<core_key>(one["z32"].get<std::string>()) == key);
  }
  for (const auto& one : ids["acceptedForms"])
    CHECK(text::parse_key<core_key>(one["input"].get<std::string>()) == golden::fixed<core_key>(one["key"]));
  for (const auto& one : ids["invalid"]) {
    auto parsed = text::parse_key<core_key>(one["input"].get<std::string>());
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code == ec::bad_argument);
  }
  for (const auto& one : ids["z32"]) {
    CHECK(text::to_z32(hex(one["bytes"])) == one["text"].get<std::string>());
    CHECK(text::from_z32(one["text"].get<std::string>()) == hex(one["bytes"]));
  }
}

TEST_CASE("domain constants are those of the reference") {
  const auto& group = vectors()["crypto"]["namespaces"];
  auto is = [](byte_view ours, const json& theirs) {
    return to_bytes(ours) == hex(theirs);
  };
  CHECK(is(log::tree_domain().view(), group["hypercore"]["TREE"]));
  CHECK(is(log::initiator_domain().view(), group["hypercore"]["REPLICATE_INITIATOR"]));
  CHECK(is(log::responder_domain().view(), group["hypercore"]["REPLICATE_RESPONDER"]));
  CHECK(is(log::manifest_domain().view(), group["hypercore"]["MANIFEST"]));
  CHECK(is(log::default_namespace().view(), group["hypercore"]["DEFAULT_NAMESPACE"]));
  CHECK(is(log::domain_constant("hypercore", 5).view(), group["hypercore"]["DEFAULT_ENCRYPTION"]));
  CHECK(is(log::derivation_domain().view(), group["corestore"]["NS"]));
  for (const auto& one : group["custom"])
    for (std::size_t i = 0; i < one["values"].size(); ++i)
      CHECK(is(log::domain_constant(one["name"].get<std::string>(), static_cast<std::uint8_t>(i)).view(),
               one["values"][i]));
}

TEST_CASE("leaf, parent and root hashes are those of the reference") {
  const auto& group = vectors()["crypto"];
  for (const auto& one : group["hash"]) {
    crypto::blake2b_stream stream;
    for (const auto& part : one["parts"])
      stream.update(hex(part));
    CHECK(stream.finish() == golden::fixed<hash32>(one["hash"]));
  }
  for (const auto& one : group["leaf"])
    CHECK(log::leaf_hash(hex(one["data"])) == golden::fixed<hash32>(one["hash"]));
  for (const auto& one : group["parent"]) {
    log::node expected{number(one["index"]), number(one["size"]), golden::fixed<hash32>(one["hash"])};
    CHECK(log::parent_node(golden::node(one["left"]), golden::node(one["right"])) == expected);
    CHECK(log::parent_node(golden::node(one["right"]), golden::node(one["left"])) == expected);
  }
  for (const auto& one : group["tree"])
    CHECK(log::tree_hash(golden::nodes(one["roots"])) == golden::fixed<hash32>(one["hash"]));
}

TEST_CASE("key pairs, signatures and discovery keys are those of the reference") {
  for (const auto& one : vectors()["crypto"]["keyPair"]) {
    auto pair = crypto::ed25519_key_pair(golden::fixed<key_seed>(one["seed"]));
    CHECK(pair.public_part == golden::fixed<public_key>(one["publicKey"]));
    CHECK(pair.secret_part == golden::fixed<secret_key>(one["secretKey"]));
    CHECK(log::discovery_key_of({pair.public_part.data}) == golden::fixed<discovery_key>(one["discoveryKey"]));
    auto message = hex(one["message"]);
    CHECK(crypto::ed25519_sign(message, pair.secret_part) == golden::fixed<signature64>(one["signature"]));
    CHECK(crypto::ed25519_verify(message, hex(one["signature"]), pair.public_part));
  }
}

TEST_CASE("replication capabilities are those of the reference") {
  for (const auto& one : vectors()["crypto"]["replicationCapability"])
    CHECK(log::capability(hex(one["handshakeHash"]), golden::fixed<core_key>(one["key"]),
                          one["initiator"].get<bool>()) == golden::fixed<hash32>(one["value"]));
}
