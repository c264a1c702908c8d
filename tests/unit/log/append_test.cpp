#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>

#include "base/limits.hpp"
#include "log/verifier.hpp"
#include "tests/unit/log/memory_log.hpp"

using namespace corestore;
using test::memory_core;
using test::test_blocks;
using test::test_keys;

TEST_CASE("random batches make the same log as single blocks") {
  rc::prop("append in batches", [] {
    auto keys = test_keys();
    auto single = memory_core::owned(keys);
    auto batched = memory_core::owned(keys);
    auto sizes = *rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(0, 20));
    std::uint64_t length = 0;
    for (auto size : sizes) {
      auto blocks = test_blocks(length, length + size);
      RC_ASSERT(batched.append(blocks, keys).has_value());
      for (const auto& block : blocks)
        RC_ASSERT(single.append({block}, keys).has_value());
      length += size;
    }
    RC_ASSERT(batched.state.head == single.state.head);
    RC_ASSERT(batched.state.bits == single.state.bits);
    RC_ASSERT(batched.store.nodes == single.store.nodes);
    RC_ASSERT(batched.store.contiguous_length == single.store.contiguous_length);
    RC_ASSERT(batched.state.is_complete());
    if (length > 0)
      RC_ASSERT(log::verify_head(batched.state.header.key, *batched.manifest(), batched.state.header.manifest,
                                 batched.state.head)
                  .has_value());
  });
}

TEST_CASE("an append stages without touching the state") {
  auto keys = test_keys();
  auto core = memory_core::owned(keys);
  auto staged = log::stage_append(core.state, test_blocks(0, 5), keys).value();
  CHECK(core.state.head.length == 0);
  CHECK(core.state.bits.contiguous_length() == 0);
  REQUIRE(staged.runs.size() == 1);
  CHECK(staged.runs[0].hashes.size() == log::flat_tree::nodes_before(5));
  CHECK(staged.contiguous_length == 5U);
  CHECK(staged.base_length == 0);
}

TEST_CASE("appending nothing changes nothing") {
  auto keys = test_keys();
  auto core = memory_core::owned(keys);
  auto staged = log::stage_append(core.state, {}, keys).value();
  CHECK(log::size_of(staged) == 0);
  CHECK_FALSE(staged.head);
}

TEST_CASE("only a signer may append") {
  auto core = memory_core::owned(test_keys(1));
  CHECK(log::stage_append(core.state, test_blocks(0, 1), test_keys(2)).error().code == ec::not_writable);
  auto without_secret = test_keys(1);
  without_secret.secret_part = {};
  CHECK(log::stage_append(core.state, test_blocks(0, 1), without_secret).error().code == ec::not_writable);
  auto unknown = memory_core::remote(core.state.header.key);
  CHECK(log::stage_append(unknown.state, test_blocks(0, 1), test_keys(1)).error().code == ec::not_writable);
}

TEST_CASE("blocks above the limit are refused") {
  auto keys = test_keys();
  auto core = memory_core::owned(keys);
  CHECK(core.append({shared_bytes{bytes(limits::block_bytes_max)}}, keys));
  CHECK(core.append({shared_bytes{bytes(limits::block_bytes_max + 1)}}, keys).error().code == ec::bad_argument);
}

TEST_CASE("a log cannot grow past what can be encoded") {
  auto keys = test_keys();
  auto core = memory_core::owned(keys);
  core.state.head.length = log::flat_tree::length_max;
  for (auto index : log::flat_tree::full_roots(log::flat_tree::length_max))
    core.state.head.roots.push_back({index, 0, {}});
  CHECK(core.append(test_blocks(0, 1), keys).error().code == ec::limit_exceeded);
  auto heavy = memory_core::owned(keys);
  heavy.state.head.length = 1;
  heavy.state.head.byte_length = limits::safe_integer_max - 3;
  heavy.state.head.roots.push_back({0, limits::safe_integer_max - 3, {}});
  heavy.store.nodes[0] = heavy.state.head.roots[0];
  CHECK(heavy.append({shared_bytes{bytes(3)}}, keys));
  CHECK(heavy.append({shared_bytes{bytes(1)}}, keys).error().code == ec::limit_exceeded);
}

TEST_CASE("compat and version 0 cores are appended to with bare signatures") {
  auto keys = test_keys();
  auto encoded = log::encode_manifest(log::default_manifest(keys.public_part));
  auto compat = memory_core::remote(core_key{keys.public_part.data}, encoded);
  REQUIRE(compat.append(test_blocks(0, 3), keys));
  CHECK(compat.state.head.signature.size() == 64);
  CHECK(log::is_signed(compat.state.header.key, *compat.manifest(), encoded, compat.state.head));
  auto old = log::identity_of(keys.public_part, 0);
  auto first = memory_core::remote(old.key, old.manifest);
  REQUIRE(first.append(test_blocks(0, 3), keys));
  CHECK(first.state.head.signature.size() == 64);
  CHECK(log::is_signed(old.key, *first.manifest(), old.manifest, first.state.head));
}
