// Who holds which core, and what is told of it.
#include "deterministic.hpp"

#include "log/hashes.hpp"
#include "log/namespaces.hpp"

namespace corestore::tests {

namespace {

/// Keeps what it hears of a store.
store_sink::behavior_type store_listener(store_sink::pointer, const std::shared_ptr<std::vector<store_event>>& heard) {
  return {[heard](const store_event& event) {
    heard->push_back(event);
  }};
}

/// An owner of its own, that can die.
caf::behavior owner(caf::event_based_actor* self, const store_actor& store) {
  return {
    [=](internal_atom, const core_selector& selector) {
      self->request(store, caf::infinite, open_atom_v, selector).then([](const opened_core&) {
        // held from now on
      });
    },
  };
}

core_selector named(const std::string& name) {
  core_selector selector;
  selector.name = name;
  return selector;
}

store_record counts(deterministic_store& fixture) {
  auto record = fixture.ask<store_record>(fixture.store, info_atom_v);
  REQUIRE(record.has_value());
  return *record;
}

entered_store enter(deterministic_store& fixture, const store_actor& store, const std::string& name) {
  auto entered = fixture.ask<entered_store>(store, enter_atom_v, name);
  REQUIRE(entered.has_value());
  return *entered;
}

opened_core open_in(deterministic_store& fixture, const store_actor& store, const core_selector& selector) {
  auto opened = fixture.ask<opened_core>(store, open_atom_v, selector);
  REQUIRE(opened.has_value());
  return *opened;
}

} // namespace

TEST_CASE("every opening counts one reference, and closing gives one back") {
  deterministic_store fixture;
  auto first = fixture.open("log");
  fixture.open("log");
  CHECK(counts(fixture).references == 2);
  CHECK(counts(fixture).cores_active == 1);
  auto close = [&] {
    return fixture.ask<bool>(fixture.store, close_atom_v, first.record.discovery);
  };
  CHECK(close() == true);
  CHECK(counts(fixture).cores_active == 1);
  CHECK(close() == true);
  CHECK(counts(fixture).references == 0);
  CHECK(counts(fixture).cores_idle == 1);
  CHECK(close() == false);
  fixture.open("log");
  CHECK(counts(fixture).cores_idle == 0);
}

TEST_CASE("what an owner held is released when it dies") {
  deterministic_store fixture;
  auto holder = fixture.system.spawn(owner, caf::actor_cast<store_actor>(fixture.store));
  for (const auto* name : {"a", "b", "a"})
    fixture.self->send(holder, internal_atom_v, named(name));
  fixture.scheduler.run();
  CHECK(counts(fixture).references == 3);
  CHECK(counts(fixture).cores_active == 2);
  fixture.self->send_exit(holder, caf::exit_reason::kill);
  fixture.scheduler.run();
  CHECK(counts(fixture).references == 0);
  CHECK(counts(fixture).cores_idle == 2);
}

TEST_CASE("watchers hear of every load once, with the options given") {
  deterministic_store fixture;
  auto heard = std::make_shared<std::vector<store_event>>();
  auto sink = fixture.system.spawn(store_listener, heard);
  CHECK(fixture.ask<bool>(fixture.store, watch_atom_v, sink) == true);
  CHECK(fixture.ask<bool>(fixture.store, watch_atom_v, sink) == false);
  auto selector = named("log");
  selector.is_active = false;
  auto opened = fixture.open(selector);
  fixture.open("log");
  REQUIRE(heard->size() == 1);
  CHECK(heard->front().kind == store_event_kind::feed);
  CHECK(heard->front().key == opened.record.key);
  CHECK(heard->front().discovery == opened.record.discovery);
  CHECK(heard->front().options.name == "log");
  CHECK_FALSE(heard->front().options.is_active);
  CHECK(fixture.ask<bool>(fixture.store, unwatch_atom_v, sink) == true);
  fixture.open("other");
  CHECK(heard->size() == 1);
  fixture.self->send_exit(sink, caf::exit_reason::user_shutdown);
}

TEST_CASE("namespaces chain, and derive what their ids say") {
  deterministic_store fixture;
  auto outer = enter(fixture, caf::actor_cast<store_actor>(fixture.store), "outer");
  auto inner = enter(fixture, outer.handle, "inner");
  auto outer_id = log::child_namespace(namespace_id{}, as_bytes("outer"));
  auto inner_id = log::child_namespace(outer_id, as_bytes("inner"));
  CHECK(outer.name_space == outer_id);
  CHECK(inner.name_space == inner_id);
  auto pair = log::derive_key_pair(fixture.backend->root_key(), inner_id, "log");
  auto core = open_in(fixture, inner.handle, named("log"));
  CHECK(core.record.key == log::identity_of(pair.public_part).key);
  auto derived = fixture.ask<key_pair>(inner.handle, derive_atom_v, "log");
  REQUIRE(derived.has_value());
  CHECK(*derived == pair);
  auto by_path = named("log");
  by_path.path = {"outer", "inner"};
  CHECK(fixture.open(by_path).handle == core.handle);
  CHECK(enter(fixture, outer.handle, "").name_space != enter(fixture, outer.handle, "").name_space);
}

TEST_CASE("a namespace hears of what was opened in it, and lists it") {
  deterministic_store fixture;
  auto space = enter(fixture, caf::actor_cast<store_actor>(fixture.store), "app");
  auto heard = std::make_shared<std::vector<store_event>>();
  auto sink = fixture.system.spawn(store_listener, heard);
  CHECK(fixture.ask<bool>(space.handle, watch_atom_v, sink) == true);
  fixture.open("outside");
  auto inside = open_in(fixture, space.handle, named("inside"));
  open_in(fixture, space.handle, named("inside"));
  REQUIRE(heard->size() == 1);
  CHECK(heard->front().key == inside.record.key);
  auto page = fixture.ask<record_page>(space.handle, list_atom_v, list_request{});
  REQUIRE(page.has_value());
  REQUIRE(page->records.size() == 1);
  CHECK(page->records[0].key == inside.record.key);
  fixture.self->send_exit(sink, caf::exit_reason::user_shutdown);
}

TEST_CASE("a namespace gives back what it opened when it closes, and refuses what comes later") {
  deterministic_store fixture;
  auto space = enter(fixture, caf::actor_cast<store_actor>(fixture.store), "app");
  auto other = enter(fixture, caf::actor_cast<store_actor>(fixture.store), "app");
  open_in(fixture, space.handle, named("log"));
  open_in(fixture, other.handle, named("log"));
  CHECK(counts(fixture).references == 2);
  CHECK(fixture.ask<bool>(space.handle, close_atom_v) == true);
  CHECK(fixture.ask<bool>(space.handle, close_atom_v) == true);
  CHECK(counts(fixture).references == 1);
  auto late = fixture.ask<opened_core>(space.handle, open_atom_v, named("late"));
  REQUIRE_FALSE(late.has_value());
  CHECK(late.error().code == ec::store_closed);
  open_in(fixture, other.handle, named("log"));
}

TEST_CASE("a namespace without a handle ends") {
  deterministic_store fixture;
  {
    auto space = enter(fixture, caf::actor_cast<store_actor>(fixture.store), "app");
    open_in(fixture, space.handle, named("log"));
    CHECK(counts(fixture).references == 1);
  }
  fixture.scheduler.run();
  CHECK(counts(fixture).references == 0);
}

TEST_CASE("an exclusive core has one exclusive holder at a time") {
  deterministic_store fixture;
  auto selector = named("log");
  selector.is_exclusive = true;
  auto first = fixture.open(selector);
  auto second = fixture.ask<opened_core>(fixture.store, open_atom_v, selector);
  REQUIRE_FALSE(second.has_value());
  CHECK(second.error().code == ec::core_held);
  fixture.open("log");
  CHECK(fixture.ask<bool>(fixture.store, close_atom_v, first.record.discovery) == true);
  CHECK(fixture.ask<bool>(fixture.store, close_atom_v, first.record.discovery) == true);
  fixture.open(selector);
}

TEST_CASE("a read-only handle reads and refuses to change") {
  deterministic_store fixture;
  auto writable = fixture.open("log");
  REQUIRE(fixture.ask<append_result>(writable.handle, append_atom_v, blocks_of({"a"})).has_value());
  auto selector = named("log");
  selector.is_read_only = true;
  auto reader = fixture.open(selector);
  CHECK_FALSE(reader.record.writable);
  auto block = fixture.ask<shared_bytes>(reader.handle, fetch_atom_v, std::uint64_t{0}, std::uint64_t{0});
  REQUIRE(block.has_value());
  CHECK(as_text(block->view()) == "a");
  auto refused = fixture.ask<append_result>(reader.handle, append_atom_v, blocks_of({"b"}));
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == ec::not_writable);
  CHECK(fixture.ask<append_result>(writable.handle, append_atom_v, blocks_of({"b"})).has_value());
}

TEST_CASE("loaded is what is in memory, known is what is stored") {
  deterministic_store fixture;
  auto unknown = named("log");
  unknown.create = false;
  CHECK(fixture.ask<bool>(fixture.store, loaded_atom_v, unknown) == false);
  fixture.open("log");
  CHECK(fixture.ask<bool>(fixture.store, loaded_atom_v, named("log")) == true);
}

TEST_CASE("closing twice does no harm, and later requests hear that the store is closed") {
  deterministic_store fixture;
  auto core = fixture.open("log");
  REQUIRE(fixture.ask<append_result>(core.handle, append_atom_v, blocks_of({"a"})).has_value());
  auto space = enter(fixture, caf::actor_cast<store_actor>(fixture.store), "app");
  CHECK(fixture.ask<bool>(fixture.store, close_atom_v) == true);
  CHECK(fixture.ask<bool>(fixture.store, close_atom_v) == true);
  for (const auto& store : {caf::actor_cast<store_actor>(fixture.store), space.handle}) {
    auto late = fixture.ask<opened_core>(store, open_atom_v, named("late"));
    REQUIRE_FALSE(late.has_value());
    CHECK(late.error().code == ec::store_closed);
    auto entered = fixture.ask<entered_store>(store, enter_atom_v, "child");
    REQUIRE_FALSE(entered.has_value());
    CHECK(entered.error().code == ec::store_closed);
  }
  CHECK(fixture.ask<store_record>(fixture.store, info_atom_v).error().code == ec::store_closed);
  CHECK(fixture.ask<record_page>(fixture.store, list_atom_v, list_request{}).error().code == ec::store_closed);
}

TEST_CASE("a search for peers has a token of its own") {
  deterministic_store fixture;
  auto first = fixture.ask<std::uint64_t>(fixture.store, find_atom_v);
  auto second = fixture.ask<std::uint64_t>(fixture.store, find_atom_v);
  REQUIRE(first.has_value());
  REQUIRE(second.has_value());
  CHECK(*first != *second);
  CHECK(fixture.ask<bool>(fixture.store, found_atom_v, *first) == true);
  CHECK(fixture.ask<bool>(fixture.store, found_atom_v, *first) == false);
}

TEST_CASE("dialling without a network is an error that says so") {
  deterministic_store fixture;
  auto dialled = fixture.ask<peer_record>(fixture.store, dial_atom_v, std::string{"127.0.0.1:1"});
  REQUIRE_FALSE(dialled.has_value());
  CHECK(dialled.error().code == ec::unsupported);
}

TEST_CASE("a message that a store does not know is refused by name, and the store goes on") {
  deterministic_store fixture;
  auto outcome = fixture.ask<bool>(caf::actor_cast<caf::actor>(fixture.store), verify_atom_v, std::string{"?"});
  REQUIRE_FALSE(outcome.has_value());
  CHECK(outcome.error().code == ec::unsupported);
  fixture.open("log");
}

} // namespace corestore::tests
