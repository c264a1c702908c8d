// What the suites of corestore 5 and corestore 7 promise of a store, as far as two stores show it; docs/corestore.md
// lists which test stands for which of theirs.
#include "two_stores.hpp"

#include "base/crypto.hpp"
#include "log/manifest.hpp"
#include "log/namespaces.hpp"

namespace corestore::tests {

namespace {

using texts = std::vector<std::string>;

core_selector default_core() {
  core_selector selector;
  selector.kind = selector_kind::by_default;
  return selector;
}

core_selector random_core() {
  core_selector selector;
  selector.kind = selector_kind::at_random;
  return selector;
}

core_selector signed_by(const key_pair& pair) {
  core_selector selector;
  selector.kind = selector_kind::by_pair;
  selector.pair = pair;
  return selector;
}

core_selector known_as(selector_kind kind, byte_view id) {
  core_selector selector;
  selector.kind = kind;
  selector.id = *hash32::from(id);
  return selector;
}

core_selector named(const std::string& name) {
  core_selector selector;
  selector.name = name;
  return selector;
}

/// Both generations keep the promises of both suites.
actors::engine_settings either_generation() {
  actors::engine_settings settings;
  settings.generation = GENERATE(log::generation::g10, log::generation::g9);
  return settings;
}

} // namespace

TEST_CASE("default core, key, discovery key and key pair lead to one core, loaded once") {
  pair_of_stores stores{either_generation()};
  auto store = stores.writer.store();
  auto first = stores.open(store, default_core());
  stores.append(first.handle, {"hello"});
  const auto& record = first.record;
  CHECK(stores.open(store, record.key).handle == first.handle);
  CHECK(stores.open(store, known_as(selector_kind::by_discovery, record.discovery.view())).handle == first.handle);
  CHECK(stores.open(store, known_as(selector_kind::by_id, record.key.view())).handle == first.handle);
  auto pair = crypto::ed25519_key_pair();
  auto own = stores.open(store, signed_by(pair));
  CHECK(own.record.writable);
  CHECK(stores.open(store, own.record.key).handle == own.handle);
  CHECK(stores.open(store, signed_by(pair)).handle == own.handle);
  CHECK(stores.counts(stores.writer).cores_loaded == 2);
  CHECK(stores.counts(stores.writer).cache_misses == 2);
}

TEST_CASE("several cores replicate over one connection, whatever the default cores of both sides are") {
  pair_of_stores stores{either_generation()};
  auto one = stores.open(stores.writer.store(), default_core());
  auto two = stores.open(stores.writer.store(), random_core());
  stores.append(one.handle, {"hello", "world"});
  stores.append(two.handle, {"cat", "dog"});
  auto own = stores.open(stores.reader.store(), default_core());
  CHECK(own.record.key != one.record.key);
  auto copy_of_one = stores.open(stores.reader.store(), one.record.key);
  auto copy_of_two = stores.open(stores.reader.store(), two.record.key);
  stores.replicate();
  CHECK(stores.read(copy_of_one.handle, 2) == texts{"hello", "world"});
  CHECK(stores.read(copy_of_two.handle, 2) == texts{"cat", "dog"});
}

TEST_CASE("a reader fetches the blocks that it asks for and no others") {
  pair_of_stores stores{either_generation()};
  auto source = stores.open(stores.writer.store(), default_core());
  auto copy = stores.open(stores.reader.store(), source.record.key);
  stores.replicate();
  stores.append(source.handle, {"hello", "there", "world"});
  CHECK(stores.ask<shared_bytes>(copy.handle, fetch_atom_v, std::uint64_t{2}, wait_ms).has_value());
  CHECK(stores.ask<bool>(copy.handle, has_atom_v, std::uint64_t{2}, std::uint64_t{3}) == true);
  CHECK(stores.ask<bool>(copy.handle, has_atom_v, std::uint64_t{0}, std::uint64_t{1}) == false);
  CHECK(stores.read(copy.handle, 3) == texts{"hello", "there", "world"});
}

TEST_CASE("a core that is opened while a replication runs joins it on both sides") {
  pair_of_stores stores{either_generation()};
  auto first = stores.open(stores.writer.store(), default_core());
  stores.open(stores.reader.store(), first.record.key);
  stores.replicate();
  auto later = stores.open(stores.writer.store(), random_core());
  auto copy = stores.open(stores.reader.store(), later.record.key);
  stores.append(later.handle, {"hello", "world"});
  CHECK(stores.read(copy.handle, 2) == texts{"hello", "world"});
}

TEST_CASE("a replication of the whole store carries what its namespaces opened, before and during it") {
  pair_of_stores stores{either_generation()};
  stores.open(stores.writer.store(), default_core());
  auto space = stores.enter(stores.writer.store(), "");
  auto before = stores.open(space, default_core());
  stores.replicate();
  auto during = stores.open(stores.enter(space, "below"), random_core());
  stores.append(before.handle, {"hello"});
  stores.append(during.handle, {"world"});
  CHECK(stores.read(stores.open(stores.reader.store(), before.record.key).handle, 1) == texts{"hello"});
  CHECK(stores.read(stores.open(stores.reader.store(), during.record.key).handle, 1) == texts{"world"});
}

TEST_CASE("namespaces have default cores of their own, also within each other") {
  pair_of_stores stores{either_generation()};
  auto outer = stores.enter(stores.writer.store(), "outer");
  auto a = stores.enter(stores.writer.store(), "a");
  auto inner = stores.enter(outer, "a");
  std::vector<core_key> keys;
  for (const auto& store : {stores.writer.store(), outer, a, inner})
    keys.push_back(stores.open(store, default_core()).record.key);
  std::sort(keys.begin(), keys.end());
  CHECK(std::adjacent_find(keys.begin(), keys.end()) == keys.end());
}

TEST_CASE("a core that a namespace opened three times is one core, and goes with the namespace") {
  pair_of_stores stores{either_generation()};
  auto one = stores.enter(stores.writer.store(), "one");
  auto two = stores.enter(stores.writer.store(), "two");
  auto first = stores.open(one, default_core());
  for (int times = 0; times < 3; ++times)
    CHECK(stores.open(two, first.record.key).handle == first.handle);
  CHECK(stores.counts(stores.writer).cores_active == 1);
  CHECK(stores.ask<bool>(two, close_atom_v) == true);
  CHECK(stores.counts(stores.writer).cores_active == 1); // the other namespace holds it
  CHECK(stores.ask<bool>(one, close_atom_v) == true);
  CHECK(stores.counts(stores.writer).cores_active == 0);
  CHECK(stores.counts(stores.writer).references == 0);
}

TEST_CASE("loaded is said of cores in memory, by any of their names, and of no others") {
  pair_of_stores stores{either_generation()};
  auto store = stores.writer.store();
  auto core = stores.open(store, default_core());
  auto is_loaded = [&](const core_selector& selector) {
    auto answer = stores.ask<bool>(store, loaded_atom_v, selector);
    REQUIRE(answer.has_value());
    return *answer;
  };
  auto strange = crypto::random<hash32>();
  CHECK(is_loaded(known_as(selector_kind::by_key, core.record.key.view())));
  CHECK(is_loaded(known_as(selector_kind::by_discovery, core.record.discovery.view())));
  CHECK(is_loaded(default_core()));
  CHECK_FALSE(is_loaded(known_as(selector_kind::by_key, strange.view())));
  CHECK_FALSE(is_loaded(known_as(selector_kind::by_discovery, strange.view())));
}

TEST_CASE("a core opened with its key pair is written by one handle and followed by the one that was there before") {
  pair_of_stores stores;
  auto store = stores.reader.store();
  auto pair = crypto::ed25519_key_pair();
  auto key = log::identity_of(pair.public_part).key;
  auto before = stores.open(store, key);
  CHECK_FALSE(before.record.writable);
  CHECK(before.record.manifest.empty());
  auto signs = stores.open(store, signed_by(pair));
  CHECK(signs.record.key == key);
  CHECK(signs.record.writable);
  CHECK_FALSE(signs.record.manifest.empty());
  stores.append(signs.handle, {"hello"});
  CHECK(stores.read(before.handle, 1) == texts{"hello"}); // the handle from before goes on
  auto reads = signed_by(pair);
  reads.is_read_only = true;
  auto reader = stores.open(store, reads);
  CHECK_FALSE(reader.record.writable);
  CHECK(stores.read(reader.handle, 1) == texts{"hello"});
  CHECK_FALSE(stores.ask<append_result>(reader.handle, append_atom_v, std::vector<shared_bytes>(1)).has_value());
  CHECK(stores.counts(stores.reader).cores_loaded == 1);
}

TEST_CASE("a core that became writable while it was open keeps its peers and goes on replicating") {
  pair_of_stores stores{either_generation()};
  auto pair = crypto::ed25519_key_pair();
  auto source = stores.open(stores.writer.store(), signed_by(pair));
  stores.append(source.handle, {"one"});
  auto copy = stores.open(stores.reader.store(), source.record.key);
  stores.replicate();
  CHECK(stores.read(copy.handle, 1) == texts{"one"});
  auto same = stores.open(stores.reader.store(), signed_by(pair));
  CHECK(same.handle == copy.handle);
  CHECK(same.record.writable);
  stores.append(same.handle, {"two"});
  CHECK(stores.read(source.handle, 2) == texts{"one", "two"});
}

TEST_CASE("an unknown discovery key opens nothing until the key or the manifest brings the core") {
  pair_of_stores stores;
  auto store = stores.writer.store();
  auto identity = log::identity_of(crypto::ed25519_key_pair().public_part);
  auto by_discovery = known_as(selector_kind::by_discovery, identity.discovery.view());
  auto unknown = stores.ask<opened_core>(store, open_atom_v, by_discovery);
  REQUIRE_FALSE(unknown.has_value());
  CHECK(unknown.error().code == ec::not_found);
  core_selector by_manifest;
  by_manifest.kind = selector_kind::by_manifest;
  by_manifest.manifest = identity.manifest;
  auto core = stores.open(store, by_manifest);
  CHECK(core.record.key == identity.key);
  CHECK(stores.open(store, by_discovery).handle == core.handle);
}

TEST_CASE("a manifest given for a core that is known by key stays with it") {
  config::system_config config;
  caf::actor_system system{config};
  auto backend = std::make_shared<storage::memory_backend>();
  auto identity = log::identity_of(crypto::ed25519_key_pair().public_part);
  auto by_key = known_as(selector_kind::by_key, identity.key.view());
  core_selector by_manifest;
  by_manifest.kind = selector_kind::by_manifest;
  by_manifest.manifest = identity.manifest;
  caf::scoped_actor self{system};
  auto open = [&](const actors::engine& engine, const core_selector& selector) {
    opened_core opened;
    self->request(engine.store(), patience, open_atom_v, selector)
      .receive([&](opened_core& core) { opened = std::move(core); },
               [](const caf::error& reason) { FAIL(to_string(from_caf(reason))); });
    return opened;
  };
  auto manifest_of = [&](const core_actor& core) {
    bytes manifest;
    self->request(core, patience, info_atom_v)
      .receive([&](const core_record& record) { manifest = record.manifest; },
               [](const caf::error& reason) { FAIL(to_string(from_caf(reason))); });
    return manifest;
  };
  {
    actors::engine engine{system, backend, {}};
    auto core = open(engine, by_key);
    CHECK(core.record.manifest.empty());
    CHECK(open(engine, by_manifest).record.manifest == identity.manifest);
    CHECK(manifest_of(core.handle) == identity.manifest);
  }
  actors::engine engine{system, backend, {}};
  CHECK(open(engine, by_key).record.manifest == identity.manifest);
}

TEST_CASE("a name leads to the core that it was first given to, with the manifest of that time") {
  pair_of_stores stores;
  auto store = stores.writer.store();
  auto pair = stores.ask<key_pair>(store, derive_atom_v, std::string{"log"});
  REQUIRE(pair.has_value());
  auto first = named("log");
  first.manifest = log::encode_manifest(log::default_manifest(pair->public_part, 2));
  auto core = stores.open(store, first);
  CHECK(core.record.manifest == first.manifest);
  CHECK(stores.ask<bool>(store, close_atom_v, core.record.discovery) == true);
  auto again = stores.open(store, named("log"));
  CHECK(again.record.key == core.record.key);
  CHECK(again.record.manifest == first.manifest);
}

TEST_CASE("an update waits for peers that are being looked for, until they are found or the store closes") {
  pair_of_stores stores{either_generation()};
  auto store = stores.writer.store();
  auto search = stores.ask<std::uint64_t>(store, find_atom_v);
  REQUIRE(search.has_value());
  auto core = stores.open(store, core_key{crypto::random<hash32>().data});
  auto waits = stores.self->request(core.handle, patience, update_atom_v, wait_ms);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  CHECK(stores.ask<bool>(store, found_atom_v, *search) == true);
  CHECK(stores.ask<bool>(store, found_atom_v, *search) == false);
  waits.receive([](bool has_changed) { CHECK_FALSE(has_changed); },
                [](const caf::error& reason) { FAIL(to_string(from_caf(reason))); });
  REQUIRE(stores.ask<std::uint64_t>(store, find_atom_v).has_value());
  auto never = stores.self->request(core.handle, patience, update_atom_v, wait_ms);
  CHECK(stores.ask<bool>(store, close_atom_v) == true);
  never.receive([](bool has_changed) { CHECK_FALSE(has_changed); },
                [](const caf::error& reason) { CHECK(from_caf(reason).code == ec::store_closed); });
}

TEST_CASE("a suspended store serves nothing, and goes on where it was") {
  pair_of_stores stores{either_generation()};
  auto source = stores.open(stores.writer.store(), default_core());
  auto copy = stores.open(stores.reader.store(), source.record.key);
  stores.append(source.handle, {"before"});
  stores.replicate();
  CHECK(stores.read(copy.handle, 1) == texts{"before"});
  CHECK(stores.ask<bool>(stores.writer.store(), suspend_atom_v) == true);
  stores.append(source.handle, {"during"});
  CHECK_FALSE(stores.arrives(copy.handle, 2, 300));
  CHECK(stores.ask<bool>(stores.writer.store(), resume_atom_v) == true);
  CHECK(stores.read(copy.handle, 2) == texts{"before", "during"});
}

TEST_CASE("namespaces that come and go leave nothing behind") {
  pair_of_stores stores{either_generation()};
  auto actors_before = stores.system.registry().running();
  for (int round = 0; round < 50; ++round) {
    auto space = stores.enter(stores.writer.store(), "space-" + std::to_string(round % 10));
    CHECK(stores.ask<bool>(space, close_atom_v) == true);
  }
  CHECK(becomes_true([&] { return stores.system.registry().running() == actors_before; }));
}

TEST_CASE("a wrong opening is a named error and leaves nothing half-open") {
  pair_of_stores stores;
  auto store = stores.writer.store();
  auto log = stores.open(store, named("log"));
  auto exclusive = named("held");
  exclusive.is_exclusive = true;
  stores.open(store, exclusive);
  auto closed = stores.enter(store, "closed");
  CHECK(stores.ask<bool>(closed, close_atom_v) == true);
  auto before = stores.counts(stores.writer);
  auto refused = [&](const store_actor& by, const core_selector& selector) {
    auto outcome = stores.ask<opened_core>(by, open_atom_v, selector);
    return outcome ? ec::none : outcome.error().code;
  };
  CHECK(refused(store, known_as(selector_kind::by_discovery, crypto::random<hash32>().view())) == ec::not_found);
  CHECK(refused(store, known_as(selector_kind::by_key, hash32{}.view())) == ec::bad_argument);
  auto pair = crypto::ed25519_key_pair();
  pair.public_part = crypto::ed25519_key_pair().public_part;
  CHECK(refused(store, signed_by(pair)) == ec::key_mismatch);
  auto others = signed_by(crypto::ed25519_key_pair()); // a good pair, for a manifest that does not name it
  others.manifest = log.record.manifest;
  CHECK(refused(store, others) == ec::key_mismatch);
  auto clash = named("log");
  clash.manifest = log::encode_manifest(log::default_manifest(crypto::ed25519_key_pair().public_part));
  CHECK(refused(store, clash) == ec::key_mismatch);
  auto broken = named("broken");
  broken.manifest = {9, 9, 9};
  CHECK(refused(store, broken) == ec::bad_argument);
  auto other_generation = known_as(selector_kind::by_key, log.record.key.view());
  other_generation.generation = 9;
  CHECK(refused(store, other_generation) == ec::key_mismatch);
  CHECK(refused(store, exclusive) == ec::core_held);
  CHECK(refused(closed, named("late")) == ec::store_closed);
  auto nameless = named("");
  CHECK(refused(store, nameless) == ec::bad_argument);
  auto after = stores.counts(stores.writer);
  CHECK(after.cores_known == before.cores_known);
  CHECK(after.cores_loaded == before.cores_loaded);
  CHECK(after.references == before.references);
  CHECK(after.actors == before.actors);
  CHECK(stores.ask<bool>(store, close_atom_v) == true);
  CHECK(refused(store, named("log")) == ec::store_closed);
}

TEST_CASE("a key whose generation was guessed wrong is corrected by whoever names it") {
  actors::engine_settings settings;
  pair_of_stores stores{settings};
  auto source = named("log");
  source.generation = 9;
  auto core = stores.open(stores.writer.store(), source);
  stores.append(core.handle, {"hello"});
  CHECK(stores.open(stores.reader.store(), core.record.key).record.generation == 10);
  auto corrected = known_as(selector_kind::by_key, core.record.key.view());
  corrected.generation = 9;
  auto copy = stores.open(stores.reader.store(), corrected);
  CHECK(copy.record.generation == 9);
  replicate_request request;
  request.generation = 9;
  stores.replicate(request);
  CHECK(stores.read(copy.handle, 1) == texts{"hello"});
  auto wrong = corrected;
  wrong.generation = 10;
  auto refused = stores.ask<opened_core>(stores.reader.store(), open_atom_v, wrong);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == ec::key_mismatch);
}

} // namespace corestore::tests
