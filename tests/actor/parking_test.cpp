// Idle cores leave the memory and come back, and nobody notices.
#include <algorithm>
#include <cstdlib>
#include <deque>
#include <random>

#include "deterministic.hpp"

#include "replication/wire/messages.hpp"

namespace corestore::tests {

namespace {

using namespace replication;

constexpr std::size_t cores_max = 10;
constexpr actors::cache_limits small_cache{cores_max, cores_max};

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

bool close(deterministic_store& fixture, const opened_core& core) {
  auto closed = fixture.ask<bool>(fixture.store, close_atom_v, core.record.discovery);
  REQUIRE(closed.has_value());
  return *closed;
}

store_sink::behavior_type listener(store_sink::pointer, const std::shared_ptr<std::vector<store_event>>& heard) {
  return {[heard](const store_event& event) {
    heard->push_back(event);
  }};
}

std::size_t count_of(const std::vector<store_event>& events, store_event_kind kind) {
  return static_cast<std::size_t>(
    std::count_if(events.begin(), events.end(), [&](const store_event& event) { return event.kind == kind; }));
}

/// What a session is to cores: it has a channel for each core, keeps it while the core is away, and loses no input.
struct stub_session_state {
  struct channel {
    peer_id peer = 0;
    actors::local_core_actor core;
    any_parked_peer parked;
    bool is_attached = false;
    bool is_waking = false;
    std::uint32_t returns_due = 0;
    std::uint32_t out = 0;
    std::size_t returned = 0;
    std::vector<actors::peer_input> waiting;
  };

  stub_session_state() = default; // an aggregate would take the actor for its first member

  actors::local_store_actor store;
  std::unordered_map<discovery_key, channel> channels;
  std::unordered_map<peer_id, discovery_key> by_peer;
  std::uint64_t heard = 0;    ///< messages of cores
  std::uint64_t digested = 0; ///< inputs
  std::uint64_t syncs = 0;    ///< what a peer would notice of a core that starts anew
  std::uint64_t refusals = 0;
  std::uint64_t sent = 0;
};

using stub_actor = actors::session_actor::extend<caf::reacts_to<fetch_atom, discovery_key, std::uint64_t>>;
using stub_pointer = stub_actor::stateful_pointer<stub_session_state>;

void attach(stub_pointer self, const discovery_key& discovery);

void wake(stub_pointer self, const discovery_key& discovery) {
  auto& entry = self->state.channels[discovery];
  entry.is_waking = true;
  self->request(self->state.store, caf::infinite, wake_atom_v, discovery, actors::scope_id{})
    .then(
      [self, discovery](const actors::local_core& core) {
        auto& known = self->state.channels[discovery];
        if (!known.is_waking)
          return;
        known.core = core.handle;
        attach(self, discovery);
      },
      [self](const caf::error&) { ++self->state.refusals; });
}

void attach(stub_pointer self, const discovery_key& discovery) {
  auto& entry = self->state.channels[discovery];
  actors::peer_link link;
  link.peer = entry.peer;
  link.session = caf::actor_cast<actors::session_actor>(self);
  link.parked = entry.parked;
  link.inputs_due = entry.waiting.size();
  self->request(entry.core, caf::infinite, attach_atom_v, link)
    .then(
      [self, discovery](bool is_attached) {
        auto& known = self->state.channels[discovery];
        if (!is_attached) {
          wake(self, discovery);
          return;
        }
        known.is_waking = false;
        known.is_attached = true;
        known.parked = {};
        known.returned = 0;
        for (auto& input : std::exchange(known.waiting, {})) {
          ++known.out;
          self->send(known.core, std::move(input));
        }
      },
      [self, discovery](const caf::error&) { wake(self, discovery); });
}

stub_actor::behavior_type stub_session(stub_pointer self, const actors::local_store_actor& store) {
  auto& state = self->state;
  state.store = store;
  return {
    [](internal_atom, bool) {},
    [&state](actors::peer_output& output) {
      auto& entry = state.channels[state.by_peer[output.peer]];
      entry.out -= output.inputs_done;
      state.digested += output.inputs_done;
      for (const auto& batch : output.batches)
        for (const auto& message : std::get<std::vector<wire::message>>(batch)) {
          ++state.heard;
          state.syncs += std::holds_alternative<wire::sync>(message) ? 1 : 0;
        }
    },
    [self, &state](open_atom, const actors::local_core& core) {
      auto known = state.channels.find(core.discovery);
      if (known == state.channels.end() || known->second.is_attached || known->second.is_waking)
        return;
      known->second.core = core.handle;
      known->second.is_waking = true;
      if (known->second.returns_due == 0)
        attach(self, core.discovery);
    },
    [self, &state](actors::peer_park& fact) {
      auto& entry = state.channels[state.by_peer[fact.peer]];
      entry.parked = fact.parked;
      entry.is_attached = false;
      entry.returns_due = std::exchange(entry.out, 0);
      self->send(entry.core, detach_atom_v, fact.peer);
    },
    [self, &state](actors::peer_input& input) {
      auto discovery = state.by_peer[input.peer];
      auto& entry = state.channels[discovery];
      --entry.returns_due;
      entry.waiting.insert(entry.waiting.begin() + static_cast<std::ptrdiff_t>(entry.returned), std::move(input));
      ++entry.returned;
      if (entry.returns_due == 0 && !entry.is_waking)
        wake(self, discovery);
    },
    [](internal_atom) {},
    [](tick_atom) {},
    [](suspend_atom) {},
    [](switch_atom, const connection_switches&) { return peer_record{}; },
    [](resume_atom) {},
    [self](shutdown_atom) { self->quit(); },
    // the remote side says something on the channel of a core
    [self, &state](fetch_atom, const discovery_key& discovery, std::uint64_t length) {
      auto [found, is_new] = state.channels.try_emplace(discovery);
      auto& entry = found->second;
      if (is_new) {
        entry.peer = self->id() * 1000000 + state.channels.size();
        state.by_peer[entry.peer] = discovery;
      }
      ++state.sent;
      std::vector<wire::message> messages;
      messages.emplace_back(wire::sync{.fork = 0, .length = length, .uploading = true, .downloading = true});
      actors::peer_input input{entry.peer, std::move(messages)};
      if (entry.is_attached) {
        ++entry.out;
        self->send(entry.core, std::move(input));
        return;
      }
      entry.waiting.push_back(std::move(input));
      if (!entry.is_waking && entry.returns_due == 0)
        wake(self, discovery);
    },
  };
}

struct stub {
  stub(deterministic_store& fixture) : handle(fixture.system.spawn(stub_session, fixture.store)), store(fixture) {
    // nop
  }
  ~stub() {
    store.self->send_exit(handle, caf::exit_reason::user_shutdown);
    store.scheduler.run();
  }
  stub(const stub&) = delete;
  stub& operator=(const stub&) = delete;

  void say(const discovery_key& core) const {
    store.self->send(handle, fetch_atom_v, core, std::uint64_t{0});
  }

  [[nodiscard]] stub_session_state& state() const {
    return dynamic_cast<caf::stateful_actor<stub_session_state, stub_actor::base>*>(
             caf::actor_cast<caf::abstract_actor*>(handle))
      ->state;
  }

  stub_actor handle;
  deterministic_store& store;
};

} // namespace

TEST_CASE("cores that nobody holds stay up to the limit, the longest unused leave first") {
  deterministic_store fixture{small_cache};
  std::vector<opened_core> cores;
  for (std::size_t i = 0; i < cores_max + 5; ++i)
    cores.push_back(fixture.open("core-" + std::to_string(i)));
  CHECK(counts(fixture).cores_loaded == cores_max + 5);
  for (const auto& core : cores)
    CHECK(close(fixture, core));
  fixture.scheduler.run();
  CHECK(counts(fixture).cores_loaded == cores_max);
  CHECK(counts(fixture).evictions == 5);
  CHECK(fixture.ask<bool>(fixture.store, loaded_atom_v, named("core-0")) == false);
  CHECK(fixture.ask<bool>(fixture.store, loaded_atom_v, named("core-14")) == true);
  CHECK(counts(fixture).cores_known == cores_max + 5);
}

TEST_CASE("a core that left the memory comes back with all that was appended") {
  deterministic_store fixture{{0, 0}};
  auto core = fixture.open("log");
  REQUIRE(fixture.ask<append_result>(core.handle, append_atom_v, blocks_of({"a", "b"})).has_value());
  CHECK(close(fixture, core));
  fixture.scheduler.run();
  CHECK(counts(fixture).cores_loaded == 0);
  auto stale = fixture.ask<core_record>(core.handle, info_atom_v);
  REQUIRE_FALSE(stale.has_value());
  CHECK(stale.error().code == ec::store_closed);
  auto again = fixture.open("log");
  CHECK(again.record.length == 2);
  CHECK(again.record.key == core.record.key);
  CHECK(again.handle != core.handle);
}

TEST_CASE("every load is told once, and so is every leave") {
  deterministic_store fixture{{0, 0}};
  auto heard = std::make_shared<std::vector<store_event>>();
  auto sink = fixture.system.spawn(listener, heard);
  REQUIRE(fixture.ask<bool>(fixture.store, watch_atom_v, sink).has_value());
  for (int round = 0; round < 3; ++round) {
    auto core = fixture.open("log");
    fixture.open("log");
    CHECK(close(fixture, core));
    CHECK(close(fixture, core));
    fixture.scheduler.run();
  }
  CHECK(count_of(*heard, store_event_kind::feed) == 3);
  CHECK(count_of(*heard, store_event_kind::park) == 3);
  fixture.self->send_exit(sink, caf::exit_reason::user_shutdown);
}

TEST_CASE("a core that somebody listens to stays") {
  deterministic_store fixture{{0, 0}};
  auto core = fixture.open("log");
  auto sink = caf::actor_cast<event_sink>(caf::actor_cast<caf::strong_actor_ptr>(fixture.self));
  REQUIRE(fixture.ask<core_record>(core.handle, subscribe_atom_v, sink).has_value());
  CHECK(close(fixture, core));
  fixture.scheduler.run();
  CHECK(counts(fixture).cores_loaded == 1);
  REQUIRE(fixture.ask<bool>(core.handle, unsub_atom_v, sink).has_value());
  CHECK(counts(fixture).cores_loaded == 0);
}

TEST_CASE("a peer's channel survives its core, which does not start anew") {
  deterministic_store fixture{{0, 0}};
  auto core = fixture.open("log");
  REQUIRE(fixture.ask<append_result>(core.handle, append_atom_v, blocks_of({"a"})).has_value());
  stub session{fixture};
  session.say(core.record.discovery);
  fixture.scheduler.run();
  CHECK(session.state().digested == 1);
  auto syncs = session.state().syncs;
  CHECK(syncs >= 1);
  CHECK(close(fixture, core));
  fixture.scheduler.run();
  CHECK(counts(fixture).cores_loaded == 0);
  CHECK(session.state().channels.begin()->second.parked != any_parked_peer{});
  for (int round = 1; round <= 5; ++round) {
    session.say(core.record.discovery);
    fixture.scheduler.run();
    CHECK(session.state().digested == 1U + static_cast<unsigned>(round));
    CHECK(counts(fixture).cores_loaded == 0);
  }
}

TEST_CASE("a namespace lists what is below it, page by page") {
  deterministic_store fixture;
  auto selector = named("x");
  for (const auto& path :
       std::vector<std::vector<std::string>>{{"a"}, {"a", "b"}, {"a", "b", "c"}, {"a", "d"}, {"e"}}) {
    selector.path = path;
    for (const auto* core : {"one", "two"}) {
      selector.name = core;
      fixture.open(selector);
    }
  }
  list_request request;
  request.in_namespace = true;
  request.path = {"a"};
  request.limit = 3;
  auto collect = [&] {
    std::size_t found = 0;
    request.cursor.clear();
    for (;;) {
      auto page = fixture.ask<record_page>(fixture.store, list_atom_v, request);
      REQUIRE(page.has_value());
      found += page->records.size();
      if (page->is_last)
        return found;
      request.cursor = page->next;
    }
  };
  CHECK(collect() == 2);
  request.is_recursive = true;
  CHECK(collect() == 8);
  request.path = {};
  CHECK(collect() == 10);
  request.path = {"a", "b"};
  CHECK(collect() == 4);
}

TEST_CASE("a purged core is gone: its record, its name, its bytes") {
  deterministic_store fixture;
  auto core = fixture.open("log");
  REQUIRE(fixture.ask<append_result>(core.handle, append_atom_v, blocks_of({"abc", "de"})).has_value());
  auto before = counts(fixture).used_bytes;
  auto purged = fixture.ask<clear_result>(fixture.store, purge_atom_v, named("log"));
  REQUIRE(purged.has_value());
  CHECK(purged->blocks == 2);
  CHECK(purged->bytes == 5);
  CHECK(counts(fixture).cores_known == 0);
  CHECK(counts(fixture).used_bytes < before);
  CHECK(fixture.ask<append_result>(core.handle, append_atom_v, blocks_of({"late"})).error().code == ec::store_closed);
  auto again = fixture.ask<clear_result>(fixture.store, purge_atom_v, named("log"));
  REQUIRE_FALSE(again.has_value());
  CHECK(again.error().code == ec::not_found);
  CHECK(fixture.open("log").record.length == 0);
}

TEST_CASE("keys that do not fit are refused, and nothing is left behind") {
  deterministic_store fixture;
  auto refused = [&](const core_selector& selector) {
    auto outcome = fixture.ask<opened_core>(fixture.store, open_atom_v, selector);
    REQUIRE_FALSE(outcome.has_value());
    return outcome.error().code;
  };
  core_selector selector;
  selector.kind = selector_kind::by_key;
  CHECK(refused(selector) == ec::bad_argument);
  selector.kind = selector_kind::by_pair;
  auto pair = fixture.ask<key_pair>(fixture.store, derive_atom_v, std::string{"some"});
  REQUIRE(pair.has_value());
  selector.pair = *pair;
  selector.pair.public_part.data[0] ^= 1U;
  CHECK(refused(selector) == ec::key_mismatch);
  auto other = fixture.open("other");
  selector = named("clash");
  selector.manifest = other.record.manifest;
  CHECK(refused(selector) == ec::key_mismatch);
  fixture.open("clash");
  CHECK(refused(selector) == ec::key_mismatch);
  selector = named("secret");
  selector.encryption_key = bytes(31);
  CHECK(refused(selector) == ec::bad_argument);
  CHECK(counts(fixture).cores_known == 2);
  CHECK(counts(fixture).references == 2);
}

TEST_CASE("thousands of cores asked for at random pass through a cache of ten") {
  constexpr std::size_t known = 1000;
  constexpr std::size_t wishes = 4000;
  deterministic_store fixture{small_cache};
  auto heard = std::make_shared<std::vector<store_event>>();
  auto sink = fixture.system.spawn(listener, heard);
  REQUIRE(fixture.ask<bool>(fixture.store, watch_atom_v, sink).has_value());
  std::vector<opened_core> cores;
  for (std::size_t i = 0; i < known; ++i) {
    cores.push_back(fixture.open("core-" + std::to_string(i)));
    CHECK(close(fixture, cores.back()));
  }
  std::mt19937_64 chance{7};
  std::deque<stub> sessions;
  for (int i = 0; i < 4; ++i)
    sessions.emplace_back(fixture);
  auto actors_before = counts(fixture).actors;
  for (std::size_t wish = 0; wish < wishes; ++wish) {
    const auto& core = cores[chance() % known];
    if (chance() % 8 == 0) {
      auto opened = fixture.open(core.record.name);
      CHECK(close(fixture, opened));
    } else {
      sessions[chance() % sessions.size()].say(core.record.discovery);
    }
    auto& jobs = fixture.scheduler.jobs;
    for (auto turns = chance() % 12; turns > 0 && !jobs.empty(); --turns) {
      std::rotate(jobs.begin(), jobs.begin() + static_cast<std::ptrdiff_t>(chance() % jobs.size()), jobs.end());
      fixture.scheduler.run_once();
    }
  }
  fixture.scheduler.run();
  std::uint64_t sent = 0;
  std::uint64_t digested = 0;
  for (auto& session : sessions) {
    sent += session.state().sent;
    digested += session.state().digested;
    CHECK(session.state().refusals == 0);
  }
  CHECK(digested == sent); // no input is lost
  auto record = counts(fixture);
  CHECK(record.cores_loaded <= 2 * cores_max);
  CHECK(record.actors <= actors_before + 2 * cores_max);
  CHECK(record.references == 0);
  // Every load is one feed event, and none happens while the core is still there.
  CHECK(count_of(*heard, store_event_kind::feed) == record.cache_misses);
  CHECK(count_of(*heard, store_event_kind::park) == record.evictions);
  CHECK(record.cache_misses - record.evictions == record.cores_loaded);
  CHECK(fixture.backend->stats().readers == 0);
  fixture.self->send_exit(sink, caf::exit_reason::user_shutdown);
  fixture.scheduler.run();
}

} // namespace corestore::tests
