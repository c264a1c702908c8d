#include <catch2/catch.hpp>

#include "log/verifier.hpp"
#include "tests/unit/log/memory_log.hpp"

using namespace corestore;
using test::memory_core;
using test::test_blocks;
using test::test_keys;

namespace {

struct quorum_log {
  log::manifest manifest;
  bytes encoded;
  core_key key;
};

quorum_log two_of_three(bool allow_patch) {
  quorum_log result;
  result.manifest.quorum = 2;
  result.manifest.allow_patch = allow_patch;
  for (std::uint8_t i = 1; i <= 3; ++i)
    result.manifest.signers.push_back({log::default_namespace(), test_keys(i).public_part});
  result.encoded = log::encode_manifest(result.manifest);
  result.key = log::key_of(result.encoded);
  return result;
}

log::tree_batch tree_of(std::uint64_t length) {
  log::tree_batch batch;
  for (const auto& block : test_blocks(0, length))
    REQUIRE(batch.append(block.view()));
  return batch;
}

log::contribution contribution_of(const quorum_log& log, std::uint8_t who, std::uint64_t length,
                                  std::uint64_t signed_length) {
  auto batch = tree_of(signed_length);
  auto raw = log::sign(log.key, log.manifest, log.encoded, batch.head(0, {}), test_keys(who)).value();
  log::contribution result;
  result.part = {who - std::uint64_t{1}, signature64::from(raw).value(), signed_length - length};
  for (auto index : log::flat_tree::needed_nodes(length, signed_length))
    for (const auto& node : batch.added())
      if (node.index == index)
        result.nodes.push_back(node);
  return result;
}

bool accepts(const quorum_log& log, std::uint64_t length, const log::multi_signature& signature) {
  auto head = tree_of(length).head(0, log::encode_multi_signature(signature, log.manifest.version, length));
  return log::is_signed(log.key, log.manifest, log.encoded, head);
}

} // namespace

TEST_CASE("signers of different lengths agree on the shorter one") {
  auto log = two_of_three(true);
  for (std::uint64_t length = 1; length < 20; ++length) {
    for (auto longer = length; longer < 24; ++longer) {
      std::vector<log::contribution> parts{contribution_of(log, 1, length, length),
                                           contribution_of(log, 3, length, longer)};
      auto signature = log::assemble(parts);
      INFO(length << " and " << longer);
      CHECK(accepts(log, length, signature));
      if (longer > length) {
        signature.nodes.pop_back();
        CHECK_FALSE(accepts(log, length, signature));
        signature.nodes.clear();
        CHECK_FALSE(accepts(log, length, signature));
      }
    }
  }
}

TEST_CASE("patches out of range and pools out of proportion are refused") {
  auto log = two_of_three(true);
  std::vector<log::contribution> parts{contribution_of(log, 1, 3, 3), contribution_of(log, 2, 3, 5)};
  auto good = log::assemble(parts);
  REQUIRE(accepts(log, 3, good));
  for (std::uint64_t patch : {std::uint64_t{1} << 52U, (std::uint64_t{1} << 53U) - 1}) {
    auto bad = good;
    bad.parts[1].patch = patch;
    CHECK_FALSE(accepts(log, 3, bad));
  }
  auto bloated = good;
  bloated.nodes.resize(1000);
  CHECK_FALSE(accepts(log, 3, bloated));
}

TEST_CASE("only the first signatures up to the quorum count") {
  auto log = two_of_three(false);
  auto first = contribution_of(log, 1, 3, 3);
  auto second = contribution_of(log, 2, 3, 3);
  auto broken = contribution_of(log, 3, 3, 3);
  broken.part.signature.data[0] ^= 1U;
  CHECK(accepts(log, 3, log::assemble(std::vector{first, second, broken})));
  CHECK_FALSE(accepts(log, 3, log::assemble(std::vector{broken, first, second})));
  CHECK_FALSE(accepts(log, 3, log::assemble(std::vector{first, first})));
  CHECK_FALSE(accepts(log, 3, log::assemble(std::vector{first})));
  auto stranger = second;
  stranger.part.signer = 3;
  CHECK_FALSE(accepts(log, 3, log::assemble(std::vector{first, stranger})));
}

TEST_CASE("a quorum of zero accepts nothing but the prologue") {
  log::manifest fixed;
  auto batch = tree_of(3);
  fixed.beginning = log::prologue{log::tree_hash(batch.roots()), 3};
  auto encoded = log::encode_manifest(fixed);
  auto key = log::key_of(encoded);
  CHECK(log::is_signed(key, fixed, encoded, batch.head(0, {})));
  CHECK_FALSE(log::is_signed(key, fixed, encoded, tree_of(2).head(0, {})));
  CHECK_FALSE(log::is_signed(key, fixed, encoded, tree_of(4).head(0, {})));
  CHECK_FALSE(log::is_signed(key, fixed, encoded, tree_of(4).head(0, bytes{0, 0})));
}

TEST_CASE("signatures that cannot be decoded are refused") {
  auto keys = test_keys();
  auto core = memory_core::owned(keys);
  REQUIRE(core.append(test_blocks(0, 3), keys));
  auto head = core.state.head;
  auto is_signed = [&] {
    return log::is_signed(core.state.header.key, *core.manifest(), core.state.header.manifest, head);
  };
  REQUIRE(is_signed());
  auto whole = head.signature;
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    head.signature.assign(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(cut));
    CHECK_FALSE(is_signed());
  }
  head.signature = bytes{0xfe, 0xff, 0xff, 0x0f, 0x00};
  CHECK_FALSE(is_signed());
  head = core.state.head;
  head.fork = 1;
  CHECK_FALSE(is_signed());
}

TEST_CASE("the commit length is the quorum-th longest") {
  CHECK(log::signable_length({7, 12, 10}, 2) == 10);
  CHECK(log::signable_length({7, 12, 10}, 0) == 12);
  CHECK(log::signable_length({7, 12, 10}, 3) == 7);
  CHECK(log::signable_length({7, 12, 10}, 4) == 0);
  CHECK(log::signable_length({}, 1) == 0);
}
