#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>

#include "base/compact.hpp"
#include "log/change_set.hpp"
#include "log/manifest.hpp"
#include "tests/unit/log/memory_log.hpp"

using namespace corestore;

namespace {

log::manifest any_manifest() {
  log::manifest result;
  result.version = *rc::gen::element<std::uint8_t>(1, 2);
  result.allow_patch = *rc::gen::arbitrary<bool>();
  result.quorum = *rc::gen::inRange<std::uint64_t>(0, 1000);
  result.signers.resize(*rc::gen::inRange<std::size_t>(0, 4));
  for (auto& one : result.signers)
    one.key.data.fill(*rc::gen::arbitrary<std::uint8_t>());
  if (*rc::gen::arbitrary<bool>())
    result.beginning = log::prologue{{}, *rc::gen::inRange<std::uint64_t>(0, 1U << 20U)};
  if (*rc::gen::arbitrary<bool>())
    result.linked = std::vector<core_key>(*rc::gen::inRange<std::size_t>(0, 3));
  if (*rc::gen::arbitrary<bool>())
    result.user_data = *rc::gen::arbitrary<bytes>();
  return result;
}

} // namespace

TEST_CASE("manifests survive their encoding, also with an empty list of links") {
  rc::prop("encode, decode", [] {
    auto manifest = any_manifest();
    auto encoded = log::encode_manifest(manifest);
    auto decoded = log::decode_manifest(encoded);
    RC_ASSERT(decoded.has_value());
    RC_ASSERT(*decoded == manifest);
  });
}

TEST_CASE("any bytes are a manifest or an error") {
  rc::prop("decode", [](const bytes& noise) {
    auto decoded = log::decode_manifest(noise);
    if (!decoded)
      RC_ASSERT(decoded.error().code == ec::decoding_failed);
  });
}

TEST_CASE("unknown versions, types and hashes are refused") {
  CHECK_FALSE(log::decode_manifest(bytes{3}));
  CHECK_FALSE(log::decode_manifest(bytes{}));
  CHECK_FALSE(log::decode_manifest(bytes{0, 0, 3}));
  CHECK_FALSE(log::decode_manifest(bytes{1, 0, 1, 0, 0}));
  CHECK(log::decode_manifest(bytes{1, 0, 0, 0, 0}));
}

TEST_CASE("a huge signer count fails before it is allocated") {
  bytes encoded;
  compact::writer target{encoded};
  target.uint(1);
  target.uint(0);
  target.uint(0);
  target.uint(1);
  target.uint(1000000);
  target.raw(bytes(200));
  CHECK_FALSE(log::decode_manifest(encoded));
}

TEST_CASE("the size of a change set counts what will be written") {
  log::change_set changes;
  CHECK(log::size_of(changes) == 0);
  changes.runs.push_back({0, {shared_bytes{bytes(100)}}, {hash32{}}});
  auto with_run = log::size_of(changes);
  CHECK(with_run >= 132);
  CHECK(with_run < 200);
  changes.blocks.push_back({7, shared_bytes{bytes(1000)}});
  changes.nodes.push_back({});
  CHECK(log::size_of(changes) >= with_run + 1000 + 48);
  changes.head.emplace();
  changes.head->signature.resize(68);
  CHECK(log::size_of(changes) > with_run + 1000 + 48 + 68);
}
