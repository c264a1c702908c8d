// Small caches under load: cores that are asked for at random over several connections come and go, and nobody
// notices. CORESTORE_LRU_SECONDS makes both runs as long as one likes.
#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include "deterministic.hpp"
#include "two_stores.hpp"

#include "actors/network.hpp"
#include "base/crypto.hpp"
#include "storage/open.hpp"

namespace corestore::tests {

namespace {

constexpr std::size_t cores_max = 10;
constexpr std::size_t readers_max = 4;
constexpr std::uint64_t blocks_each = 2;

std::optional<std::chrono::steady_clock::time_point> wanted_end() {
  const auto* longer = std::getenv("CORESTORE_LRU_SECONDS");
  if (longer == nullptr)
    return std::nullopt;
  return std::chrono::steady_clock::now() + std::chrono::seconds(std::max(1, std::atoi(longer)));
}

/// What is at `index` of a core when it was made.
shared_bytes first_block(const core_key& key, std::uint64_t index) {
  bytes content(key.data.begin(), key.data.end());
  content.push_back(static_cast<std::uint8_t>(index));
  return shared_bytes{std::move(content)};
}

struct tally {
  std::atomic<std::uint64_t> done{0};
  std::atomic<std::uint64_t> events{0};
  std::atomic<std::uint64_t> failures{0};
};

struct client_state {
  client_state() = default; // an aggregate would take the actor for its first member

  store_actor reader;
  store_actor writer;
  std::shared_ptr<tally> counted;
  std::unordered_map<discovery_key, std::pair<core_actor, std::uint64_t>> watched; ///< and the length before
  static inline const char* name = "client";
};

/// Does what an application does with a core: opens it, reads or follows it, closes it.
using client_actor = event_sink::extend<
  // read one block of a core of the writer's
  caf::reacts_to<read_atom, core_key, std::uint64_t>,
  // follow the core of that name until the block that is appended at the writer's has been announced
  caf::reacts_to<watch_atom, std::string, core_key>>;
using client_pointer = client_actor::stateful_pointer<client_state>;

core_selector by_key(const core_key& key) {
  core_selector selector;
  selector.kind = selector_kind::by_key;
  selector.id.data = key.data;
  return selector;
}

void fail(client_pointer self, const caf::error& reason) {
  WARN(to_string(from_caf(reason)));
  ++self->state.counted->failures;
}

void give_back(client_pointer self, const store_actor& store, const discovery_key& core) {
  self->request(store, caf::infinite, close_atom_v, core)
    .then(
      [self](bool was_held) {
        if (!was_held)
          ++self->state.counted->failures;
      },
      [self](const caf::error& reason) { fail(self, reason); });
}

void read_one(client_pointer self, const core_key& key, std::uint64_t index) {
  self->request(self->state.reader, caf::infinite, open_atom_v, by_key(key))
    .then(
      [self, key, index](const opened_core& opened) {
        auto discovery = opened.record.discovery;
        self->request(opened.handle, caf::infinite, fetch_atom_v, index, wait_ms)
          .then(
            [self, key, index, discovery](const shared_bytes& block) {
              auto& counted = *self->state.counted;
              ++(block == first_block(key, index) ? counted.done : counted.failures);
              give_back(self, self->state.reader, discovery);
            },
            [self, discovery](const caf::error& reason) {
              fail(self, reason);
              give_back(self, self->state.reader, discovery);
            });
      },
      [self](const caf::error& reason) { fail(self, reason); });
}

void append_at_writer(client_pointer self, const std::string& name) {
  core_selector selector;
  selector.name = name;
  self->request(self->state.writer, caf::infinite, open_atom_v, selector)
    .then(
      [self](const opened_core& opened) {
        std::vector<shared_bytes> blocks{shared_bytes{bytes(10, 7)}};
        self->request(opened.handle, caf::infinite, append_atom_v, blocks)
          .then([self, discovery = opened.record.discovery](
                  const append_result&) { give_back(self, self->state.writer, discovery); },
                [self](const caf::error& reason) { fail(self, reason); });
      },
      [self](const caf::error& reason) { fail(self, reason); });
}

void follow(client_pointer self, const std::string& name, const core_key& key) {
  self->request(self->state.reader, caf::infinite, open_atom_v, by_key(key))
    .then(
      [self, name](const opened_core& opened) {
        auto discovery = opened.record.discovery;
        if (self->state.watched.contains(discovery)) {
          ++self->state.counted->done; // it is followed already
          give_back(self, self->state.reader, discovery);
          return;
        }
        self->state.watched.emplace(discovery, std::pair{opened.handle, opened.record.length});
        self->request(opened.handle, caf::infinite, subscribe_atom_v, caf::actor_cast<event_sink>(self->ctrl()))
          .then(
            [self, name, discovery](const core_record& record) {
              self->state.watched.at(discovery).second = record.length;
              append_at_writer(self, name);
            },
            [self](const caf::error& reason) { fail(self, reason); });
      },
      [self](const caf::error& reason) { fail(self, reason); });
}

client_actor::behavior_type client(client_pointer self, const store_actor& reader, const store_actor& writer,
                                   const std::shared_ptr<tally>& counted) {
  auto& state = self->state;
  state.reader = reader;
  state.writer = writer;
  state.counted = counted;
  return {
    [self, &state](const core_event& event) {
      auto found = state.watched.find(event.discovery);
      if (event.kind != event_kind::append || found == state.watched.end() || event.length <= found->second.second ||
          event.length < blocks_each + 1)
        return;
      auto handle = found->second.first;
      state.watched.erase(found);
      ++state.counted->events;
      self->request(handle, caf::infinite, unsub_atom_v, caf::actor_cast<event_sink>(self->ctrl()))
        .then(
          [self, discovery = event.discovery](bool) {
            ++self->state.counted->done;
            give_back(self, self->state.reader, discovery);
          },
          [self](const caf::error& reason) { fail(self, reason); });
    },
    [self](read_atom, const core_key& key, std::uint64_t index) { read_one(self, key, index); },
    [self](watch_atom, const std::string& name, const core_key& key) { follow(self, name, key); },
  };
}

/// Feed and park events of one store.
struct loads {
  std::atomic<std::uint64_t> fed{0};
  std::atomic<std::uint64_t> parked{0};
};

store_sink::behavior_type load_counter(store_sink::pointer, const std::shared_ptr<loads>& counted) {
  return {[counted](const store_event& event) {
    if (event.kind == store_event_kind::feed)
      ++counted->fed;
    else if (event.kind == store_event_kind::park)
      ++counted->parked;
  }};
}

void check_loads(const store_record& record, const loads& counted) {
  // Every load is one feed event, and none happens while the core is still there.
  CHECK(counted.fed == record.cache_misses);
  CHECK(counted.parked == record.evictions);
  CHECK(record.cache_misses - record.evictions == record.cores_loaded);
  CHECK(record.evictions > 0);
  CHECK(record.references == 0);
  CHECK(record.refusals == 0);
  CHECK(record.cores_loaded <= 4 * cores_max);
}

// -- under the deterministic scheduler

/// A store without sockets: its connections are pipes.
struct quiet_store {
  explicit quiet_store(caf::actor_system& system) : backend(std::make_shared<storage::memory_backend>()) {
    auto counted = std::make_shared<actors::meters>();
    writer = system.spawn(actors::writer, actors::writer_arguments{backend, 1000, counted, {}});
    auto guard = std::make_shared<actors::peer_guard>(counted);
    store = system.spawn(
      actors::store,
      actors::store_arguments{backend, writer, {}, {cores_max, cores_max}, counted, log::generation::g10, 1, guard});
    auto context = std::make_shared<actors::connection_context>();
    context->store = store;
    context->guard = guard;
    context->dialled = guard->totals().add_source("dialled");
    context->identity = crypto::ed25519_key_pair();
    context->set_settings(std::make_shared<actors::engine_settings>());
    network = system.spawn(actors::network, context);
    caf::anon_send(store, join_atom_v, network);
  }

  std::shared_ptr<storage::memory_backend> backend;
  actors::writer_actor writer;
  actors::local_store_actor store;
  actors::network_actor network;
};

/// Runs whatever is ready, in an order that the seed decides; timers fire when time is told to pass.
class shuffled_world {
public:
  explicit shuffled_world(std::uint64_t seed)
      : system(config), scheduler(dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler())), self(system),
        chance(seed) {
    for (std::size_t i = 0; i <= readers_max; ++i)
      stores.push_back(std::make_unique<quiet_store>(system));
  }

  ~shuffled_world() {
    for (auto& store : stores)
      self->send_exit(store->network, caf::exit_reason::user_shutdown);
    rest();
    for (auto& store : stores)
      self->send_exit(store->store, caf::exit_reason::user_shutdown);
    rest();
    for (auto& store : stores)
      self->send_exit(store->writer, caf::exit_reason::user_shutdown);
    rest();
  }

  shuffled_world(const shuffled_world&) = delete;
  shuffled_world& operator=(const shuffled_world&) = delete;

  void turn(std::size_t count) {
    auto& jobs = scheduler.jobs;
    for (; count > 0 && !jobs.empty(); --count) {
      std::rotate(jobs.begin(), jobs.begin() + static_cast<std::ptrdiff_t>(chance() % jobs.size()), jobs.end());
      scheduler.run_once();
    }
  }

  /// Everything that is ready, and what follows from it, without time passing.
  void rest() {
    while (!scheduler.jobs.empty())
      turn(1000);
  }

  void pass(std::chrono::milliseconds time) {
    scheduler.advance_time(time);
  }

  template <class Answer, class Handle, class... Arguments>
  Answer ask(const Handle& target, Arguments&&... arguments) {
    auto request = self->request(target, caf::infinite, std::forward<Arguments>(arguments)...);
    rest();
    std::optional<Answer> outcome;
    request.receive([&](Answer& answer) { outcome = std::move(answer); },
                    [&](const caf::error& reason) { FAIL(to_string(from_caf(reason))); });
    REQUIRE(outcome.has_value());
    return std::move(*outcome);
  }

  deterministic_config config;
  caf::actor_system system;
  caf::scheduler::test_coordinator& scheduler;
  caf::scoped_actor self;
  std::mt19937_64 chance;
  std::vector<std::unique_ptr<quiet_store>> stores; ///< the first one writes
};

} // namespace

TEST_CASE("whatever runs first, cores that come and go over real sessions lose no event and load once") {
  constexpr std::size_t known = 1000;
  constexpr std::size_t wishes = 1500;
  shuffled_world world{5};
  auto writer = caf::actor_cast<store_actor>(world.stores.front()->store);
  std::vector<core_key> keys;
  for (std::size_t i = 0; i < known; ++i) {
    core_selector selector;
    selector.name = "core-" + std::to_string(i);
    auto opened = world.ask<opened_core>(writer, open_atom_v, selector);
    keys.push_back(opened.record.key);
    std::vector<shared_bytes> blocks{first_block(keys.back(), 0), first_block(keys.back(), 1)};
    world.ask<append_result>(opened.handle, append_atom_v, blocks);
    world.ask<bool>(writer, close_atom_v, opened.record.discovery);
  }
  std::vector<std::shared_ptr<loads>> counted;
  std::vector<store_sink> sinks;
  for (auto& store : world.stores) {
    counted.push_back(std::make_shared<loads>());
    auto before = world.ask<store_record>(store->store, info_atom_v);
    counted.back()->fed = before.cache_misses;
    counted.back()->parked = before.evictions;
    sinks.push_back(world.system.spawn(load_counter, counted.back()));
    world.ask<bool>(store->store, watch_atom_v, sinks.back());
  }
  auto done = std::make_shared<tally>();
  std::vector<client_actor> clients;
  for (std::size_t i = 1; i <= readers_max; ++i) {
    auto reader = caf::actor_cast<store_actor>(world.stores[i]->store);
    world.ask<peer_record>(reader, replicate_atom_v, replicate_partner{writer, {}});
    clients.push_back(world.system.spawn(client, reader, writer, done));
  }
  auto actors_before = world.system.registry().running();
  auto end = wanted_end();
  std::uint64_t asked = 0;
  while (end ? std::chrono::steady_clock::now() < *end : asked < wishes) {
    auto which = world.chance() % known;
    auto& of = clients[world.chance() % clients.size()];
    if (world.chance() % 4 == 0)
      caf::anon_send(of, watch_atom_v, "core-" + std::to_string(which), keys[which]);
    else
      caf::anon_send(of, read_atom_v, keys[which], std::uint64_t{world.chance() % blocks_each});
    ++asked;
    world.turn(world.chance() % 60);
    if (world.chance() % 8 == 0)
      world.pass(std::chrono::milliseconds(world.chance() % 300));
    if (asked - done->done > 200) // so that the wishes under way have a bound
      world.rest();
  }
  for (int seconds = 0; seconds < 120 && (done->done < asked || seconds < 40); ++seconds) {
    world.rest();
    world.pass(std::chrono::seconds(1));
  }
  world.rest();
  CHECK(done->failures == 0);
  CHECK(done->done == asked);
  CHECK(done->events > 0);
  for (std::size_t i = 0; i < world.stores.size(); ++i) {
    check_loads(world.ask<store_record>(world.stores[i]->store, info_atom_v), *counted[i]);
    CHECK(world.stores[i]->backend->stats().readers == 0);
  }
  CHECK(world.system.registry().running() <= actors_before + 5 * 4 * cores_max);
  for (const auto& handle : clients)
    world.self->send_exit(handle, caf::exit_reason::user_shutdown);
  for (const auto& sink : sinks)
    world.self->send_exit(sink, caf::exit_reason::user_shutdown);
  world.rest();
}

// -- in real time

namespace {

struct temporary_folder {
  temporary_folder() {
    path = std::filesystem::temp_directory_path() / ("corestore-lru-" + std::to_string(::getpid()));
    std::filesystem::create_directories(path);
  }
  ~temporary_folder() {
    std::filesystem::remove_all(path);
  }
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;

  std::filesystem::path path;
};

std::shared_ptr<storage::backend> on_disk(const std::filesystem::path& where) {
  storage::open_options options;
  options.durability = storage::durability::none; // what is on trial is not the disk
  auto backend = storage::open_store(where, options);
  REQUIRE(backend.has_value());
  return std::move(*backend);
}

struct footprint {
  std::size_t descriptors = 0;
  std::uint64_t resident_kb = 0;
};

footprint look() {
  footprint now;
  for (const auto& entry : std::filesystem::directory_iterator{"/proc/self/fd"}) {
    std::ignore = entry;
    ++now.descriptors;
  }
  std::ifstream status{"/proc/self/status"};
  for (std::string field; status >> field;)
    if (field == "RssAnon:")
      status >> now.resident_kb;
  return now;
}

} // namespace

TEST_CASE("thousands of cores on disk, asked for at random over sockets and pipes, pass through caches of ten") {
  constexpr std::size_t known = 2000;
  constexpr std::size_t wishes = 4000;
  constexpr std::uint64_t under_way_max = 64;
  temporary_folder folder;
  config::system_config config;
  caf::actor_system system{config};
  caf::scoped_actor self{system};
  actors::engine_settings small;
  small.active_cores_max = small.passive_cores_max = cores_max;
  auto ask = [&]<class Answer>(const auto& target, Answer, const auto&... content) {
    std::optional<Answer> outcome;
    self->request(target, patience, content...)
      .receive([&](Answer& answer) { outcome = std::move(answer); },
               [](const caf::error& reason) { FAIL(to_string(from_caf(reason))); });
    REQUIRE(outcome.has_value());
    return std::move(*outcome);
  };
  std::vector<std::shared_ptr<storage::backend>> backends;
  std::vector<std::unique_ptr<actors::engine>> engines;
  for (std::size_t i = 0; i <= readers_max; ++i) {
    backends.push_back(on_disk(folder.path / std::to_string(i)));
    engines.push_back(std::make_unique<actors::engine>(system, backends.back(), small));
  }
  auto writer = engines.front()->store();
  std::vector<core_key> keys;
  for (std::size_t i = 0; i < known; ++i) {
    core_selector selector;
    selector.name = "core-" + std::to_string(i);
    auto opened = ask(writer, opened_core{}, open_atom_v, selector);
    keys.push_back(opened.record.key);
    ask(opened.handle, append_result{}, append_atom_v,
        std::vector<shared_bytes>{first_block(keys.back(), 0), first_block(keys.back(), 1)});
    ask(writer, bool{}, close_atom_v, opened.record.discovery);
  }
  auto bound = engines.front()->listen({false, "127.0.0.1", 0});
  REQUIRE(bound.has_value());
  auto done = std::make_shared<tally>();
  std::vector<client_actor> clients;
  for (std::size_t i = 1; i <= readers_max; ++i) {
    if (i % 2 == 0)
      engines[i]->connect(*bound);
    else
      ask(engines[i]->store(), peer_record{}, replicate_atom_v, replicate_partner{writer, {}});
    clients.push_back(system.spawn(client, engines[i]->store(), writer, done));
  }
  std::vector<std::shared_ptr<loads>> counted;
  std::vector<store_sink> sinks;
  for (auto& engine : engines) {
    counted.push_back(std::make_shared<loads>());
    sinks.push_back(system.spawn(load_counter, counted.back()));
    ask(engine->store(), bool{}, watch_atom_v, sinks.back());
    auto before = ask(engine->store(), store_record{}, info_atom_v);
    counted.back()->fed += before.cache_misses;
    counted.back()->parked += before.evictions;
  }
  std::mt19937_64 chance{11};
  std::uint64_t asked = 0;
  auto end = wanted_end();
  auto finished = [&](std::uint64_t of) {
    return becomes_true([&] { return done->done + done->failures >= of; });
  };
  auto run = [&](std::uint64_t count) {
    for (; count > 0; --count) {
      auto which = chance() % known;
      auto& of = clients[chance() % clients.size()];
      if (chance() % 4 == 0)
        caf::anon_send(of, watch_atom_v, "core-" + std::to_string(which), keys[which]);
      else
        caf::anon_send(of, read_atom_v, keys[which], std::uint64_t{chance() % blocks_each});
      ++asked;
      if (asked > under_way_max)
        REQUIRE(finished(asked - under_way_max));
    }
    REQUIRE(finished(asked));
  };
  for (const auto& key : keys) { // every reader has a channel for every core: from here on nothing more is to be kept
    for (const auto& of : clients)
      caf::anon_send(of, read_atom_v, key, std::uint64_t{0});
    asked += clients.size();
    REQUIRE(finished(asked - std::min(asked, under_way_max)));
  }
  run(wishes / 4);
  auto before = look();
  auto actors_before = system.registry().running();
  do
    run(wishes);
  while (end && std::chrono::steady_clock::now() < *end);
  CHECK(done->failures == 0);
  CHECK(done->done == asked);
  CHECK(done->events > 0);
  auto settles = [&](std::size_t i) {
    auto record = ask(engines[i]->store(), store_record{}, info_atom_v);
    return record.cores_loaded <= 4 * cores_max && counted[i]->fed == record.cache_misses &&
           counted[i]->parked == record.evictions && record.cache_misses - record.evictions == record.cores_loaded;
  };
  for (std::size_t i = 0; i < engines.size(); ++i) {
    CHECK(becomes_true([&] { return settles(i); }));
    check_loads(ask(engines[i]->store(), store_record{}, info_atom_v), *counted[i]);
    CHECK(backends[i]->stats().readers <= 8); // one for each thread that reads, however long it goes on
  }
  auto after = look();
  if (end)
    WARN(asked << " wishes; descriptors " << before.descriptors << " -> " << after.descriptors << ", actors "
               << actors_before << " -> " << system.registry().running() << ", anonymous memory " << before.resident_kb
               << " -> " << after.resident_kb << " kB");
  CHECK(after.descriptors == before.descriptors);
  CHECK(system.registry().running() <= actors_before + 5 * 4 * cores_max);
  CHECK(after.resident_kb <= before.resident_kb + 24 * 1024);
  for (const auto& handle : clients)
    self->send_exit(handle, caf::exit_reason::user_shutdown);
  for (const auto& sink : sinks)
    self->send_exit(sink, caf::exit_reason::user_shutdown);
  for (auto& engine : engines)
    engine->close();
}

} // namespace corestore::tests
