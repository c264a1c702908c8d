#include "deterministic.hpp"

#include "log/hashes.hpp"
#include "log/namespaces.hpp"

namespace corestore::tests {

TEST_CASE("a name always leads to the same core, loaded once") {
  deterministic_store fixture;
  auto first = fixture.open("log");
  auto second = fixture.open("log");
  CHECK(first.record.key == second.record.key);
  CHECK(first.handle == second.handle);
  auto pair = log::derive_key_pair(fixture.backend->root_key(), namespace_id{}, "log");
  CHECK(first.record.key == log::identity_of(pair.public_part).key);
  CHECK(fixture.open("other").record.key != first.record.key);
}

TEST_CASE("two requests for an unknown core at once create it once") {
  deterministic_store fixture;
  core_selector selector;
  selector.name = "log";
  std::vector<opened_core> opened;
  auto collect = [&](opened_core& core) {
    opened.push_back(core);
  };
  auto refuse = [](const caf::error& reason) {
    FAIL(to_string(from_caf(reason)));
  };
  auto first = fixture.self->request(fixture.store, caf::infinite, open_atom_v, selector);
  auto second = fixture.self->request(fixture.store, caf::infinite, open_atom_v, selector);
  fixture.scheduler.run();
  first.receive(collect, refuse);
  second.receive(collect, refuse);
  REQUIRE(opened.size() == 2);
  CHECK(opened[0].handle == opened[1].handle);
  auto page = fixture.ask<record_page>(fixture.store, list_atom_v, list_request{});
  REQUIRE(page.has_value());
  CHECK(page->records.size() == 1);
}

TEST_CASE("namespaces keep equal names apart") {
  deterministic_store fixture;
  core_selector selector;
  selector.name = "log";
  selector.name_space = log::child_namespace(namespace_id{}, as_bytes("app"));
  auto inner = fixture.open(selector);
  CHECK(inner.record.key != fixture.open("log").record.key);
  list_request request;
  request.in_namespace = true;
  request.name_space = selector.name_space;
  auto page = fixture.ask<record_page>(fixture.store, list_atom_v, request);
  REQUIRE(page.has_value());
  REQUIRE(page->records.size() == 1);
  CHECK(page->records[0].key == inner.record.key);
}

TEST_CASE("the default core is the one derived for the name default") {
  deterministic_store fixture;
  core_selector selector;
  selector.kind = selector_kind::by_default;
  CHECK(fixture.open(selector).record.key == fixture.open("default").record.key);
}

TEST_CASE("a known core opens by discovery key, an unknown one does not") {
  deterministic_store fixture;
  auto named = fixture.open("log");
  core_selector selector;
  selector.kind = selector_kind::by_discovery;
  selector.id.data = named.record.discovery.data;
  CHECK(fixture.open(selector).handle == named.handle);
  selector.id.data[0] ^= 1U;
  auto unknown = fixture.ask<opened_core>(fixture.store, open_atom_v, selector);
  REQUIRE_FALSE(unknown.has_value());
  CHECK(unknown.error().code == ec::not_found);
}

TEST_CASE("without create an unknown core is not found and not stored") {
  deterministic_store fixture;
  core_selector selector;
  selector.name = "log";
  selector.create = false;
  auto outcome = fixture.ask<opened_core>(fixture.store, open_atom_v, selector);
  REQUIRE_FALSE(outcome.has_value());
  CHECK(outcome.error().code == ec::not_found);
  auto record = fixture.ask<core_record>(fixture.store, info_atom_v, selector);
  REQUIRE_FALSE(record.has_value());
  CHECK(record.error().code == ec::not_found);
}

TEST_CASE("a core first known by key becomes writable when its name is asked for") {
  deterministic_store fixture;
  auto pair = log::derive_key_pair(fixture.backend->root_key(), namespace_id{}, "log");
  core_selector by_key;
  by_key.kind = selector_kind::by_key;
  by_key.id.data = log::identity_of(pair.public_part).key.data;
  CHECK_FALSE(fixture.open(by_key).record.writable);
  auto named = fixture.open("log");
  CHECK(named.record.writable);
  CHECK(named.record.key.data == by_key.id.data);
  auto appended = fixture.ask<append_result>(named.handle, append_atom_v, blocks_of({"mine"}));
  REQUIRE(appended.has_value());
  CHECK(appended->length == 1);
  auto page = fixture.ask<record_page>(fixture.store, list_atom_v, list_request{});
  REQUIRE(page.has_value());
  CHECK(page->records.size() == 1);
}

TEST_CASE("a random core is writable and reopens by key") {
  deterministic_store fixture;
  core_selector selector;
  selector.kind = selector_kind::at_random;
  auto core = fixture.open(selector);
  CHECK(core.record.writable);
  CHECK(fixture.open(selector).record.key != core.record.key);
  core_selector by_key;
  by_key.kind = selector_kind::by_key;
  by_key.id.data = core.record.key.data;
  CHECK(fixture.open(by_key).handle == core.handle);
}

TEST_CASE("names that cannot be stored are refused") {
  deterministic_store fixture;
  core_selector selector;
  for (const auto& name : {std::string{}, std::string(401, 'x')}) {
    selector.name = name;
    auto outcome = fixture.ask<opened_core>(fixture.store, open_atom_v, selector);
    REQUIRE_FALSE(outcome.has_value());
    CHECK(outcome.error().code == ec::bad_argument);
  }
}

TEST_CASE("a listing comes in pages that follow each other") {
  deterministic_store fixture;
  for (int i = 0; i < 7; ++i)
    fixture.open("core-" + std::to_string(i));
  list_request request;
  request.limit = 3;
  std::vector<discovery_key> seen;
  for (;;) {
    auto page = fixture.ask<record_page>(fixture.store, list_atom_v, request);
    REQUIRE(page.has_value());
    for (const auto& record : page->records)
      seen.push_back(record.discovery);
    if (page->is_last)
      break;
    request.after.data = seen.back().data;
  }
  CHECK(seen.size() == 7);
  CHECK(std::is_sorted(seen.begin(), seen.end()));
}

TEST_CASE("a closed store refuses further requests") {
  deterministic_store fixture;
  fixture.open("log");
  fixture.self->send_exit(fixture.store, caf::exit_reason::user_shutdown);
  core_selector selector;
  selector.name = "late";
  auto outcome = fixture.ask<opened_core>(fixture.store, open_atom_v, selector);
  REQUIRE_FALSE(outcome.has_value());
  CHECK(outcome.error().code == ec::store_closed);
}

} // namespace corestore::tests
