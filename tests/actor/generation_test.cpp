// Cores of generation 9 in a store of generation 10.
#include "deterministic.hpp"

#include "base/limits.hpp"
#include "log/hashes.hpp"
#include "log/legacy/keys.hpp"

namespace corestore::tests {

namespace {

core_selector previous(const std::string& name) {
  core_selector selector;
  selector.name = name;
  selector.generation = 9;
  return selector;
}

log::core_identity identity_of(deterministic_store& fixture, std::string_view name) {
  return log::legacy::identity_of(log::legacy::derive_key_pair(fixture.backend->root_key(), name).public_part);
}

} // namespace

TEST_CASE("one name leads to a core in each generation") {
  deterministic_store fixture;
  auto nine = fixture.open(previous("log"));
  auto ten = fixture.open("log");
  CHECK(nine.record.generation == 9);
  CHECK(ten.record.generation == 10);
  CHECK(nine.record.key == identity_of(fixture, "log").key);
  CHECK(nine.record.manifest.empty());
  CHECK(nine.record.writable);
  CHECK(nine.record.key != ten.record.key);
  CHECK(fixture.open(previous("log")).record.key == nine.record.key);
  core_selector by_key;
  by_key.kind = selector_kind::by_key;
  by_key.id.data = nine.record.key.data;
  CHECK(fixture.open(by_key).record.generation == 9);
}

TEST_CASE("in generation 9 names are flat, and a default core is named after the way to it") {
  deterministic_store fixture;
  auto named = previous("log");
  named.path = {"a", "b"};
  CHECK(fixture.open(named).record.key == identity_of(fixture, "log").key);
  auto first = previous("");
  first.kind = selector_kind::by_default;
  CHECK(fixture.open(first).record.key == identity_of(fixture, "default").key);
  first.path = {"a", "b"};
  auto key = identity_of(fixture, "a:b").key;
  CHECK(fixture.open(first).record.key == key);

  auto outer = fixture.ask<entered_store>(fixture.store, enter_atom_v, std::string{"a"});
  REQUIRE(outer.has_value());
  auto inner = fixture.ask<entered_store>(outer->handle, enter_atom_v, std::string{"b"});
  REQUIRE(inner.has_value());
  first.path = {};
  auto entered = fixture.ask<opened_core>(inner->handle, open_atom_v, first);
  REQUIRE(entered.has_value());
  CHECK(entered->record.key == key);
}

TEST_CASE("a core of generation 9 grows, verifies and hashes, and refuses what its generation lacks") {
  deterministic_store fixture;
  auto core = fixture.open(previous("log"));
  for (auto text : {"one", "two", "three"})
    REQUIRE(fixture.ask<append_result>(core.handle, append_atom_v, blocks_of({text})).has_value());
  auto record = fixture.ask<core_record>(core.handle, info_atom_v);
  REQUIRE(record.has_value());
  CHECK(record->length == 3);
  CHECK(record->fork == 0);
  for (std::uint64_t length = 1; length <= 3; ++length) {
    auto hash = fixture.ask<hash32>(core.handle, hash_atom_v, length);
    REQUIRE(hash.has_value());
    CHECK((*hash == record->tree_hash) == (length == 3));
  }
  auto leaf = log::leaf_node(0, as_bytes("one"), log::generation::g9);
  CHECK(*fixture.ask<hash32>(core.handle, hash_atom_v, std::uint64_t{1}) ==
        log::tree_hash(std::vector{leaf}, log::generation::g9));
  auto report = fixture.ask<verify_report>(core.handle, verify_atom_v);
  REQUIRE(report.has_value());
  CHECK(report->faults.empty());
  CHECK(report->blocks == 3);

  auto shorter = fixture.ask<core_record>(core.handle, truncate_atom_v, std::uint64_t{1}, std::uint64_t{0});
  REQUIRE_FALSE(shorter.has_value());
  CHECK(shorter.error().code == ec::unsupported);
  auto secret = fixture.ask<core_record>(core.handle, encrypt_atom_v, bytes(32, 1), std::uint8_t{255});
  REQUIRE_FALSE(secret.has_value());
  CHECK(secret.error().code == ec::unsupported);
  std::vector<shared_bytes> large{shared_bytes{bytes(limits::legacy_block_bytes_max + 1, 0)}};
  CHECK(fixture.ask<append_result>(core.handle, append_atom_v, large).error().code == ec::bad_argument);

  auto cleared = fixture.ask<clear_result>(core.handle, clear_atom_v, std::uint64_t{0}, std::uint64_t{2});
  REQUIRE(cleared.has_value());
  CHECK(cleared->blocks == 2);
}

TEST_CASE("a purged core of generation 9 is gone with its name") {
  deterministic_store fixture;
  auto core = fixture.open(previous("log"));
  REQUIRE(fixture.ask<append_result>(core.handle, append_atom_v, blocks_of({"abc"})).has_value());
  REQUIRE(fixture.ask<clear_result>(fixture.store, purge_atom_v, previous("log")).has_value());
  auto again = fixture.open(previous("log"));
  CHECK(again.record.length == 0);
  CHECK(again.record.key == core.record.key);
}

TEST_CASE("a pair of generation 9 makes a core whose key is the public key") {
  deterministic_store fixture;
  core_selector selector;
  selector.kind = selector_kind::by_pair;
  selector.generation = 9;
  selector.pair = log::legacy::derive_key_pair(fixture.backend->root_key(), "elsewhere");
  auto core = fixture.open(selector);
  CHECK(core.record.key.data == selector.pair.public_part.data);
  CHECK(core.record.writable);
  CHECK(fixture.ask<append_result>(core.handle, append_atom_v, blocks_of({"abc"})).has_value());
  selector.pair.public_part.data[0] ^= 1;
  auto refused = fixture.ask<opened_core>(fixture.store, open_atom_v, selector);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == ec::key_mismatch);
}

} // namespace corestore::tests
