// What a peer may get wrong on purpose: each of it is refused and counted, the peer is left alone, the log untouched.
#include <catch2/catch.hpp>

#include <functional>

#include "base/limits.hpp"
#include "replication/remote_bitfield.hpp"
#include "tests/unit/replication/replicator_stranger.hpp"
#include "tests/unit/replication/replicator_world.hpp"

using namespace corestore;
using namespace corestore::test;

namespace {

const auto keys = test_keys();

struct damage {
  std::string name;
  std::function<void(log::proof&)> apply;
};

const log::node odd_node{6, 12, hash32{}};

/// Asks a stranger for block 9 and answers with a damaged proof.
void refuse_block(const damage& harm) {
  CAPTURE(harm.name);
  const auto source = writer_with(40, keys);
  stranger peer{headed(source)};
  peer.machine.want_block(9, peer.core.store, 0);
  const auto asked = all_of<wire::request>(peer.say({full_sync(40, 40), wire::range{false, 0, 40}}));
  REQUIRE(asked.size() == 1);
  auto proof = source.prove(asked[0].wanted).value();
  harm.apply(proof);
  const auto before = peer.core.state.head;
  const auto answers = peer.say({wire::data{asked[0].id, proof}});
  REQUIRE(peer.verified.empty());
  REQUIRE(peer.core.state.head == before);
  const auto counts = peer.machine.statistics();
  REQUIRE(counts.invalid_data + counts.backoffs > 0);
  for (const auto& request : all_of<wire::request>(answers))
    REQUIRE(request.id == 0); // nothing but the signature check
}

/// The same for an upgrade from 40 to 45 blocks.
void refuse_upgrade(const damage& harm) {
  CAPTURE(harm.name);
  auto source = writer_with(40, keys);
  stranger peer{headed(source)};
  CORESTORE_CHECK(source.append(test_blocks(40, 45), keys).has_value());
  const auto asked = all_of<wire::request>(peer.say({full_sync(45, 40)}));
  REQUIRE(asked.size() == 1);
  REQUIRE(asked[0].wanted.upgrade.has_value());
  auto proof = source.prove(asked[0].wanted).value();
  harm.apply(proof);
  static_cast<void>(peer.say({wire::data{asked[0].id, proof}}));
  REQUIRE(peer.verified.empty());
  const auto counts = peer.machine.statistics();
  REQUIRE(counts.invalid_data + counts.backoffs > 0);
  REQUIRE(peer.machine.peers().at(0).in_flight == 0);
}

} // namespace

TEST_CASE("a block proof with missing, surplus or wrong parts is refused", "[replicator_hostile_test]") {
  const std::vector<damage> harms{
    {"a missing node",
     [](log::proof& proof) {
       proof.block->nodes.pop_back();
     }},
    {"no nodes at all",
     [](log::proof& proof) {
       proof.block->nodes.clear();
     }},
    {"another hash",
     [](log::proof& proof) {
       proof.block->nodes.front().hash.data[3] ^= 1U;
     }},
    {"another size",
     [](log::proof& proof) {
       ++proof.block->nodes.front().size;
     }},
    {"a size near 2^53",
     [](log::proof& proof) {
       proof.block->nodes.front().size = limits::safe_integer_max;
     }},
    {"another place",
     [](log::proof& proof) {
       proof.block->nodes.front().index += 4;
     }},
    {"nodes in another order",
     [](log::proof& proof) {
       std::swap(proof.block->nodes.front(), proof.block->nodes.back());
     }},
    {"other bytes",
     [](log::proof& proof) {
       proof.block->value = shared_bytes::copy_of(as_bytes("something else"));
     }},
    {"another block",
     [](log::proof& proof) {
       proof.block->index = 10;
     }},
    {"an index near 2^53",
     [](log::proof& proof) {
       proof.block->index = limits::safe_integer_max;
     }},
    {"another fork",
     [](log::proof& proof) {
       proof.fork = 7;
     }},
    {"a hash nobody asked for",
     [](log::proof& proof) {
       proof.hash = log::hash_proof{18, {odd_node}};
     }},
    {"a position nobody asked for",
     [](log::proof& proof) {
       proof.seek = log::seek_proof{3, {odd_node}};
     }},
    {"no block at all",
     [](log::proof& proof) {
       proof.block.reset();
     }},
  };
  for (const auto& harm : harms)
    refuse_block(harm);
}

TEST_CASE("an upgrade with wrong parts, for another fork or another length is refused", "[replicator_hostile_test]") {
  const auto resign = [](log::proof& proof, std::uint64_t length, std::uint64_t fork) {
    auto other = memory_core::owned(keys);
    CORESTORE_CHECK(other.append(test_blocks(0, length), keys).has_value());
    other.state.head.fork = fork;
    proof.upgrade->signature = other.state.head.signature;
  };
  const std::vector<damage> harms{
    {"a flipped bit in the signature",
     [](log::proof& proof) {
       proof.upgrade->signature.back() ^= 1U;
     }},
    {"no signature",
     [](log::proof& proof) {
       proof.upgrade->signature.clear();
     }},
    {"a signature of another length",
     [&](log::proof& proof) {
       resign(proof, 44, 0);
     }},
    {"a longer length than is signed",
     [](log::proof& proof) {
       ++proof.upgrade->length;
     }},
    {"a length near 2^53",
     [](log::proof& proof) {
       proof.upgrade->length = limits::safe_integer_max - 40;
     }},
    {"a length near 2^64",
     [](log::proof& proof) {
       proof.upgrade->length = UINT64_MAX - 3;
     }},
    {"another start",
     [](log::proof& proof) {
       --proof.upgrade->start;
     }},
    {"a start near 2^64",
     [](log::proof& proof) {
       proof.upgrade->start = UINT64_MAX;
     }},
    {"a missing node",
     [](log::proof& proof) {
       proof.upgrade->nodes.pop_back();
     }},
    {"a surplus node",
     [](log::proof& proof) {
       proof.upgrade->additional_nodes.push_back(odd_node);
     }},
    {"a wrong node",
     [](log::proof& proof) {
       proof.upgrade->nodes.back().hash.data[0] ^= 1U;
     }},
    {"another fork",
     [](log::proof& proof) {
       proof.fork = 1;
     }},
    {"no upgrade",
     [](log::proof& proof) {
       proof.upgrade.reset();
     }},
  };
  for (const auto& harm : harms)
    refuse_upgrade(harm);
}

TEST_CASE("lengths, forks and ranges at the edge of what can be said cost nothing", "[replicator_hostile_test]") {
  for (const auto edge : {limits::safe_integer_max, limits::safe_integer_max - 1, (std::uint64_t{1} << 52U) + 1,
                          (std::uint64_t{1} << 32U) - 1}) {
    CAPTURE(edge);
    stranger peer{headed(writer_with(40, keys))};
    peer.machine.add_download(1, {0, UINT64_MAX}, false, peer.core.store, 0);
    static_cast<void>(peer.take());
    auto huge = full_sync(edge, 40);
    std::size_t sent = peer.say({huge}).size();
    const auto start = edge / 32 * 32;
    sent += peer
              .say({wire::range{false, 0, edge}, wire::range{false, edge, edge}, wire::range{true, edge, 1},
                    wire::bitfield{start, std::vector<std::uint32_t>(2048, 0xffffffffU)}, wire::want{start, 32, false},
                    wire::want{edge, edge, true}, wire::want{0, edge, false}, wire::unwant{edge, edge, true},
                    wire::cancel{edge}, wire::no_data{edge, wire::no_data_reason::none}})
              .size();
    huge.fork = edge;
    sent += peer.say({huge}).size();
    huge.fork = 0;
    huge.length = 0;
    sent += peer.say({huge, wire::range{true, 0, edge}}).size();
    REQUIRE(sent < 200);
    REQUIRE(peer.verified.empty());
    REQUIRE(peer.core.state.head.length == 40);
    REQUIRE(peer.core.state.bits.page_numbers().empty());
  }
}

TEST_CASE("requests at the edge of what can be said are refused one by one", "[replicator_hostile_test]") {
  for (const auto edge : {std::uint64_t{40}, limits::safe_integer_max, limits::safe_integer_max - 1}) {
    CAPTURE(edge);
    stranger peer{writer_with(40, keys)};
    static_cast<void>(peer.say({full_sync(0, 0)}));
    std::vector<wire::message> asked;
    const auto ask = [&](auto change) {
      wire::request message{.id = asked.size() + 1, .fork = 0, .wanted = {}, .priority = 0};
      change(message);
      asked.emplace_back(std::move(message));
    };
    ask([&](wire::request& one) { one.wanted.block = log::block_request{edge, 0}; });
    ask([&](wire::request& one) { one.wanted.block = log::block_request{3, edge}; });
    ask([&](wire::request& one) { one.wanted.hash = log::hash_request{2 * edge, 0}; });
    ask([&](wire::request& one) { one.wanted.hash = log::hash_request{6, edge}; });
    ask([&](wire::request& one) { one.wanted.upgrade = log::upgrade_request{edge, 1}; });
    ask([&](wire::request& one) { one.wanted.upgrade = log::upgrade_request{0, edge + 1}; });
    ask([&](wire::request& one) { one.wanted.upgrade = log::upgrade_request{edge, edge}; });
    ask([&](wire::request& one) { one.fork = edge; });
    const auto answers = peer.say(asked);
    REQUIRE(all_of<wire::no_data>(answers).size() + all_of<wire::data>(answers).size() == asked.size());
    REQUIRE(all_of<wire::no_data>(answers).size() >= 6);
    REQUIRE(peer.count<replication::peer_failed>() == 0);
  }
}

TEST_CASE("bits past the end of what a peer claims to have are not asked for", "[replicator_hostile_test]") {
  stranger peer{headed(writer_with(40, keys))};
  peer.machine.add_download(1, {0, UINT64_MAX}, false, peer.core.store, 0);
  static_cast<void>(peer.take());
  const auto messages =
    peer.say({full_sync(40, 40), wire::bitfield{32, {0xffffffffU, 0xffffffffU, 0xffffffffU, 0xffffffffU}}});
  const auto asked = all_of<wire::request>(messages);
  REQUIRE(asked.size() == 8);
  for (const auto& request : asked)
    REQUIRE(request.wanted.block->index < 40);
}

TEST_CASE("endless wants are answered from a bounded queue and within the credit", "[replicator_hostile_test]") {
  auto core = writer_with(1000, keys);
  core.state.bits.clear({500, 501}); // not complete: wants need bitfields
  stranger peer{std::move(core)};
  static_cast<void>(peer.say({full_sync(0, 0)}));
  std::size_t bytes = 0;
  for (std::uint64_t round = 0; round < 200; ++round) {
    std::vector<wire::message> wants;
    for (std::uint64_t i = 0; i < 500; ++i)
      wants.emplace_back(wire::want{(round * 500 + i) % 31 * 32, i % 3 == 0 ? 2097152U : 32U, i % 7 == 0});
    for (const auto& answer : all_of<wire::bitfield>(peer.say(std::move(wants))))
      bytes += answer.words.size() * 4;
  }
  REQUIRE(bytes < std::size_t{1} << 25U); // 100,000 wants: little more than the wants themselves
  REQUIRE(peer.machine.queued(1) <= limits::wants_max);

  stranger poor{headed(writer_with(10, keys))}; // and nothing at all is sent without credit
  poor.machine.remove_peer(1, poor.core.store, 0);
  poor.core.state.bits.set({3, 4});
  poor.machine.add_peer(1, {true}, poor.core.store, 0);
  static_cast<void>(poor.take());
  std::vector<wire::message> wants;
  for (std::uint64_t i = 0; i < 2000; ++i)
    wants.emplace_back(wire::want{i * 32, 32, false});
  REQUIRE(all_of<wire::bitfield>(poor.say(wants)).empty());
  REQUIRE(poor.machine.queued(1) <= limits::wants_max);
}

TEST_CASE("a bitfield says what is stored and skips what is not", "[replicator_hostile_test]") {
  auto core = headed(writer_with(3, keys));
  core.state.head.length = std::uint64_t{1} << 21U; // as if it were that long: nothing is proven here
  core.state.bits.set({70000, 70001});
  core.state.bits.set({70100, 70101});
  core.state.bits.set({2000000, 2000002});
  stranger peer{std::move(core)};
  const auto parts = all_of<wire::bitfield>(peer.say({full_sync(0, 0), wire::want{0, 2097152, false}}));
  REQUIRE(parts.size() == 2);
  std::size_t words = 0;
  replication::remote_bitfield heard;
  heard.set_length(1U << 21U);
  for (const auto& part : parts) {
    words += part.words.size();
    heard.assign(part.start, part.words);
  }
  REQUIRE(words < 10);
  REQUIRE(heard.first_set({0, 1U << 21U}) == 70000);
  REQUIRE(heard.test(70100));
  REQUIRE(heard.all_set({2000000, 2000002}));
  REQUIRE_FALSE(heard.test(70001));
}

TEST_CASE("among peers of several forks the highest one that proves itself wins", "[replicator_hostile_test]") {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    CAPTURE(seed);
    world sim{seed};
    auto& old = sim.add(writer_with(60, keys));
    auto& middle = sim.add(old.core);
    auto& newest = sim.add(old.core);
    auto& reader = sim.add(reader_of(old.core));
    sim.download(reader);
    sim.connect(old, reader);
    sim.run();
    sim.truncate(middle, 30 + seed, 1, keys);
    sim.append(middle, test_blocks(30 + seed, 70, 1), keys);
    sim.truncate(newest, 20, 3, keys);
    sim.append(newest, test_blocks(20, 50, 2), keys);
    const auto first = sim.connect(middle, reader);
    sim.run_some(sim.random()() % 12);
    sim.connect(newest, reader);
    sim.run_some(sim.random()() % 12);
    if (seed % 2 == 0)
      sim.disconnect(first); // in the middle of its reorg
    sim.run();
    REQUIRE(reader.core.state.head.fork == 3);
    REQUIRE(is_same(newest, reader));
    REQUIRE(reader.count_events<replication::invalid_data>() == 0);
  }
}

TEST_CASE("a fork that is not signed changes nothing, and its peer is left alone", "[replicator_hostile_test]") {
  const auto source = writer_with(20, keys);
  auto other = memory_core::owned(test_keys(9));
  CORESTORE_CHECK(other.append(test_blocks(0, 30), test_keys(9)).has_value());
  stranger peer{headed(source)};
  auto higher = full_sync(30, 0);
  higher.fork = 4;
  const auto asked = all_of<wire::request>(peer.say({higher}));
  REQUIRE(asked.size() == 1);
  auto proof = other.prove(asked[0].wanted).value();
  proof.fork = 4;
  proof.manifest.reset();
  static_cast<void>(peer.say({wire::data{asked[0].id, proof}}));
  REQUIRE(peer.count<replication::invalid_data>() == 1);
  REQUIRE(peer.machine.peers().at(0).is_paused);
  REQUIRE(peer.core.state.head.fork == 0);
  peer.now += 60000;
  peer.machine.tick(peer.core.store, peer.now);
  REQUIRE(all_of<wire::request>(peer.take()).empty());
}
