// What replicators offer beyond plain downloads: slow peers, pace, extensions, pushes, switches, evidence.
#include <catch2/catch.hpp>

#include "base/limits.hpp"
#include "replication/conflict.hpp"
#include "replication/pacing.hpp"
#include "tests/unit/replication/replicator_stranger.hpp"
#include "tests/unit/replication/replicator_world.hpp"

using namespace corestore;
using namespace corestore::test;

namespace {

const auto keys = test_keys();

/// A reader that knows its head, with a peer that answers (1) and a peer that never does (2).
struct two_peers {
  memory_core source = writer_with(40, keys);
  memory_core core = headed(source);
  replication::replicator machine{core.state, {.in_flight_max = 16}};
  std::uint64_t now = 1000;
  std::size_t changed = 0;

  two_peers() {
    for (const replication::peer_id peer : {1, 2}) {
      machine.add_peer(peer, {true}, core.store, now);
      machine.grant(peer, std::size_t{1} << 20U, core.store);
    }
    for (const replication::peer_id peer : {1, 2})
      machine.receive(peer, {full_sync(40, 40), wire::range{false, 0, 40}}, core.store, now);
    static_cast<void>(machine.take_effects());
  }

  /// Requests of one peer among the effects; answers them when it is peer 1.
  std::map<replication::peer_id, std::vector<wire::request>> turn() {
    std::map<replication::peer_id, std::vector<wire::request>> asked;
    for (auto effects = machine.take_effects(); !effects.messages.empty() || !effects.verified.empty();
         effects = machine.take_effects()) {
      for (const auto& outgoing : effects.messages) {
        for (const auto& request : all_of<wire::request>(outgoing.messages)) {
          asked[outgoing.peer].push_back(request);
          if (outgoing.peer == 1)
            answer(request);
        }
      }
      if (effects.verified.empty())
        continue;
      const auto changes = core.stage(effects.verified).value();
      CORESTORE_CHECK(core.apply(changes).has_value());
      changed += effects.verified.size();
      machine.changed(changes, false, core.store, now);
    }
    return asked;
  }

  void answer(const wire::request& request) {
    auto proof = source.prove(request.wanted).value();
    machine.receive(1, {wire::data{request.id, std::move(proof)}}, core.store, now);
  }
};

} // namespace

TEST_CASE("what a silent peer owes is asked of an idle one long before the request times out",
          "[replicator_service_test]") {
  two_peers sim;
  sim.machine.add_download(1, {0, 40}, false, sim.core.store, sim.now);
  auto asked = sim.turn();
  REQUIRE_FALSE(asked[2].empty());
  REQUIRE_FALSE(sim.core.state.bits.all_set({0, 40}));
  const auto start = sim.now;
  for (int i = 0; i < 100 && !sim.core.state.bits.all_set({0, 40}); ++i) {
    const auto next = sim.machine.next_tick_ms();
    REQUIRE(next.has_value());
    sim.now = std::max(sim.now + 1, *next);
    sim.machine.tick(sim.core.store, sim.now);
    static_cast<void>(sim.turn());
  }
  REQUIRE(sim.core.state.bits.all_set({0, 40}));
  REQUIRE(sim.now - start < 2000);
  REQUIRE(sim.machine.statistics().hotswaps >= asked[2].size());
  REQUIRE(sim.machine.statistics().timeouts == 0);
  for (const auto& info : sim.machine.peers())
    REQUIRE(info.in_flight == 0); // the slow peer's requests were withdrawn
}

TEST_CASE("a head that a silent peer owes is asked of another one", "[replicator_service_test]") {
  two_peers sim;
  CORESTORE_CHECK(sim.source.append(test_blocks(40, 45), keys).has_value());
  auto longer = full_sync(45, 40);
  sim.machine.receive(2, {longer}, sim.core.store, sim.now);
  REQUIRE(sim.turn()[2].size() == 1);
  sim.machine.receive(1, {longer}, sim.core.store, sim.now);
  REQUIRE(sim.turn()[1].empty()); // one upgrade at a time
  sim.now += 600;
  sim.machine.tick(sim.core.store, sim.now);
  REQUIRE(sim.turn()[1].size() == 1);
  REQUIRE(sim.core.state.head.length == 45);
}

TEST_CASE("the pace of a peer follows its answers", "[replicator_service_test]") {
  replication::pacing pace;
  REQUIRE(pace.window(512) == replication::pacing::window_start);
  std::uint64_t now = 0;
  for (int i = 0; i < 1000; ++i)
    pace.answered(now, now + 5, 512);
  REQUIRE(pace.window(512) == 512);
  REQUIRE(pace.latency_ms() == 5);
  for (int i = 0; i < 200; ++i) {
    now += 100;
    pace.answered(now - std::min<std::uint64_t>(now, 5000), now, 512);
  }
  REQUIRE(pace.window(512) < 300);
  for (int i = 0; i < 30; ++i)
    pace.lost(now += 1000);
  REQUIRE(pace.window(512) == replication::pacing::window_min);
  REQUIRE(pace.window(4) == 4);
  replication::pacing distant; // a long way is no queue
  for (std::uint64_t at = 0; at < 1000; ++at)
    distant.answered(at, at + 3000, 512);
  REQUIRE(distant.window(512) == 512);
}

TEST_CASE("exactly the blocks of a list are asked for, and given up together", "[replicator_service_test]") {
  world sim{3};
  auto& writer = sim.add(writer_with(300, keys));
  auto& reader = sim.add(reader_of(writer.core));
  sim.connect(writer, reader);
  sim.run();
  const std::vector<std::uint64_t> list{7, 3, 299, 150, 151};
  for (const auto index : list)
    reader.wanted.insert(index);
  reader.machine->want_blocks(list, reader.core.store, sim.now);
  sim.drain(reader);
  sim.run();
  REQUIRE(reader.core.state.bits.count({0, 300}) == 5);
  for (const auto index : list)
    REQUIRE(reader.core.state.bits.test(index));
  REQUIRE(reader.asked.size() == 5);

  stranger peer{headed(writer.core)};
  static_cast<void>(peer.say({full_sync(300, 300), wire::range{false, 0, 300}}));
  peer.machine.want_blocks({1, 2, 5}, peer.core.store, 0);
  REQUIRE(all_of<wire::request>(peer.take()).size() == 3);
  peer.machine.drop_blocks({1, 2, 5});
  REQUIRE(all_of<wire::cancel>(peer.take()).size() == 3);
}

TEST_CASE("extension messages reach those that registered the name, and repeat it on the wire only when it changes",
          "[replicator_service_test]") {
  world sim{1};
  auto& left = sim.add(writer_with(1, keys));
  auto& right = sim.add(reader_of(left.core));
  const auto link = sim.connect(left, right);
  sim.run();
  REQUIRE(right.machine->add_extension("chat"));
  REQUIRE_FALSE(right.machine->add_extension(""));
  REQUIRE_FALSE(right.machine->add_extension(std::string(limits::extension_name_bytes_max + 1, 'x')));
  for (const auto* text : {"one", "two"})
    REQUIRE(left.machine->send_extension(0, "chat", to_bytes(std::string_view{text})) == 1);
  REQUIRE(left.machine->send_extension(link, "unheard", {}) == 1);
  REQUIRE(left.machine->send_extension(link, "chat", to_bytes(std::string_view{"three"})) == 1);
  REQUIRE(left.machine->send_extension(link + 1, "chat", {}) == 0);
  REQUIRE(left.machine->send_extension(0, "chat", bytes(limits::block_bytes_max + 1)) == 0);
  sim.drain(left);
  sim.run();
  std::vector<std::string> heard;
  for (const auto& event : right.events) {
    if (const auto* message = std::get_if<replication::extension_received>(&event)) {
      REQUIRE(message->name == "chat");
      heard.emplace_back(message->payload.begin(), message->payload.end());
    }
  }
  REQUIRE(heard == std::vector<std::string>{"one", "two", "three"});
  right.machine->remove_extension("chat");
  static_cast<void>(left.machine->send_extension(0, "chat", {}));
  sim.drain(left);
  sim.run();
  REQUIRE(right.count_events<replication::extension_received>() == 3);
}

TEST_CASE("pushed blocks are taken where they are allowed, with the head they need", "[replicator_service_test]") {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    CAPTURE(seed);
    world sim{seed};
    auto& writer = sim.add(writer_with(seed % 2 == 0 ? 0 : 10, keys));
    auto& reader = sim.add(reader_of(writer.core));
    auto& shy = sim.add(reader_of(writer.core));
    reader.machine->set_downloading(true, reader.core.store, sim.now);
    reader.machine->set_allow_push(true, reader.core.store, sim.now);
    reader.machine->set_push_only(true, reader.core.store, sim.now);
    sim.connect(writer, reader);
    sim.connect(writer, shy);
    sim.run();
    REQUIRE(reader.core.state.head.length == 0);
    for (int i = 0; i < 12; ++i) {
      const auto length = writer.core.state.head.length;
      sim.append(writer, test_blocks(length, length + 1), keys);
      REQUIRE(writer.machine->push(length, writer.core.store, sim.now) == 1);
      sim.drain(writer);
      sim.run_some(sim.random()() % 8);
    }
    sim.run();
    const auto length = writer.core.state.head.length;
    REQUIRE(reader.core.state.head.length == length);
    REQUIRE(reader.core.state.bits.test(length - 1));
    REQUIRE(reader.sent[1] == 0); // requests
    REQUIRE(reader.count_events<replication::invalid_data>() == 0);
    REQUIRE(writer.machine->statistics().blocks_pushed == 12);
    REQUIRE(shy.core.state.bits.count({0, length}) == 0);
    REQUIRE(writer.machine->push(length, writer.core.store, sim.now) == 0); // there is no such block
  }
}

TEST_CASE("data that nobody asked for is ignored unless pushes are allowed", "[replicator_service_test]") {
  const auto source = writer_with(8, keys);
  stranger peer{headed(source)};
  static_cast<void>(peer.say({full_sync(8, 8), wire::range{false, 0, 8}}));
  log::proof_request wanted;
  wanted.block = log::block_request{3, 3};
  const wire::data pushed{0, source.prove(wanted).value()};
  static_cast<void>(peer.say({pushed}));
  REQUIRE(peer.verified.empty());
  peer.machine.set_downloading(true, peer.core.store, 0);
  peer.machine.set_allow_push(true, peer.core.store, 0);
  const auto told = all_of<wire::sync>(peer.take());
  REQUIRE_FALSE(told.empty());
  REQUIRE(told.back().allow_push);
  auto damaged = pushed;
  damaged.content.block->value = shared_bytes::copy_of(as_bytes("other"));
  static_cast<void>(peer.say({damaged}));
  REQUIRE(peer.verified.empty());
  REQUIRE(peer.count<replication::invalid_data>() == 1);
}

TEST_CASE("uploads and downloads can be switched off and on while peers are connected", "[replicator_service_test]") {
  world sim{4};
  auto& writer = sim.add(writer_with(3000, keys));
  auto& reader = sim.add(reader_of(writer.core));
  sim.connect(writer, reader);
  sim.run();
  writer.machine->set_transfers(0, false, true, writer.core.store, sim.now);
  sim.drain(writer);
  sim.run();
  sim.download(reader);
  sim.run();
  REQUIRE(reader.asked.empty());
  writer.machine->set_transfers(0, true, true, writer.core.store, sim.now);
  sim.drain(writer);
  sim.run_some(10);
  reader.machine->set_transfers(0, true, false, reader.core.store, sim.now);
  sim.drain(reader);
  sim.run();
  REQUIRE_FALSE(is_same(writer, reader));
  REQUIRE(reader.machine->peers().at(0).in_flight == 0);
  reader.machine->set_transfers(0, true, true, reader.core.store, sim.now);
  sim.drain(reader);
  sim.run();
  REQUIRE(is_same(writer, reader));
}

TEST_CASE("two signed histories make a proof that convinces a third party, and nothing else does",
          "[replicator_service_test]") {
  auto left = memory_core::owned(keys);
  auto right = memory_core::owned(keys);
  CORESTORE_CHECK(left.append(test_blocks(0, 5), keys).has_value());
  CORESTORE_CHECK(right.append(test_blocks(100, 107), keys).has_value());
  log::proof_request wanted;
  wanted.upgrade = log::upgrade_request{0, 5};
  replication::conflict_proof evidence{left.state.header.key, left.state.header.manifest, left.prove(wanted).value(),
                                       right.prove(wanted).value()};
  const auto facts = replication::verify(replication::decode_conflict(replication::encode(evidence)).value());
  REQUIRE(facts.has_value());
  REQUIRE(facts->length == 5);
  REQUIRE(facts->fork == 0);
  REQUIRE(facts->first_tree == left.tree_hash());
  REQUIRE(facts->first_tree != facts->second_tree);

  auto agreeing = evidence;
  agreeing.second = agreeing.first;
  REQUIRE(replication::verify(agreeing).error().code == ec::invalid_proof);
  auto unsigned_one = evidence;
  unsigned_one.second.upgrade->signature[5] ^= 1U;
  REQUIRE_FALSE(replication::verify(unsigned_one).has_value());
  auto shorter = evidence;
  wanted.upgrade->length = 4;
  shorter.second = right.prove(wanted).value();
  REQUIRE(replication::verify(shorter).error().code == ec::invalid_proof);
  auto cut = replication::encode(evidence);
  cut.pop_back();
  REQUIRE_FALSE(replication::decode_conflict(cut).has_value());
  cut[0] = 9;
  REQUIRE_FALSE(replication::decode_conflict(cut).has_value());
}

TEST_CASE("a log of more segments than may be wanted at a time is still walked through", "[replicator_service_test]") {
  constexpr std::uint64_t segment = 2097152;
  const auto source = writer_with(3, keys);
  auto core = headed(source);
  core.state.head.length = segment * 600; // as if it were that long: nothing is verified here
  stranger peer{std::move(core)};
  static_cast<void>(peer.say({full_sync(segment * 600, segment * 600)}));
  std::vector<std::uint64_t> blocks;
  for (std::uint64_t i = 0; i < 600; ++i)
    blocks.push_back(i * segment + 5);
  peer.machine.want_blocks(blocks, peer.core.store, 0);
  std::set<std::uint64_t> told;
  std::size_t unwants = 0;
  std::size_t most_at_once = 0;
  const auto note = [&](const std::vector<wire::message>& messages) {
    const auto wants = all_of<wire::want>(messages);
    unwants += all_of<wire::unwant>(messages).size();
    most_at_once = std::max(most_at_once, wants.size());
    for (const auto& want : wants)
      told.insert(want.start / segment);
  };
  note(peer.take());
  for (int second = 0; second < 8; ++second) {
    const auto next = peer.machine.next_tick_ms();
    if (!next)
      break;
    peer.now = std::max(peer.now + 1, *next);
    peer.machine.tick(peer.core.store, peer.now);
    note(peer.take());
  }
  REQUIRE(told.size() == 600);
  REQUIRE(unwants >= 88);
  REQUIRE(most_at_once <= limits::wants_max + 64);
}
