#include <catch2/catch.hpp>

#include "log/flat_tree.hpp"
#include "log/hashes.hpp"
#include "log/legacy/keys.hpp"
#include "log/legacy/run_length.hpp"
#include "log/legacy/signing.hpp"
#include "tests/golden/legacy/vectors.hpp"

using namespace corestore;
using namespace corestore::golden::legacy;
namespace legacy = corestore::log::legacy;

TEST_CASE("generation 9 derives the reference's seeds and keys from master keys and names") {
  for (const auto& one : vectors()["derivation"]) {
    INFO(one);
    auto master = fixed<primary_key>(one["masterKey"]);
    auto name = hex(one["name"]);
    CHECK(legacy::seed_of(master, as_text(name)) == fixed<key_seed>(one["seed"]));
    auto pair = legacy::derive_key_pair(master, as_text(name));
    CHECK(pair.public_part == fixed<public_key>(one["publicKey"]));
    CHECK(pair.secret_part == fixed<secret_key>(one["secretKey"]));
    CHECK(legacy::identity_of(pair.public_part).discovery == fixed<discovery_key>(one["discoveryKey"]));
  }
}

TEST_CASE("generation 9 joins namespaces with colons") {
  for (const auto& one : vectors()["namespaces"]) {
    INFO(one);
    std::vector<std::string> chain;
    if (!one["rootName"].is_null())
      chain.push_back(one["rootName"]);
    bool is_plain = true;
    for (const auto& step : one["steps"]) {
      is_plain = is_plain && step.is_string();
      if (step.is_string())
        chain.push_back(step);
      else
        chain.push_back(text::to_hex(hex(step.begin().value()))); // a buffer counts as its hex digits
    }
    auto name = legacy::name_of_default(chain);
    CHECK(name == one["storeName"]);
    auto pair = legacy::derive_key_pair(fixed<primary_key>(one["masterKey"]), name);
    CHECK(pair.public_part == fixed<public_key>(one["defaultPublicKey"]));
  }
}

TEST_CASE("generation 9 hashes, signs and verifies heads as the reference does") {
  const auto& group = vectors()["hashes"];
  auto pair = keys(group["secretKey"]);
  core_key key;
  key.data = pair.public_part.data;
  for (const auto& one : group["leaves"])
    CHECK(log::leaf_hash(hex(one["data"]), log::generation::g9) == fixed<hash32>(one["hash"]));
  for (const auto& one : group["parents"])
    CHECK(log::parent_node(node(one["left"]), node(one["right"]), log::generation::g9).hash ==
          fixed<hash32>(one["hash"]));
  for (const auto& one : group["lengths"]) {
    std::uint64_t length = one["length"];
    INFO("length " << length);
    auto roots = nodes(one["roots"]);
    auto hash = log::tree_hash(roots, log::generation::g9);
    CHECK(hash == fixed<hash32>(one["rootHash"]));
    auto signable = legacy::signable_of(hash, length);
    CHECK(bytes(signable.begin(), signable.end()) == hex(one["signable"]));
    auto signature = legacy::sign(key, roots, length, pair);
    REQUIRE(signature);
    CHECK(*signature == fixed<signature64>(one["signature"]));
    CHECK(legacy::is_signed(key, roots, length, signature->view()));
    CHECK(legacy::is_signed(key, roots, length, hex(one["version8Signature"])));
    CHECK_FALSE(legacy::is_signed(key, roots, length + 1, signature->view()));
  }
}

TEST_CASE("bitfields take the bytes of the reference's run-length coding and come back") {
  for (const auto& one : vectors()["bitfieldRle"]) {
    INFO(one);
    auto plain = hex(one["bytes"]);
    auto encoded = hex(one["encoded"]);
    CHECK(legacy::encode_run_length(plain) == encoded);
    auto decoded = legacy::decode_run_length(encoded, std::size_t{1} << 20U);
    REQUIRE(decoded);
    auto padded = hex(one["decodedPaddedTo4"]);
    decoded->resize(padded.size());
    CHECK(*decoded == padded);
  }
}

TEST_CASE("a region is announced with the bits that the reference announces") {
  for (const auto& one : vectors()["haveReplies"]) {
    INFO(one);
    log::bitfield bits;
    std::uint64_t length = one["length"];
    bits.set({0, length});
    for (std::uint64_t index : one["cleared"])
      bits.clear({index, index + 1});
    auto end = (length + 31) / 32 * 32;
    CHECK(legacy::encode_run_length(legacy::bits_of(bits, {0, end})) == hex(one["bitfield"]));
    auto first = std::min<std::uint64_t>(end, 8192);
    CHECK(legacy::encode_run_length(legacy::bits_of(bits, {0, first})) == hex(one["bitfieldForFirst8192"]));
    auto words = legacy::words_of(legacy::bits_of(bits, {0, end}));
    CHECK(words == bits.words({0, end}));
  }
}

TEST_CASE("run-length coding of strangers is bounded") {
  auto too_long = bytes{0xff, 0xff, 0xff, 0xff, 0xff, 0x01}; // a run of many gigabytes
  CHECK(legacy::decode_run_length(too_long, 1024).error().code == ec::limit_exceeded);
  CHECK(legacy::decode_run_length(bytes{0x08, 1, 2}, 1024).error().code == ec::decoding_failed);
  CHECK(legacy::decode_run_length(bytes{0x80}, 1024).error().code == ec::decoding_failed);
}
