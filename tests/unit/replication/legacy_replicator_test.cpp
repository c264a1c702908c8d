#include <catch2/catch.hpp>

#include <deque>
#include <memory>

#include "log/legacy/keys.hpp"
#include "replication/legacy/replicator.hpp"
#include "tests/unit/log/memory_log.hpp"

using namespace corestore;
using namespace corestore::replication;
using test::memory_core;
using test::test_blocks;
using test::test_keys;

namespace {

/// One side of a conversation: a log, its replicator, and a store that commits at once.
struct side {
  explicit side(bool is_owner) {
    auto keys = test_keys();
    auto identity = log::legacy::identity_of(keys.public_part);
    core.state.header.number = log::core_number{1};
    core.state.header.key = identity.key;
    core.state.header.discovery = identity.discovery;
    core.state.header.generation = log::generation::g9;
    core.state.header.origin = is_owner ? log::key_origin::derived : log::key_origin::none;
    machine = std::make_unique<legacy::replicator>(core.state, replicator_settings{});
  }

  void append(std::uint64_t start, std::uint64_t end) {
    auto staged = log::stage_append(core.state, test_blocks(start, end), test_keys());
    REQUIRE(staged);
    commit(*staged, true);
  }

  void commit(const log::change_set& changes, bool is_ours) {
    REQUIRE(core.apply(changes));
    machine->changed(changes, is_ours, core.store, now);
  }

  memory_core core;
  std::unique_ptr<legacy::replicator> machine;
  std::vector<replicator_event> events;
  std::size_t blocks_sent = 0;
  std::optional<legacy::status> last_status;
  std::uint64_t now = 1000;
};

constexpr peer_id wire_link = 7;

/// Carries messages until both sides are quiet.
void exchange(side& one, side& other) {
  for (bool is_busy = true; is_busy;) {
    is_busy = false;
    for (auto [from, to] : {std::pair{&one, &other}, std::pair{&other, &one}}) {
      auto produced = from->machine->take_effects();
      from->events.insert(from->events.end(), produced.events.begin(), produced.events.end());
      if (!produced.verified.empty()) {
        auto staged = from->core.stage(produced.verified);
        REQUIRE(staged);
        from->commit(*staged, false);
        is_busy = true;
      }
      for (auto& batch : produced.messages) {
        is_busy = true;
        for (const auto& message : batch.messages) {
          if (std::holds_alternative<legacy::data>(message))
            ++from->blocks_sent;
          if (const auto* status = std::get_if<legacy::status>(&message))
            from->last_status = *status;
        }
        to->machine->receive(wire_link, std::move(batch.messages), to->core.store, to->now);
      }
    }
  }
}

void connect(side& one, side& other) {
  for (auto* each : {&one, &other}) {
    each->machine->add_peer(wire_link, {}, each->core.store, each->now);
    each->machine->grant(wire_link, std::size_t{1} << 30U, each->core.store);
  }
  exchange(one, other);
}

void wait(side& one, side& other, std::uint64_t ms) {
  for (auto* each : {&one, &other}) {
    each->now += ms;
    each->machine->tick(each->core.store, each->now);
  }
  exchange(one, other);
}

} // namespace

TEST_CASE("a reader of generation 9 gets every block, and blocks that are appended later") {
  side writer{true};
  side reader{false};
  writer.append(0, 5);
  writer.append(5, 13);
  reader.machine->add_download(1, {0, UINT64_MAX}, false, reader.core.store, reader.now);
  connect(writer, reader);
  CHECK(reader.core.state.head == writer.core.state.head);
  CHECK(reader.core.store.blocks == writer.core.store.blocks);
  CHECK(writer.blocks_sent == 13);
  writer.append(13, 14);
  writer.append(14, 40);
  exchange(writer, reader);
  CHECK(reader.core.state.head == writer.core.state.head);
  CHECK(reader.core.store.blocks == writer.core.store.blocks);
  for (const auto& [index, node] : reader.core.store.nodes)
    CHECK(writer.core.store.nodes.at(index) == node);
}

TEST_CASE("an owner of a sparse core follows the length and gets no block until it asks") {
  side writer{true};
  side reader{false};
  writer.append(0, 9);
  reader.machine->set_downloading(true, reader.core.store, reader.now);
  connect(writer, reader);
  CHECK(reader.core.state.head.length == 9);
  CHECK(reader.core.store.blocks.empty());
  CHECK(reader.machine->is_update_settled());
  reader.machine->want_blocks({4}, reader.core.store, reader.now);
  exchange(writer, reader);
  REQUIRE(reader.core.store.blocks.size() == 1);
  CHECK(reader.core.store.blocks.at(4) == writer.core.store.blocks.at(4));
}

TEST_CASE("a sparse holder proves what it got at an older length, also to a third side") {
  side writer{true};
  side middle{false};
  writer.append(0, 5);
  middle.machine->want_blocks({1}, middle.core.store, middle.now);
  connect(writer, middle);
  writer.append(5, 6);
  writer.append(6, 11);
  middle.machine->want_blocks({9}, middle.core.store, middle.now);
  exchange(writer, middle);
  REQUIRE(middle.core.store.blocks.size() == 2);
  middle.machine->remove_peer(wire_link, middle.core.store, middle.now);
  std::ignore = middle.machine->take_effects();
  side last{false};
  last.machine->want_blocks({1, 9}, last.core.store, last.now);
  connect(middle, last);
  CHECK(last.core.store.blocks == middle.core.store.blocks);
}

TEST_CASE("who has everything says so after a pause, and takes it back when more comes") {
  side writer{true};
  side reader{false};
  writer.append(0, 3);
  reader.machine->add_download(1, {0, UINT64_MAX}, false, reader.core.store, reader.now);
  connect(writer, reader);
  REQUIRE(writer.last_status == legacy::status{true, false}); // it is the one who makes the log longer
  CHECK_FALSE(reader.last_status);
  CHECK(reader.machine->next_tick_ms());
  wait(writer, reader, 1000);
  CHECK(reader.last_status == legacy::status{true, false});
  writer.append(3, 4);
  exchange(writer, reader);
  CHECK(reader.last_status == legacy::status{true, true});
  CHECK(reader.core.store.blocks.size() == 4);
}

TEST_CASE("two readers that have everything fall silent instead of telling each other for ever") {
  side writer{true};
  side one{false};
  side other{false};
  writer.append(0, 3);
  for (auto* reader : {&one, &other}) {
    reader->machine->add_download(1, {0, UINT64_MAX}, false, reader->core.store, reader->now);
    connect(writer, *reader);
    for (auto* each : {&writer, reader}) {
      each->machine->remove_peer(wire_link, each->core.store, each->now);
      std::ignore = each->machine->take_effects();
    }
  }
  connect(one, other);
  wait(one, other, 1000);
  wait(one, other, 1000);
  CHECK(one.last_status == legacy::status{true, false});
  CHECK(other.last_status == legacy::status{true, false});
  CHECK_FALSE(one.machine->next_tick_ms());
}

TEST_CASE("a wrong block is refused, counted, and cuts the peer off when it goes on") {
  side writer{true};
  side reader{false};
  writer.append(0, 8);
  reader.machine->add_download(1, {0, UINT64_MAX}, false, reader.core.store, reader.now);
  for (auto& [index, block] : writer.core.store.blocks)
    block = shared_bytes{bytes{1, 2, 3, 4, 5}};
  connect(writer, reader);
  CHECK(reader.core.store.blocks.empty());
  auto failed = std::count_if(reader.events.begin(), reader.events.end(),
                              [](const auto& event) { return std::holds_alternative<peer_failed>(event); });
  CHECK(failed == 1);
}

TEST_CASE("a request for a block that was cleared is answered with news, not with silence") {
  side writer{true};
  side reader{false};
  writer.append(0, 4);
  connect(writer, reader);
  writer.machine->receive(wire_link, {legacy::want{0, 1048576}}, writer.core.store, writer.now);
  std::ignore = writer.machine->take_effects();
  writer.commit(log::stage_clear(writer.core.state, {2, 3}), true);
  auto told = writer.machine->take_effects();
  REQUIRE(told.messages.size() == 1);
  CHECK(std::get<legacy::unhave>(told.messages[0].messages.at(0)) == legacy::unhave{2, 1});
  writer.machine->receive(wire_link, {legacy::request{2, 0, false, 0}}, writer.core.store, writer.now);
  auto answered = writer.machine->take_effects();
  REQUIRE(answered.messages.size() == 1);
  CHECK(std::get<legacy::unhave>(answered.messages[0].messages.at(0)) == legacy::unhave{2, 1});
}

TEST_CASE("extension messages go by the position of the name in the sender's list") {
  side one{true};
  side other{false};
  REQUIRE(one.machine->add_extension("beta"));
  REQUIRE(other.machine->add_extension("alpha"));
  REQUIRE(other.machine->add_extension("beta"));
  connect(one, other);
  CHECK(other.machine->send_extension(0, "beta", bytes{42}) == 1);
  exchange(one, other);
  auto received = std::find_if(one.events.begin(), one.events.end(),
                               [](const auto& event) { return std::holds_alternative<extension_received>(event); });
  REQUIRE(received != one.events.end());
  CHECK(std::get<extension_received>(*received).name == "beta");
  CHECK(std::get<extension_received>(*received).payload == bytes{42});
}

TEST_CASE("a core of generation 9 leaves the memory unnoticed, and its reader hears what came meanwhile") {
  side writer{true};
  side reader{false};
  writer.append(0, 5);
  reader.machine->add_download(1, {0, UINT64_MAX}, false, reader.core.store, reader.now);
  connect(writer, reader);
  wait(writer, reader, 1000);
  REQUIRE(writer.machine->is_quiet());
  CHECK(writer.machine->is_known_to_peers());
  auto parked = writer.machine->park_peer(wire_link);
  REQUIRE(parked);
  CHECK(writer.machine->peer_count() == 0);
  CHECK(writer.machine->park_peer(wire_link) == nullptr);

  writer.machine = std::make_unique<legacy::replicator>(writer.core.state, replicator_settings{});
  writer.append(5, 9);
  writer.machine->unpark_peer(wire_link, {}, parked, writer.core.store, writer.now);
  writer.machine->grant(wire_link, std::size_t{1} << 30U, writer.core.store);
  exchange(writer, reader);
  CHECK(reader.core.state.head == writer.core.state.head);
  CHECK(reader.core.store.blocks.size() == 9);
}

TEST_CASE("a reader of generation 9 that comes back to memory still knows what its peer has") {
  side writer{true};
  side reader{false};
  writer.append(0, 6);
  reader.machine->set_downloading(true, reader.core.store, reader.now);
  connect(writer, reader);
  CHECK_FALSE(reader.machine->is_quiet()); // the peer has not heard yet that nothing is wanted
  wait(writer, reader, 1000);
  REQUIRE(reader.machine->is_quiet());
  auto parked = reader.machine->park_peer(wire_link);
  reader.machine = std::make_unique<legacy::replicator>(reader.core.state, replicator_settings{});
  reader.machine->unpark_peer(wire_link, {}, parked, reader.core.store, reader.now);
  CHECK(reader.machine->take_effects().messages.empty());
  reader.machine->want_blocks({4}, reader.core.store, reader.now);
  CHECK_FALSE(reader.machine->is_quiet());
  exchange(writer, reader);
  CHECK(reader.core.store.blocks.size() == 1);
}

TEST_CASE("a core of generation 9 that was held before it had peers follows the length") {
  side writer{true};
  side reader{false};
  writer.append(0, 9);
  replicator_settings settings;
  settings.is_downloading = true;
  reader.machine = std::make_unique<legacy::replicator>(reader.core.state, settings);
  CHECK(reader.machine->is_update_settled());
  reader.machine->add_peer(wire_link, {}, reader.core.store, reader.now);
  CHECK_FALSE(reader.machine->is_update_settled());
  writer.machine->add_peer(wire_link, {}, writer.core.store, writer.now);
  writer.machine->grant(wire_link, std::size_t{1} << 30U, writer.core.store);
  exchange(writer, reader);
  CHECK(reader.core.state.head.length == 9);
  CHECK(reader.machine->is_update_settled());
}
