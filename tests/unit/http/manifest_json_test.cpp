#include "http/manifest_json.hpp"

#include <catch2/catch.hpp>

#include "base/text.hpp"
#include "log/hashes.hpp"
#include "log/manifest.hpp"

using namespace corestore;
using namespace corestore::http;
using nlohmann::json;

namespace {

const std::string hex_a(64, 'a');
const std::string hex_b(64, 'b');

public_key key_of(const std::string& hex) {
  return *public_key::from(*text::from_hex(hex));
}

std::string reason(const json& value) {
  auto read = read_manifest(value);
  REQUIRE_FALSE(read.has_value());
  CHECK(read.error().code == ec::bad_argument);
  return read.error().detail;
}

} // namespace

TEST_CASE("one signer gives the default manifest") {
  CHECK(read_manifest({{"signers", {{{"publicKey", hex_a}}}}}).value() ==
        log::encode_manifest(log::default_manifest(key_of(hex_a))));
  CHECK(read_manifest({{"version", 1},
                       {"hash", "blake2b"},
                       {"quorum", 1},
                       {"allowPatch", false},
                       {"prologue", nullptr},
                       {"signers", {{{"signature", "ed25519"}, {"publicKey", hex_a}}}}})
          .value() == log::encode_manifest(log::default_manifest(key_of(hex_a))));
}

TEST_CASE("several signers need a majority unless told otherwise") {
  json value{{"signers", {{{"publicKey", hex_a}}, {{"publicKey", hex_b}, {"namespace", hex_b}}}}, {"allowPatch", true}};
  auto decoded = log::decode_manifest(read_manifest(value).value()).value();
  CHECK(decoded.quorum == 2);
  CHECK(decoded.allow_patch);
  CHECK(decoded.signers.at(0).name_space == log::default_namespace());
  CHECK(decoded.signers.at(1).name_space.data == key_of(hex_b).data);
  value["quorum"] = 1;
  CHECK(log::decode_manifest(read_manifest(value).value()).value().quorum == 1);
}

TEST_CASE("a prologue and the fields of version 2 are taken over") {
  json value{{"version", 2}, {"prologue", {{"hash", hex_a}, {"length", 5}}}, {"linked", {hex_b}}, {"userData", "0102"}};
  auto decoded = log::decode_manifest(read_manifest(value).value()).value();
  CHECK(decoded.quorum == 0);
  CHECK(decoded.beginning->length == 5);
  CHECK(decoded.linked->size() == 1);
  CHECK(*decoded.user_data == bytes{1, 2});
}

TEST_CASE("encoded bytes come in base64") {
  auto encoded = log::encode_manifest(log::default_manifest(key_of(hex_a)));
  CHECK(read_manifest(text::to_base64(encoded)).value() == encoded);
  encoded.push_back(0);
  CHECK(reason(text::to_base64(encoded)).find("no encoded manifest") != std::string::npos);
}

TEST_CASE("a manifest with a mistake is refused by its field") {
  CHECK(reason(5).find("neither") != std::string::npos);
  CHECK(reason("!").find("base64") != std::string::npos);
  CHECK(reason({{"version", 3}}).find("version") != std::string::npos);
  CHECK(reason({{"hash", "sha256"}}).find("blake2b") != std::string::npos);
  CHECK(reason({{"signers", {{{"publicKey", "aa"}}}}}).find("publicKey") != std::string::npos);
  CHECK(reason({{"signers", {{{"publicKey", hex_a}, {"signature", "rsa"}}}}}).find("ed25519") != std::string::npos);
  CHECK(reason({{"signers", {json::object()}}}).find("publicKey") != std::string::npos);
  CHECK(reason({{"signers", {{{"publicKey", hex_a}}}}, {"quorum", 2}}).find("quorum") != std::string::npos);
  CHECK(reason({{"userData", "00"}}).find("version 2") != std::string::npos);
  CHECK(reason({{"prologue", {{"hash", hex_a}}}}).find("prologue") != std::string::npos);
}
