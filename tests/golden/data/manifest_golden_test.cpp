#include <catch2/catch.hpp>

#include "log/namespaces.hpp"
#include "log/signable.hpp"
#include "log/verifier.hpp"
#include "tests/golden/data/vectors.hpp"

using namespace corestore;
using golden::hex;
using golden::json;
using golden::number;
using golden::vectors;

namespace {

/// A head of which only the tree hash matters has no roots to compute it from, so heads come from blocks.
log::tree_batch tree_of(const json& blocks, std::uint64_t length) {
  log::tree_batch batch;
  for (std::uint64_t i = 0; i < length; ++i)
    REQUIRE(batch.append(hex(blocks[i])));
  return batch;
}

} // namespace

TEST_CASE("manifests are encoded, decoded and hashed as the reference does") {
  for (const auto& one : vectors()["manifests"]["list"]) {
    INFO(one["name"]);
    auto manifest = golden::manifest(one["manifest"]);
    auto encoded = hex(one["encoded"]);
    CHECK(log::encode_manifest(manifest) == encoded);
    CHECK(log::decode_manifest(encoded) == golden::manifest(one["decodesTo"]));
    CHECK(log::validate(manifest));
    auto key = log::key_of(encoded);
    CHECK(key == golden::fixed<core_key>(one["key"]));
    CHECK(text::to_z32(key.view()) == one["id"].get<std::string>());
    CHECK(log::discovery_key_of(key) == golden::fixed<discovery_key>(one["discoveryKey"]));
    CHECK(log::is_compat(key, manifest) == one["isCompat"].get<bool>());
    CHECK(log::belongs_to(key, encoded, manifest));
    for (std::size_t cut = 0; cut < encoded.size(); ++cut)
      CHECK_FALSE(log::decode_manifest(byte_view{encoded}.first(cut)));
    auto longer = encoded;
    longer.push_back(7);
    std::size_t consumed = 0;
    CHECK(log::decode_manifest(longer, &consumed) == manifest);
    CHECK(consumed == encoded.size());
  }
}

TEST_CASE("a compat core is recognised by its key") {
  const auto& compat = vectors()["manifests"]["compat"];
  auto encoded = hex(compat["manifest"]);
  auto manifest = log::decode_manifest(encoded).value();
  auto key = golden::fixed<core_key>(compat["key"]);
  CHECK(log::is_compat(key, manifest));
  CHECK(log::belongs_to(key, encoded, manifest));
  CHECK(log::default_manifest(golden::fixed<public_key>(compat["publicKey"])) == manifest);
  CHECK(log::key_of(encoded) == golden::fixed<core_key>(compat["keyOfSameManifestWhenNotCompat"]));
}

TEST_CASE("manifests that the reference rejects are rejected") {
  std::vector<std::string> names;
  for (const auto& one : vectors()["manifests"]["rejected"])
    names.push_back(one["name"].get<std::string>());
  auto base = log::default_manifest(test::test_keys().public_part);
  auto is_rejected = [](const log::manifest& candidate) {
    auto status = log::validate(candidate);
    return !status && status.error().code == ec::bad_argument;
  };
  auto is_listed = [&](const char* name) {
    return std::count(names.begin(), names.end(), name) == 1;
  };
  REQUIRE(is_listed("quorum above signer count"));
  auto greedy = base;
  greedy.quorum = 2;
  CHECK(is_rejected(greedy));
  REQUIRE(is_listed("userData in v1"));
  auto talkative = base;
  talkative.user_data = bytes{1};
  CHECK(is_rejected(talkative));
  REQUIRE(is_listed("linked in v1"));
  auto linked = base;
  linked.linked = std::vector<core_key>(1);
  CHECK(is_rejected(linked));
  REQUIRE(is_listed("unknown signature type")); // these two cannot be expressed in our type, only in bytes
  auto encoded = log::encode_manifest(base);
  encoded[5] = 1;
  CHECK_FALSE(log::decode_manifest(encoded));
  REQUIRE(is_listed("unknown hash"));
  encoded = log::encode_manifest(base);
  encoded[2] = 1;
  CHECK_FALSE(log::decode_manifest(encoded));
}

TEST_CASE("signables have the bytes of the reference") {
  for (const auto& one : vectors()["signables"]) {
    auto hash = golden::fixed<hash32>(one["treeHash"]);
    auto length = number(one["length"]);
    auto fork = number(one["fork"]);
    CHECK(to_bytes(log::signable_of(hex(one["context"]), hash, length, fork)) == hex(one["signable"]));
    CHECK(to_bytes(log::compat_signable_of(hash, length, fork)) == hex(one["compat"]));
    CHECK(to_bytes(log::legacy_signable_of(hash, length, fork)) == hex(one["compatNoHeader"]));
  }
}

TEST_CASE("every kind of core signs as the reference does") {
  for (const auto& one : vectors()["signatures"]) {
    INFO(one["kind"]);
    auto keys = golden::keys(one["secretKey"]);
    auto encoded = hex(one["manifest"]);
    auto manifest = log::decode_manifest(encoded).value();
    auto hash = golden::fixed<hash32>(one["treeHash"]);
    auto length = number(one["length"]);
    auto fork = number(one["fork"]);
    bytes signable;
    if (one["kind"] == "compat")
      signable = to_bytes(log::compat_signable_of(hash, length, fork));
    else if (one["kind"] == "compat legacy")
      signable = to_bytes(log::legacy_signable_of(hash, length, fork));
    else if (one["kind"] == "v0")
      signable = to_bytes(log::signable_of(manifest.signers[0].name_space.view(), hash, length, fork));
    else
      signable = to_bytes(log::signable_of(golden::fixed<core_key>(one["key"]).view(), hash, length, fork));
    CHECK(signable == hex(one["signable"]));
    auto raw = crypto::ed25519_sign(signable, keys.secret_part);
    if (manifest.version == 0 || log::is_compat(golden::fixed<core_key>(one["key"]), manifest))
      CHECK(to_bytes(raw.view()) == hex(one["signature"]));
    else
      CHECK(log::encode_multi_signature({{{0, raw, 0}}, {}}, manifest.version, length) == hex(one["signature"]));
  }
}

TEST_CASE("multi-signatures are accepted and refused as by the reference") {
  for (const auto& one : vectors()["multisig"]) {
    auto encoded = hex(one["encodedManifest"]);
    auto manifest = log::decode_manifest(encoded).value();
    CHECK(manifest == golden::manifest(one["manifest"]));
    auto key = golden::fixed<core_key>(one["key"]);
    CHECK(log::key_of(encoded) == key);
    auto head = tree_of(one["blocks"], number(one["length"])).head(number(one["fork"]), {});
    CHECK(log::tree_hash(head.roots) == golden::fixed<hash32>(one["treeHash"]));
    for (const auto& test : one["cases"]) {
      INFO("version " << one["version"] << " patches " << one["allowPatch"] << ": " << test["name"]);
      head.signature = hex(test["signature"]);
      auto applying = manifest;
      auto applying_encoded = encoded;
      if (test["name"] == "1 and 2, patches not allowed") {
        applying.allow_patch = false;
        applying_encoded = log::encode_manifest(applying);
      }
      CHECK(log::is_signed(key, applying, applying_encoded, head) == test["verifies"].get<bool>());
      head.signature.push_back(0);
      CHECK(log::is_signed(key, applying, applying_encoded, head) == test["verifies"].get<bool>());
    }
  }
}

TEST_CASE("multi-signatures are assembled as by the reference") {
  for (const auto& one : vectors()["multisig"]) {
    auto encoded = hex(one["encodedManifest"]);
    auto manifest = log::decode_manifest(encoded).value();
    auto key = golden::fixed<core_key>(one["key"]);
    auto lengths = one["signedLengths"].get<std::vector<std::uint64_t>>();
    if (manifest.allow_patch)
      CHECK(log::signable_length(lengths, manifest.quorum) == number(one["length"]));
    auto length = number(one["length"]);
    for (const auto& test : one["cases"]) {
      auto name = test["name"].get<std::string>();
      INFO("version " << one["version"] << " patches " << one["allowPatch"] << ": " << name);
      if (!test["verifies"].get<bool>())
        continue;
      std::vector<log::contribution> parts;
      for (auto signer : test["signers"].get<std::vector<std::uint64_t>>()) {
        auto signed_length = manifest.allow_patch ? lengths[signer] : length;
        auto batch = tree_of(one["blocks"], signed_length);
        auto pair = golden::keys(one["secretKeys"][signer]);
        auto raw = log::sign(key, manifest, encoded, batch.head(number(one["fork"]), {}), pair).value();
        log::contribution part;
        part.part = {signer, signature64::from(raw).value(), signed_length - length};
        for (auto index : log::flat_tree::needed_nodes(length, signed_length))
          part.nodes.push_back(*std::find_if(batch.added().begin(), batch.added().end(),
                                             [&](const log::node& node) { return node.index == index; }));
        parts.push_back(part);
      }
      auto assembled = log::encode_multi_signature(log::assemble(parts), manifest.version, length);
      CHECK(assembled == hex(test["signature"]));
    }
    const auto& example = one["decodedExample"];
    auto decoded = log::decode_multi_signature(hex(example["signature"]), manifest.version).value();
    REQUIRE(decoded.parts.size() == example["proofs"].size());
    for (std::size_t i = 0; i < decoded.parts.size(); ++i) {
      CHECK(decoded.parts[i].signer == number(example["proofs"][i]["signer"]));
      CHECK(decoded.parts[i].signature == golden::fixed<signature64>(example["proofs"][i]["signature"]));
    }
    CHECK(log::encode_multi_signature(decoded, manifest.version, length) == hex(example["signature"]));
  }
}

TEST_CASE("a store derives the keys of the reference") {
  for (const auto& store : vectors()["corestore"]) {
    auto primary = golden::fixed<primary_key>(store["primaryKey"]);
    for (const auto& one : store["entries"]) {
      namespace_id name_space;
      for (const auto& link : one["namespaceChain"]) {
        auto name = link.contains("text") ? to_bytes(link["text"].get<std::string>()) : hex(link.begin().value());
        name_space = log::child_namespace(name_space, name);
      }
      CHECK(name_space == golden::fixed<namespace_id>(one["namespace"]));
      auto name = one["name"].get<std::string>();
      CHECK(log::seed_of(primary, name_space, name) == golden::fixed<key_seed>(one["seed"]));
      auto pair = log::derive_key_pair(primary, name_space, name);
      CHECK(pair.public_part == golden::fixed<public_key>(one["publicKey"]));
      CHECK(pair.secret_part == golden::fixed<secret_key>(one["secretKey"]));
      auto identity = log::identity_of(pair.public_part);
      CHECK(identity.manifest == hex(one["manifest"]));
      CHECK(identity.key == golden::fixed<core_key>(one["key"]));
      CHECK(identity.discovery == golden::fixed<discovery_key>(one["discoveryKey"]));
      CHECK(log::identity_of(pair.public_part, 2).key == golden::fixed<core_key>(one["keyIfManifestV2"]));
      CHECK(log::identity_of(pair.public_part, 0).key == golden::fixed<core_key>(one["keyIfManifestV0"]));
      CHECK(log::discovery_key_of({pair.public_part.data}) ==
            golden::fixed<discovery_key>(one["discoveryKeyIfCompat"]));
    }
  }
}
