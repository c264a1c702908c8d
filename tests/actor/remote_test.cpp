// A store of another node: two actor systems in one process, with CAF's node protocol between them on loopback.
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>

#include <caf/all.hpp>
#include <caf/io/middleman.hpp>
#include <catch2/catch.hpp>

#include "actors/engine.hpp"
#include "actors/remote.hpp"
#include "config/system_config.hpp"
#include "messages/errors.hpp"
#include "storage/memory_backend.hpp"

namespace corestore::tests {

namespace {

constexpr auto patience = std::chrono::seconds(20);

struct networked_config : config::system_config {
  networked_config() {
    load<caf::io::middleman>();
  }
};

/// A server whose storage outlives it.
struct server {
  server(std::shared_ptr<storage::backend> backend, std::uint16_t wanted)
      : system(config), engine(system, std::move(backend), {}) {
    auto bound = system.middleman().publish(engine.store(), wanted, "127.0.0.1", true);
    REQUIRE(bound);
    port = *bound;
  }

  networked_config config;
  caf::actor_system system;
  actors::engine engine;
  std::uint16_t port = 0;
};

struct client {
  explicit client(std::uint16_t port) : system(config), self(system) {
    auto connected = actors::connect_node(system, {"127.0.0.1", port, false});
    REQUIRE(connected);
    store = *connected;
  }

  template <class Answer, class Handle, class... Content>
  result<Answer> ask(const Handle& target, Content&&... content) {
    result<Answer> answer = fail(ec::internal, "no answer");
    self->request(target, patience, std::forward<Content>(content)...)
      .receive([&](Answer& value) { answer = std::move(value); },
               [&](const caf::error& reason) { answer = fail(from_caf(reason)); });
    return answer;
  }

  result<opened_core> open(const std::string& name) {
    core_selector selector;
    selector.name = name;
    return ask<opened_core>(store, open_atom_v, selector);
  }

  networked_config config;
  caf::actor_system system;
  caf::scoped_actor self;
  store_actor store;
};

std::vector<shared_bytes> block(std::string_view text) {
  return {shared_bytes{to_bytes(text)}};
}

struct recorder_state {
  std::vector<std::uint64_t> lengths;
  static inline const char* name = "recorder";
};

using recorder_actor = event_sink::extend<caf::replies_to<info_atom>::with<std::vector<std::uint64_t>>>;

} // namespace

TEST_CASE("a remote store answers like the store itself") {
  server there{std::make_shared<storage::memory_backend>(), 0};
  client here{there.port};
  auto opened = here.open("log");
  REQUIRE(opened);
  CHECK(opened->record.writable);
  auto appended = here.ask<append_result>(opened->handle, append_atom_v, block("hello"));
  REQUIRE(appended);
  CHECK(appended->length == 1);
  auto value = here.ask<shared_bytes>(opened->handle, fetch_atom_v, std::uint64_t{0}, std::uint64_t{0});
  REQUIRE(value);
  CHECK(as_text(value->view()) == "hello");
  auto absent = here.ask<shared_bytes>(opened->handle, fetch_atom_v, std::uint64_t{7}, std::uint64_t{0});
  REQUIRE_FALSE(absent);
  CHECK(absent.error().code == ec::block_not_available);
  auto listed = here.ask<record_page>(here.store, list_atom_v, list_request{});
  REQUIRE(listed);
  CHECK(listed->records.size() == 1);
  core_selector unknown;
  unknown.kind = selector_kind::by_discovery;
  unknown.id.data.fill(9);
  auto missing = here.ask<opened_core>(here.store, open_atom_v, unknown);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == ec::not_found);
}

TEST_CASE("nobody at the address is an error that names it") {
  networked_config config;
  caf::actor_system system{config};
  auto connected = actors::connect_node(system, {"127.0.0.1", 1, false});
  REQUIRE_FALSE(connected);
  CHECK(connected.error().code == ec::connection_closed);
  CHECK(connected.error().detail.find("127.0.0.1:1") != std::string::npos);
}

TEST_CASE("a lost node fails what is under way and is dialled again") {
  auto backend = std::make_shared<storage::memory_backend>();
  auto there = std::make_unique<server>(backend, 0);
  auto port = there->port;
  client here{port};
  auto opened = here.open("log");
  REQUIRE(opened);
  auto core = opened->handle;
  REQUIRE(here.ask<append_result>(core, append_atom_v, block("before")));

  // waits for a block that nobody has, until the node is gone
  std::optional<error> outcome;
  std::thread waiting{[&] {
    caf::scoped_actor self{here.system};
    self->request(core, caf::infinite, fetch_atom_v, std::uint64_t{5}, std::uint64_t{60000})
      .receive(
        [](const shared_bytes&) {
          // nobody appends it
        },
        [&](const caf::error& reason) { outcome = from_caf(reason); });
  }};
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  there.reset();
  waiting.join();
  REQUIRE(outcome);
  INFO(to_string(*outcome));
  CHECK((outcome->code == ec::connection_closed || outcome->code == ec::store_closed));

  auto refused = here.ask<append_result>(core, append_atom_v, block("while it is gone"));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ec::connection_closed);

  there = std::make_unique<server>(backend, port);
  auto appended = here.ask<append_result>(core, append_atom_v, block("after"));
  REQUIRE(appended);
  CHECK(appended->length == 2);
  auto again = here.open("log");
  REQUIRE(again);
  CHECK(again->record.length == 2);
}

TEST_CASE("subscribers on another node get the events, also after a restart of the server") {
  auto backend = std::make_shared<storage::memory_backend>();
  auto there = std::make_unique<server>(backend, 0);
  auto port = there->port;
  client here{port};
  auto opened = here.open("log");
  REQUIRE(opened);
  auto recorder = here.system.spawn([](recorder_actor::stateful_pointer<recorder_state> self) {
    return recorder_actor::behavior_type{
      [self](const core_event& event) {
        if (event.kind == event_kind::append)
          self->state.lengths.push_back(event.length);
      },
      [self](info_atom) { return self->state.lengths; },
    };
  });
  auto seen = [&](std::uint64_t length) {
    auto deadline = std::chrono::steady_clock::now() + patience;
    while (std::chrono::steady_clock::now() < deadline) {
      auto lengths = here.ask<std::vector<std::uint64_t>>(recorder, info_atom_v);
      if (lengths && !lengths->empty() && lengths->back() == length)
        return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
  };
  REQUIRE(here.ask<core_record>(opened->handle, subscribe_atom_v, caf::actor_cast<event_sink>(recorder)));
  REQUIRE(here.ask<append_result>(opened->handle, append_atom_v, block("one")));
  CHECK(seen(1));

  there.reset();
  there = std::make_unique<server>(backend, port);
  {
    client other{port};
    auto same = other.open("log");
    REQUIRE(same);
    REQUIRE(other.ask<append_result>(same->handle, append_atom_v, block("two")));
  }
  CHECK(seen(2));
}

TEST_CASE("whoever listens to a store of another node hears its cores, also after a restart of the server") {
  auto backend = std::make_shared<storage::memory_backend>();
  auto there = std::make_unique<server>(backend, 0);
  auto port = there->port;
  client here{port};
  auto said = std::make_shared<std::atomic<int>>(0);
  auto loaded = std::make_shared<std::atomic<int>>(0);
  auto ear = here.system.spawn([said](extension_sink::pointer) {
    return extension_sink::behavior_type{[said](const extension_event& event) {
      *said += event.name == "chat" && event.payload == bytes{1, 2} ? 1 : 100;
      return true;
    }};
  });
  auto eye = here.system.spawn([loaded](store_sink::pointer) {
    return store_sink::behavior_type{[loaded](const store_event& event) {
      *loaded += event.kind == store_event_kind::feed ? 1 : 0;
    }};
  });
  REQUIRE(here.ask<bool>(here.store, extend_atom_v, std::string{"chat"}, ear).value_or(false));
  REQUIRE(here.ask<bool>(here.store, watch_atom_v, eye).value_or(false));

  auto comes_to = [](const std::atomic<int>& count, int wanted) {
    auto deadline = std::chrono::steady_clock::now() + patience;
    while (count < wanted && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return count == wanted;
  };
  networked_config config;
  caf::actor_system system{config};
  auto talk = [&](int count) {
    actors::engine peer{system, std::make_shared<storage::memory_backend>(), {}};
    auto opened = here.open("log");
    REQUIRE(opened);
    REQUIRE(here.ask<append_result>(opened->handle, append_atom_v, block("one")));
    CHECK(comes_to(*loaded, count));
    auto bound = there->engine.listen({false, "127.0.0.1", 0});
    REQUIRE(bound);
    peer.connect(*bound);
    caf::scoped_actor self{system};
    auto ask = [&](auto&& answered, const auto& target, auto... content) {
      self->request(target, patience, content...).receive(answered, [](const caf::error& reason) {
        FAIL(from_caf(reason).detail);
      });
    };
    core_actor copy;
    core_selector selector;
    selector.kind = selector_kind::by_key;
    selector.id.data = opened->record.key.data;
    ask([&](const opened_core& core) { copy = core.handle; }, peer.store(), open_atom_v, selector);
    ask([](const shared_bytes&) {}, copy, fetch_atom_v, std::uint64_t{0}, std::uint64_t{10000});
    std::uint64_t reached = 0;
    ask([&](std::uint64_t to) { reached = to; }, copy, send_atom_v, extension_message{"chat", {1, 2}, 0});
    CHECK(reached == 1);
    CHECK(comes_to(*said, count));
  };
  talk(1);
  there.reset();
  there = std::make_unique<server>(backend, port);
  // Nobody here asks for anything: the listeners come back by themselves.
  auto deadline = std::chrono::steady_clock::now() + patience;
  bool is_back = false;
  while (!is_back && std::chrono::steady_clock::now() < deadline) {
    client other{port};
    auto opened = other.open("probe-" + std::to_string(std::chrono::steady_clock::now().time_since_epoch().count()));
    REQUIRE(opened);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    is_back = *loaded > 1;
  }
  CHECK(is_back);
  *loaded = 1;
  talk(2);
  for (const auto& sink : {caf::actor_cast<caf::actor>(ear), caf::actor_cast<caf::actor>(eye)})
    caf::anon_send_exit(sink, caf::exit_reason::user_shutdown); // known to the other node: it does not end by itself
}

namespace {

/// A store of some other version: it knows fewer messages.
using older_store_actor = caf::typed_actor<caf::replies_to<open_atom, core_selector>::with<opened_core>,
                                           caf::replies_to<info_atom>::with<store_record>>;

older_store_actor::behavior_type older_store(older_store_actor::pointer) {
  return {
    [](open_atom, const core_selector&) -> caf::result<opened_core> { return make_error(ec::not_found, "no cores"); },
    [](info_atom) { return store_record{}; },
  };
}

} // namespace

TEST_CASE("a server of another version is refused by name") {
  networked_config config;
  caf::actor_system system{config};
  auto older = system.spawn(older_store);
  auto port = system.middleman().publish(older, 0, "127.0.0.1", true);
  REQUIRE(port);
  {
    networked_config ours;
    caf::actor_system here{ours};
    auto connected = actors::connect_node(here, {"127.0.0.1", *port, false});
    REQUIRE_FALSE(connected);
    CHECK(connected.error().code == ec::unsupported);
    CHECK(connected.error().detail.find("127.0.0.1:" + std::to_string(*port)) != std::string::npos);
  }
  caf::anon_send_exit(older, caf::exit_reason::user_shutdown);
}

TEST_CASE("a client of another version gets a named error for what the server does not know, and the server goes on") {
  server there{std::make_shared<storage::memory_backend>(), 0};
  client here{there.port};
  // straight to the store, as a client does that was built with other messages
  std::optional<caf::actor> store;
  here.self
    ->request(here.system.middleman().actor_handle(), patience, caf::connect_atom::value, std::string{"127.0.0.1"},
              there.port)
    .receive([&](const caf::node_id&, const caf::strong_actor_ptr& handle,
                 const std::set<std::string>&) { store = caf::actor_cast<caf::actor>(handle); },
             [](const caf::error& reason) { FAIL(to_string(from_caf(reason))); });
  REQUIRE(store);
  std::optional<error> outcome;
  here.self->request(*store, patience, verify_atom_v, std::string{"newer"})
    .receive(
      [](bool) {
        // no store of this version knows it
      },
      [&](const caf::error& reason) { outcome = from_caf(reason); });
  REQUIRE(outcome);
  CHECK(outcome->code == ec::unsupported);
  REQUIRE(here.open("log"));
}

TEST_CASE("what a client held is released when its process is gone") {
  server there{std::make_shared<storage::memory_backend>(), 0};
  client stays{there.port};
  auto references = [&] {
    auto record = stays.ask<store_record>(stays.store, info_atom_v);
    REQUIRE(record);
    return record->references;
  };
  {
    client goes{there.port};
    auto one = goes.open("one");
    auto two = goes.open("two");
    REQUIRE(one);
    REQUIRE(two);
    CHECK(references() == 2);
  }
  auto deadline = std::chrono::steady_clock::now() + patience;
  while (references() > 0 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  CHECK(references() == 0);
}

TEST_CASE("two stores replicate over a node connection, until the other node is gone") {
  auto there = std::make_unique<server>(std::make_shared<storage::memory_backend>(), 0);
  client here{there->port};
  actors::engine own{here.system, std::make_shared<storage::memory_backend>(), {}};
  auto source = here.open("log");
  REQUIRE(source);
  std::vector<shared_bytes> blocks;
  for (std::uint8_t i = 0; i < 20; ++i)
    blocks.emplace_back(bytes(100000, i));
  REQUIRE(here.ask<append_result>(source->handle, append_atom_v, blocks));
  core_selector by_key;
  by_key.kind = selector_kind::by_key;
  by_key.id.data = source->record.key.data;
  auto copy = here.ask<opened_core>(own.store(), open_atom_v, by_key);
  REQUIRE(copy);
  REQUIRE(here.ask<peer_record>(own.store(), replicate_atom_v, replicate_partner{here.store, {}}));
  constexpr std::uint64_t wait_ms = 15000;
  auto arrived = here.ask<bool>(copy->handle, download_atom_v, std::uint64_t{0}, std::uint64_t{20}, wait_ms);
  CHECK(arrived == true);
  auto report = here.ask<verify_report>(copy->handle, verify_atom_v);
  REQUIRE(report);
  CHECK(report->blocks == 20);
  CHECK(report->faults.empty());
  there.reset();
  auto peers = [&] {
    auto records = here.ask<std::vector<peer_record>>(own.store(), peers_atom_v);
    REQUIRE(records);
    return records->size();
  };
  auto deadline = std::chrono::steady_clock::now() + patience;
  while (peers() > 0 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  CHECK(peers() == 0);
  own.close();
}

TEST_CASE("groups of a store on another node: joined, listed and told from here") {
  server there{std::make_shared<storage::memory_backend>(), 0};
  client here{there.port};
  hash32 topic;
  topic.data.fill(5);
  auto told = std::make_shared<std::atomic<std::uint64_t>>(0);
  auto sink = here.system.spawn([told, topic](store_sink::pointer) {
    return store_sink::behavior_type{[told, topic](const store_event& event) {
      if (event.kind == store_event_kind::group && event.group == topic)
        *told = event.length;
    }};
  });
  REQUIRE(here.ask<bool>(here.store, watch_atom_v, sink).value_or(false));
  core_selector selector;
  selector.name = "first";
  selector.group = to_bytes(topic.view());
  auto first = here.ask<opened_core>(here.store, open_atom_v, selector);
  REQUIRE(first);
  CHECK(first->record.group == selector.group);
  auto second = here.open("second");
  REQUIRE(second);
  auto joined = here.ask<core_record>(second->handle, group_atom_v, to_bytes(topic.view()));
  REQUIRE(joined);
  CHECK(joined->group == selector.group);
  REQUIRE(here.ask<append_result>(second->handle, append_atom_v, block("a")));
  REQUIRE(here.ask<append_result>(first->handle, append_atom_v, block("b")));
  auto page = here.ask<group_page>(here.store, list_atom_v, group_request{topic, 0, 0, true, 10});
  REQUIRE(page);
  REQUIRE(page->updates.size() == 2);
  CHECK(page->updates[0].key == first->record.key);
  CHECK(page->updates[1].key == second->record.key);
  auto deadline = std::chrono::steady_clock::now() + patience;
  while (*told != 1 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  CHECK(*told == 1);
  CHECK(here.ask<core_record>(first->handle, group_atom_v, bytes(3, 1)).error().code == ec::bad_argument);
  here.self->send_exit(sink, caf::exit_reason::user_shutdown);
}

} // namespace corestore::tests
