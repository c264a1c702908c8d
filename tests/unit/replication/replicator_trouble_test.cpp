// Replicators among liars, strangers, forks and failing disks: they stay bounded, and converge when they can.
#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <random>
#include <tuple>

#include "base/limits.hpp"
#include "tests/unit/replication/replicator_stranger.hpp"
#include "tests/unit/replication/replicator_world.hpp"

using namespace corestore;
using namespace corestore::test;

namespace {

constexpr std::uint64_t seeds = 12;
const auto keys = test_keys();

} // namespace

TEST_CASE("a truncated and rewritten log replaces the old one", "[replicator_trouble_test]") {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    for (const std::uint64_t kept : {0, 1, 5, 37, 64, 99, 100}) {
      CAPTURE(seed, kept);
      world sim{seed};
      auto& writer = sim.add(writer_with(100, keys));
      auto& reader = sim.add(reader_of(writer.core));
      auto& late = sim.add(reader_of(writer.core));
      sim.download(reader);
      const auto link = sim.connect(writer, reader);
      if (seed % 3 != 0)
        sim.run();
      else
        sim.run_some(8);
      const bool is_offline = seed % 2 == 0;
      if (is_offline)
        sim.disconnect(link);
      sim.truncate(writer, kept, 1, keys);
      sim.append(writer, test_blocks(kept, kept + 20, 1), keys);
      if (is_offline)
        sim.connect(writer, reader);
      sim.connect(reader, late);
      sim.download(late);
      sim.run();
      REQUIRE(is_same(writer, reader));
      REQUIRE(is_same(writer, late));
      REQUIRE(reader.count_events<replication::invalid_data>() == 0);
    }
  }
}

TEST_CASE("a fork is followed through a peer without blocks: at once when none are stored here, soon otherwise",
          "[replicator_trouble_test]") {
  for (const bool has_blocks : {false, true}) {
    CAPTURE(has_blocks);
    world sim{7};
    auto& writer = sim.add(writer_with(40, keys));
    auto& middle = sim.add(reader_of(writer.core));
    auto& reader = sim.add(reader_of(writer.core));
    const auto direct = sim.connect(writer, reader);
    sim.connect(writer, middle);
    if (has_blocks)
      sim.download(reader, {0, 40});
    sim.run();
    sim.disconnect(direct);
    const auto start = sim.now;
    sim.truncate(writer, 21, 1, keys);
    sim.run();
    REQUIRE(middle.core.state.head.fork == 1);
    REQUIRE(sim.now == start); // nothing had to be waited for
    sim.connect(middle, reader);
    sim.run();
    REQUIRE(reader.core.state.head.fork == 1);
    REQUIRE(reader.core.state.head.length == 21);
    REQUIRE(sim.now - start <= (has_blocks ? 5000U : 0U));
  }
}

TEST_CASE("a commit that fails is done again", "[replicator_trouble_test]") {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    CAPTURE(seed);
    world sim{seed};
    auto& writer = sim.add(writer_with(500, keys));
    auto& reader = sim.add(reader_of(writer.core));
    reader.failing_commits = 1 + seed % 4;
    sim.connect(writer, reader);
    sim.download(reader);
    sim.run();
    REQUIRE(reader.failing_commits == 0);
    REQUIRE(is_same(writer, reader));
    REQUIRE(reader.count_events<replication::invalid_data>() == 0); // nobody is blamed for our disk
  }
}

TEST_CASE("blocks that went away are fetched elsewhere", "[replicator_trouble_test]") {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    CAPTURE(seed);
    world sim{seed};
    auto& writer = sim.add(writer_with(400, keys));
    auto& other = sim.add(writer.core);
    auto& reader = sim.add(reader_of(writer.core));
    sim.connect(writer, reader);
    sim.connect(other, reader);
    sim.download(reader);
    sim.run_some(12);
    sim.clear(writer, {100, 300});
    sim.run();
    REQUIRE(is_same(other, reader));
  }
}

TEST_CASE("two histories for one length are a conflict", "[replicator_trouble_test]") {
  world sim{1};
  auto& writer = sim.add(writer_with(10, keys));
  auto& twin = sim.add(memory_core::owned(keys));
  REQUIRE(twin.core.append(test_blocks(0, 20, 3), keys));
  auto& reader = sim.add(reader_of(writer.core));
  sim.connect(writer, reader);
  sim.download(reader);
  sim.run();
  sim.connect(twin, reader);
  sim.run();
  REQUIRE(reader.count_events<replication::invalid_data>() >= 1);
  REQUIRE(reader.count_events<replication::conflict_found>() == 1);
}

TEST_CASE("requests are answered as the rules say", "[replicator_trouble_test]") {
  stranger peer{writer_with(10, keys)};
  const auto answers = peer.say({full_sync(0, 0), request_block(1, 3), request_block(2, 10), request_block(3, 3, 7),
                                 request_upgrade(0, 0, 4), request_upgrade(4, 5, 50)});
  const auto data = all_of<wire::data>(answers);
  REQUIRE(data.size() == 2);
  REQUIRE(data[0].id == 0); // a signature check goes first
  REQUIRE(data[0].content.upgrade->length == 4);
  REQUIRE(data[1].content.block->value == test_block(3));
  const auto refused = all_of<wire::no_data>(answers);
  REQUIRE(refused == std::vector<wire::no_data>{{2, wire::no_data_reason::not_available},
                                                {3, wire::no_data_reason::not_available},
                                                {4, wire::no_data_reason::invalid_request}});
}

TEST_CASE("the sixty-fourth invalid request ends the conversation", "[replicator_trouble_test]") {
  stranger peer{writer_with(10, keys)};
  for (std::uint64_t i = 1; i < 64; ++i)
    peer.say({request_upgrade(i, 5, 50)});
  REQUIRE(peer.count<replication::peer_failed>() == 0);
  peer.say({request_upgrade(64, 5, 50)});
  REQUIRE(peer.count<replication::peer_failed>() == 1);
  REQUIRE(peer.count<replication::invalid_request>() == 64);
}

TEST_CASE("a flood of requests without credit ends the conversation", "[replicator_trouble_test]") {
  auto core = writer_with(10, keys);
  replication::replicator machine{core.state, {}};
  machine.add_peer(1, {true}, core.store, 0);
  std::vector<wire::message> flood;
  for (std::uint64_t i = 1; i <= limits::upload_queue_max; ++i)
    flood.push_back(request_block(i, i % 10));
  machine.receive(1, std::move(flood), core.store, 0);
  REQUIRE(machine.queued(1) == limits::upload_queue_max);
  machine.receive(1, {wire::cancel{5}, request_block(limits::upload_queue_max + 1, 1)}, core.store, 0);
  std::ignore = machine.take_effects();
  machine.receive(1, {request_block(limits::upload_queue_max + 2, 1)}, core.store, 0);
  const auto effects = machine.take_effects();
  REQUIRE(std::any_of(effects.events.begin(), effects.events.end(), [](const auto& event) {
    const auto* failed = std::get_if<replication::peer_failed>(&event);
    return failed != nullptr && failed->reason.code == ec::limit_exceeded;
  }));
}

TEST_CASE("a cancelled request is not answered", "[replicator_trouble_test]") {
  stranger peer{writer_with(10, keys)};
  REQUIRE(all_of<wire::data>(peer.say({request_block(1, 3), wire::cancel{1}})).empty());
}

TEST_CASE("a peer that does not upload refuses and says so", "[replicator_trouble_test]") {
  auto core = writer_with(10, keys);
  replication::replicator machine{core.state, {}};
  machine.add_peer(1, {true, false, true}, core.store, 0);
  machine.receive(1, {request_block(1, 3)}, core.store, 0);
  const auto effects = machine.take_effects();
  REQUIRE_FALSE(std::get<wire::sync>(effects.messages.front().messages.front()).uploading);
  REQUIRE(std::get<wire::no_data>(effects.messages.back().messages.back()).reason ==
          wire::no_data_reason::not_available);
}

TEST_CASE("a peer that has nothing of what it announces is asked ever more rarely", "[replicator_trouble_test]") {
  stranger peer{headed(writer_with(1000, keys))};
  peer.machine.add_download(1, {0, UINT64_MAX}, false, peer.core.store, 0);
  peer.take();
  std::size_t requests = 0;
  std::size_t rounds = 0;
  auto messages = peer.say({full_sync(1000, 1000), wire::range{.start = 0, .length = 1000}});
  for (int i = 0; i < 2000; ++i) {
    std::vector<wire::message> lies;
    for (const auto& request : all_of<wire::request>(messages)) {
      ++requests;
      lies.emplace_back(wire::no_data{request.id, wire::no_data_reason::not_available});
    }
    rounds += lies.empty() ? 0 : 1;
    lies.emplace_back(wire::range{.start = 0, .length = 1000});
    messages = peer.say(std::move(lies));
    peer.now += 10; // 20 s in all
    peer.machine.tick(peer.core.store, peer.now);
    auto more = peer.take();
    std::move(more.begin(), more.end(), std::back_inserter(messages));
  }
  REQUIRE(requests > 0);
  REQUIRE(rounds < 20);
}

TEST_CASE("wrong bytes pause a peer and lead to a signature check", "[replicator_trouble_test]") {
  const auto source = writer_with(100, keys);
  stranger peer{headed(source)};
  peer.machine.want_block(7, peer.core.store, 0);
  const auto asked = all_of<wire::request>(peer.say({full_sync(100, 100), wire::range{.start = 0, .length = 100}}));
  REQUIRE(asked.size() == 1);
  auto proof = source.prove(asked[0].wanted).value();
  proof.block->value = shared_bytes{bytes{1, 2, 3}};
  const auto check = all_of<wire::request>(peer.say({wire::data{asked[0].id, proof}}));
  REQUIRE(peer.count<replication::invalid_data>() == 1);
  REQUIRE(check.size() == 1);
  REQUIRE(check[0].id == 0);
  REQUIRE(check[0].wanted.upgrade == log::upgrade_request{0, 100});
  REQUIRE(peer.machine.peers()[0].is_paused);
  peer.say({wire::data{0, source.prove(check[0].wanted).value()}});
  REQUIRE_FALSE(peer.machine.peers()[0].is_paused);
  peer.now = 100000;
  peer.machine.tick(peer.core.store, peer.now);
  const auto again = all_of<wire::request>(peer.take());
  REQUIRE(again.size() == 1);
  peer.say({wire::data{again[0].id, source.prove(again[0].wanted).value()}});
  REQUIRE(peer.verified.size() == 1);
}

TEST_CASE("a silent peer loses its requests to another one", "[replicator_trouble_test]") {
  const auto source = writer_with(20, keys);
  stranger peer{headed(source)};
  peer.machine.want_block(7, peer.core.store, 0);
  REQUIRE(all_of<wire::request>(peer.say({full_sync(20, 20), wire::range{.start = 0, .length = 20}})).size() == 1);
  peer.machine.add_peer(2, {true}, peer.core.store, 0);
  peer.machine.receive(2, {full_sync(20, 20), wire::range{.start = 0, .length = 20}}, peer.core.store, 0);
  REQUIRE(all_of<wire::request>(peer.take()).empty()); // not at two peers at once
  REQUIRE(peer.machine.next_tick_ms() == 200);         // then it would be asked of the second as well
  peer.now = 30000;
  peer.machine.tick(peer.core.store, peer.now);
  const auto messages = peer.take();
  REQUIRE(all_of<wire::cancel>(messages).size() == 1);
  REQUIRE(all_of<wire::request>(messages).size() == 1);
  REQUIRE(peer.machine.peers()[1].in_flight == 1);
}

TEST_CASE("dropping the last wish for a block withdraws the request, and its id is kept back",
          "[replicator_trouble_test]") {
  const auto source = writer_with(20, keys);
  stranger peer{headed(source)};
  peer.machine.want_block(7, peer.core.store, 0);
  peer.say({full_sync(20, 20), wire::range{.start = 0, .length = 20}});
  peer.machine.drop_block(7);
  const auto cancelled = all_of<wire::cancel>(peer.take());
  REQUIRE(cancelled.size() == 1);
  peer.machine.want_block(9, peer.core.store, 0);
  const auto asked = all_of<wire::request>(peer.take());
  REQUIRE(asked.size() == 1);
  REQUIRE(asked[0].id != cancelled[0].id);
}

TEST_CASE("blocks that wait for their commit are neither asked for again nor given away", "[replicator_trouble_test]") {
  const auto source = writer_with(20, keys);
  stranger peer{headed(source)};
  peer.machine.want_block(7, peer.core.store, 0);
  const auto asked = all_of<wire::request>(peer.say({full_sync(20, 20), wire::range{.start = 0, .length = 20}}));
  peer.say({wire::data{asked.at(0).id, source.prove(asked[0].wanted).value()}});
  REQUIRE(peer.verified.size() == 1);
  peer.machine.add_download(1, {7, 8}, false, peer.core.store, 0);
  const auto after = peer.say({request_block(1, 7), wire::want{0, 2097152, false}});
  REQUIRE(all_of<wire::request>(after).empty());
  REQUIRE(all_of<wire::data>(after).empty());
  REQUIRE(all_of<wire::bitfield>(after).empty());
  REQUIRE(all_of<wire::range>(after).empty());
}

TEST_CASE("answers that overtake each other are asked for once", "[replicator_trouble_test]") {
  const auto source = writer_with(100, keys);
  std::mt19937_64 random{11};
  for (const bool is_reversed : {true, false}) {
    CAPTURE(is_reversed);
    stranger peer{headed(source)};
    peer.machine.add_download(1, {0, 100}, true, peer.core.store, 0);
    auto asked = all_of<wire::request>(peer.say({full_sync(100, 100), wire::range{.start = 0, .length = 100}}));
    std::map<std::uint64_t, std::size_t> counts;
    while (!asked.empty()) {
      if (is_reversed)
        std::reverse(asked.begin(), asked.end());
      else
        std::shuffle(asked.begin(), asked.end(), random);
      std::vector<wire::request> next;
      for (const auto& request : asked) {
        ++counts[request.wanted.block->index];
        auto more = all_of<wire::request>(peer.say({wire::data{request.id, source.prove(request.wanted).value()}}));
        next.insert(next.end(), more.begin(), more.end());
      }
      asked = std::move(next);
    }
    REQUIRE(counts.size() == 100);
    REQUIRE(std::all_of(counts.begin(), counts.end(), [](const auto& entry) { return entry.second == 1; }));
    REQUIRE(peer.verified.size() == 100);
    REQUIRE(peer.count<replication::invalid_data>() == 0);
  }
}

TEST_CASE("an answer whose neighbour will not come is asked for again", "[replicator_trouble_test]") {
  const auto source = writer_with(16, keys);
  stranger peer{headed(source)};
  peer.machine.add_download(1, {8, 12}, true, peer.core.store, 0);
  const auto asked = all_of<wire::request>(peer.say({full_sync(16, 16), wire::range{.start = 0, .length = 16}}));
  REQUIRE(asked.size() == 4);
  REQUIRE(asked[0].wanted.block->index == 8);
  REQUIRE(peer.say({wire::data{asked[3].id, source.prove(asked[3].wanted).value()}}).empty());
  REQUIRE(peer.say({wire::data{asked[1].id, source.prove(asked[1].wanted).value()}}).empty());
  REQUIRE(peer.verified.empty());
  peer.say({wire::no_data{asked[0].id, wire::no_data_reason::not_available}});
  peer.say({wire::data{asked[2].id, source.prove(asked[2].wanted).value()}});
  std::vector<std::uint64_t> again;
  for (int round = 0; round < 20 && peer.verified.size() < 3; ++round) {
    peer.now += 1000;
    peer.machine.tick(peer.core.store, peer.now);
    for (const auto& request : all_of<wire::request>(peer.take())) {
      again.push_back(request.wanted.block->index);
      peer.say({wire::data{request.id, source.prove(request.wanted).value()}});
    }
  }
  REQUIRE(peer.verified.size() == 3);
  REQUIRE(std::count(again.begin(), again.end(), 9) == 1);
  REQUIRE(peer.count<replication::invalid_data>() == 0);
}

TEST_CASE("an answer that waited is not taken once the core is frozen", "[replicator_trouble_test]") {
  const auto source = writer_with(16, keys);
  auto twin = memory_core::owned(keys);
  REQUIRE(twin.append(test_blocks(0, 16, 3), keys));
  log::proof_request head;
  head.upgrade = log::upgrade_request{0, 16};
  stranger peer{headed(source)};
  peer.machine.add_download(1, {8, 12}, true, peer.core.store, 0);
  const auto asked = all_of<wire::request>(peer.say({full_sync(16, 16), wire::range{.start = 0, .length = 16}}));
  REQUIRE(asked.size() == 4);
  peer.say({wire::data{asked[1].id, source.prove(asked[1].wanted).value()}}); // builds on the one before it
  REQUIRE(peer.verified.empty());
  peer.say({wire::data{asked[0].id, source.prove(asked[0].wanted).value()}, wire::data{0, twin.prove(head).value()}});
  REQUIRE(peer.count<replication::conflict_found>() == 1);
  REQUIRE(peer.verified.size() == 1);
  REQUIRE(peer.verified[0].block->index == 8);
}

TEST_CASE("what was stored while a core was out of memory is told when it comes back, also behind a gap",
          "[replicator_trouble_test]") {
  auto source = writer_with(20, keys);
  REQUIRE(source.apply(log::stage_clear(source.state, {0, 12})));
  stranger peer{std::move(source)};
  peer.say({full_sync(20, 20), wire::range{.start = 12, .length = 8}});
  REQUIRE(peer.machine.is_quiet());
  const auto parked = peer.machine.park_peer(1);
  REQUIRE(parked);
  REQUIRE(peer.core.append(test_blocks(20, 30), keys));
  REQUIRE(peer.core.apply(log::stage_clear(peer.core.state, {22, 24})));
  peer.machine.unpark_peer(1, {true}, parked, peer.core.store, 0);
  const auto told = all_of<wire::range>(peer.take());
  const auto covers = [&told](std::uint64_t index) {
    return std::any_of(told.begin(), told.end(), [index](const wire::range& one) {
      return !one.drop && one.start <= index && index < one.start + one.length;
    });
  };
  for (std::uint64_t index = 0; index < 30; ++index) {
    CAPTURE(index);
    REQUIRE(covers(index) == (index >= 20 && (index < 22 || index >= 24)));
  }
}

TEST_CASE("absurd announcements and wants cost nothing", "[replicator_trouble_test]") {
  stranger peer{headed(writer_with(100, keys))};
  peer.machine.add_download(1, {0, UINT64_MAX}, false, peer.core.store, 0);
  const auto huge = limits::safe_integer_max;
  std::vector<wire::message> messages{full_sync(huge, 100)};
  for (std::uint64_t i = 0; i < 20000; ++i) {
    messages.emplace_back(wire::range{.start = 1 + i * 32768 * 3, .length = 1});
    messages.emplace_back(wire::range{.start = huge - i * 70000, .length = 65536});
    messages.emplace_back(wire::bitfield{(huge / 32 - i * 5000) * 32, {1, 2, 3}});
    messages.emplace_back(wire::want{i * 32, 32, false});
    messages.emplace_back(wire::want{i * 32, 32, true});
  }
  messages.emplace_back(wire::range{.start = 1, .length = huge});
  messages.emplace_back(wire::range{true, 5, huge});
  const auto answers = peer.say(std::move(messages));
  REQUIRE(peer.machine.peer_count() == 1);
  REQUIRE(all_of<wire::want>(answers).size() <= 1);
}

TEST_CASE("pushed and unknown data are ignored", "[replicator_trouble_test]") {
  const auto source = writer_with(20, keys);
  stranger peer{headed(source)};
  log::proof_request wanted;
  wanted.block = log::block_request{3, 5};
  const auto proof = source.prove(wanted);
  wire::data pushed{0, proof ? *proof : log::proof{}};
  wire::data unknown{77, pushed.content};
  peer.say({full_sync(20, 20), pushed, unknown, wire::no_data{78, wire::no_data_reason::none}});
  REQUIRE(peer.verified.empty());
  REQUIRE(peer.count<replication::invalid_data>() == 0);
}

TEST_CASE("only one head is handed out before its commit", "[replicator_trouble_test]") {
  const auto source = writer_with(20, keys);
  stranger peer{reader_of(source)};
  auto sync = full_sync(20, 0);
  sync.has_manifest = true;
  const auto asked = all_of<wire::request>(peer.say({sync}));
  REQUIRE(asked.size() == 1);
  peer.machine.add_peer(2, {true}, peer.core.store, 0);
  peer.machine.receive(2, {sync}, peer.core.store, 0);
  REQUIRE(all_of<wire::request>(peer.take()).empty());
  const auto more = peer.say({wire::data{asked[0].id, source.prove(asked[0].wanted).value()}, sync});
  REQUIRE(peer.verified.size() == 1);
  REQUIRE(all_of<wire::request>(more).empty());
  REQUIRE_FALSE(peer.machine.is_update_settled());
}
