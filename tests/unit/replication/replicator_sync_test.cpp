// Replicators that mean well converge, and waste nothing on the way.
#include <catch2/catch.hpp>

#include "tests/unit/replication/replicator_world.hpp"

using namespace corestore;
using namespace corestore::test;

namespace {

constexpr std::uint64_t seeds = 12;
const auto keys = test_keys();

} // namespace

TEST_CASE("a reader downloads every block of a writer once", "[replicator_sync_test]") {
  for (std::uint64_t length : {0, 1, 2, 3, 7, 64, 1000, 3001}) {
    for (std::uint64_t seed = 1; seed <= (length > 100 ? 3U : seeds); ++seed) {
      CAPTURE(length, seed);
      world sim{seed};
      auto& writer = sim.add(writer_with(length, keys));
      auto& reader = sim.add(reader_of(writer.core));
      const bool is_early = seed % 2 == 0;
      if (is_early)
        sim.download(reader);
      sim.connect(writer, reader);
      if (!is_early)
        sim.download(reader);
      sim.run();
      REQUIRE(is_same(writer, reader));
      REQUIRE(reader.asked.size() == length);
      REQUIRE(most_asked(reader) <= 1);
      REQUIRE(reader.count_events<replication::block_downloaded>() == length);
      REQUIRE(writer.count_events<replication::block_uploaded>() == length);
      REQUIRE(reader.count_events<replication::invalid_data>() == 0);
      REQUIRE(writer.sent[4] == 0); // no-data
      REQUIRE(reader.machine->is_update_settled());
      REQUIRE(reader.core.state.manifest.has_value());
    }
  }
}

TEST_CASE("answers that build on each other carry few nodes", "[replicator_sync_test]") {
  world sim{5};
  auto& writer = sim.add(writer_with(4096, keys));
  auto& reader = sim.add(reader_of(writer.core));
  sim.connect(writer, reader);
  sim.download(reader, {0, UINT64_MAX}, true);
  sim.run();
  REQUIRE(is_same(writer, reader));
  std::size_t total = 0;
  for (const auto& entry : reader.nodes_got)
    total += entry.second;
  REQUIRE(total < 3 * 4096);
}

TEST_CASE("appends reach a follower as they happen", "[replicator_sync_test]") {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    CAPTURE(seed);
    world sim{seed};
    auto& writer = sim.add(writer_with(3, keys));
    auto& reader = sim.add(reader_of(writer.core));
    sim.connect(writer, reader);
    sim.download(reader);
    for (std::uint64_t i = 0; i < 30; ++i) {
      sim.append(writer, test_blocks(writer.core.state.head.length, writer.core.state.head.length + 1 + i % 3), keys);
      sim.run_some(sim.random()() % 20);
    }
    sim.run();
    REQUIRE(is_same(writer, reader));
    REQUIRE(most_asked(reader) <= 1);
  }
}

TEST_CASE("blocks of a longer log are asked for while its head is on the way to the disk", "[replicator_sync_test]") {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    CAPTURE(seed);
    world sim{seed};
    auto& writer = sim.add(writer_with(20, keys));
    auto& reader = sim.add(reader_of(writer.core));
    sim.download(reader);
    sim.connect(writer, reader);
    sim.deliver_all();
    REQUIRE(reader.core.state.head.length == 0);
    REQUIRE(reader.asked.size() == 20);
    const auto has_block = [](const auto& one) {
      return one.block.has_value();
    };
    REQUIRE(std::count_if(reader.waiting.begin(), reader.waiting.end(), has_block) == 20);
    sim.run();
    REQUIRE(is_same(writer, reader));
    REQUIRE(most_asked(reader) == 1);
    sim.append(writer, test_blocks(20, 33), keys);
    sim.deliver_all();
    REQUIRE(reader.core.state.head.length == 20);
    REQUIRE(reader.asked.size() == 33);
    sim.run();
    REQUIRE(is_same(writer, reader));
    REQUIRE(most_asked(reader) == 1);
  }
}

TEST_CASE("a block that rides along with a new head continues what is stored", "[replicator_sync_test]") {
  world sim{1};
  auto& writer = sim.add(writer_with(20, keys));
  auto& reader = sim.add(reader_of(writer.core));
  sim.download(reader);
  sim.connect(writer, reader);
  while (reader.waiting.empty())
    sim.run_some(1);
  REQUIRE(reader.waiting.front().head.has_value());
  REQUIRE(reader.waiting.front().block.has_value());
  REQUIRE(reader.waiting.front().block->index == 0);
}

TEST_CASE("three readers share the work of two seeders", "[replicator_sync_test]") {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    CAPTURE(seed);
    world sim{seed};
    auto& first = sim.add(writer_with(2000, keys));
    auto& second = sim.add(first.core);
    for (int i = 0; i < 3; ++i) {
      auto& reader = sim.add(reader_of(first.core));
      sim.connect(first, reader);
      sim.connect(second, reader);
      sim.download(reader);
    }
    sim.run();
    for (std::size_t i = 2; i < 5; ++i) {
      const auto& reader = *sim.nodes[i];
      REQUIRE(is_same(first, reader));
      REQUIRE(most_asked(reader) <= 1);
      REQUIRE(reader.blocks_from.size() == 2);
      for (const auto& entry : reader.blocks_from)
        REQUIRE(entry.second > 150);
    }
  }
}

TEST_CASE("a chain of mirrors passes everything on", "[replicator_sync_test]") {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    CAPTURE(seed);
    world sim{seed};
    auto& writer = sim.add(writer_with(300, keys));
    auto* before = &writer;
    for (int i = 0; i < 4; ++i) {
      auto& mirror = sim.add(reader_of(writer.core));
      sim.download(mirror);
      sim.connect(*before, mirror);
      before = &mirror;
    }
    sim.run_some(50);
    sim.append(writer, test_blocks(300, 320), keys);
    sim.run();
    for (const auto& node : sim.nodes) {
      REQUIRE(is_same(writer, *node));
      REQUIRE(most_asked(*node) <= 1);
    }
  }
}

TEST_CASE("single blocks come from a sparse seeder that has them", "[replicator_sync_test]") {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    CAPTURE(seed);
    world sim{seed};
    auto& writer = sim.add(writer_with(1000, keys));
    auto& sparse = sim.add(reader_of(writer.core));
    const auto link = sim.connect(writer, sparse);
    for (std::uint64_t index : {3, 400, 401, 999})
      sim.want(sparse, index);
    sim.run();
    REQUIRE(sparse.core.store.blocks.size() == 4);
    REQUIRE(most_asked(sparse) == 1);
    sim.disconnect(link);
    auto& reader = sim.add(reader_of(writer.core));
    sim.connect(sparse, reader);
    sim.want(reader, 400);
    sim.want(reader, 999);
    sim.want(reader, 500); // nobody has it
    sim.run();
    REQUIRE(reader.core.store.blocks.size() == 2);
    REQUIRE(reader.asked.count(500) == 0);
    REQUIRE(reader.sent[5] == 1); // one want for the segment
    REQUIRE(sparse.sent[7] == 1); // one bitfield
    sim.connect(writer, sparse);
    sim.want(sparse, 500); // announced to the one that wants it
    sim.run();
    REQUIRE(reader.core.store.blocks.size() == 3);
  }
}

TEST_CASE("a block beyond the length arrives with the append that brings it", "[replicator_sync_test]") {
  for (const bool is_eager : {true, false}) {
    world sim{3};
    sim.settings.is_eager = is_eager;
    auto& writer = sim.add(writer_with(5, keys));
    auto& reader = sim.add(reader_of(writer.core));
    sim.connect(writer, reader);
    sim.want(reader, 8);
    sim.run();
    REQUIRE(reader.core.state.head.length == (is_eager ? 5 : 0));
    sim.append(writer, test_blocks(5, 12), keys);
    sim.run();
    REQUIRE(reader.core.state.head.length == 12);
    REQUIRE(reader.core.store.blocks.count(8) == 1);
    REQUIRE(most_asked(reader) == 1);
  }
}

TEST_CASE("a restarted or reconnected reader continues where it was", "[replicator_sync_test]") {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    CAPTURE(seed);
    world sim{seed};
    auto& writer = sim.add(writer_with(2000, keys));
    auto& reader = sim.add(reader_of(writer.core));
    auto link = sim.connect(writer, reader);
    sim.download(reader);
    sim.run_some(15);
    sim.disconnect(link);
    if (seed % 2 == 0) {
      sim.restart(reader);
      sim.download(reader);
    }
    const auto had = reader.core.store.blocks.size();
    const auto asked = reader.asked.size();
    link = sim.connect(writer, reader);
    sim.run();
    REQUIRE(is_same(writer, reader));
    REQUIRE(had <= asked);
    REQUIRE(most_asked(reader) <= 2);
  }
}

TEST_CASE("a position is found with few blocks", "[replicator_sync_test]") {
  for (const bool has_seeks : {true, false}) {
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
      CAPTURE(seed, has_seeks);
      world sim{seed};
      auto& writer = sim.add(writer_with(1000, keys));
      auto& reader = sim.add(reader_of(writer.core));
      const auto total = writer.core.state.head.byte_length;
      const bool is_late = seed % 2 == 0;
      if (!is_late)
        sim.seek(reader, 0, sim.random()() % total);
      sim.connect(writer, reader, {true}, {has_seeks});
      sim.run();
      sim.seek(reader, 1, sim.random()() % total);
      sim.run();
      REQUIRE(reader.seeks.empty());
      for (const auto& [id, found] : reader.found)
        REQUIRE(found.index < 1000);
      REQUIRE(reader.core.store.blocks.empty());
      REQUIRE(reader.count_events<replication::invalid_data>() == 0);
    }
  }
}

TEST_CASE("a passive seeder that is not complete still answers syncs", "[replicator_sync_test]") {
  world sim{1};
  auto& writer = sim.add(writer_with(9, keys));
  auto& sparse = sim.add(reader_of(writer.core));
  auto& old = sim.add(reader_of(writer.core));
  auto link = sim.connect(writer, old);
  sim.download(old);
  sim.run();
  sim.disconnect(link);
  sim.append(writer, test_blocks(9, 100), keys);
  link = sim.connect(writer, sparse);
  sim.want(sparse, 90);
  sim.run();
  sim.disconnect(link);
  sim.connect(sparse, old);
  sim.run();
  REQUIRE(old.core.state.head.length == 9); // the seeder lacks the roots of length 9
  REQUIRE(old.machine->is_update_settled());
}

TEST_CASE("a manifest is learned before the first block", "[replicator_sync_test]") {
  world sim{2};
  auto& writer = sim.add(memory_core::owned(keys));
  auto& reader = sim.add(reader_of(writer.core));
  sim.connect(writer, reader);
  sim.run();
  REQUIRE(reader.core.state.manifest.has_value());
  REQUIRE(reader.sent[1] == 1);
}

TEST_CASE("idle sides ask to close their channel", "[replicator_sync_test]") {
  world sim{2};
  auto& writer = sim.add(writer_with(3, keys));
  auto& reader = sim.add(reader_of(writer.core));
  writer.machine->set_downloading(true, writer.core.store, sim.now);
  reader.machine->set_downloading(true, reader.core.store, sim.now);
  sim.connect(writer, reader);
  sim.run();
  REQUIRE(writer.count_events<replication::peer_idle>() + reader.count_events<replication::peer_idle>() == 0);
  reader.machine->set_downloading(false, reader.core.store, sim.now);
  sim.drain(reader);
  sim.run();
  REQUIRE(writer.count_events<replication::peer_idle>() + reader.count_events<replication::peer_idle>() == 0);
  writer.machine->set_downloading(false, writer.core.store, sim.now);
  sim.drain(writer);
  sim.run();
  REQUIRE(writer.count_events<replication::peer_idle>() == 1);
  REQUIRE(reader.count_events<replication::peer_idle>() == 1);
}

TEST_CASE("answers stop when the credit is used up and go on with more", "[replicator_sync_test]") {
  world sim{4};
  sim.credit = 0;
  auto& writer = sim.add(writer_with(200, keys));
  auto& reader = sim.add(reader_of(writer.core));
  const auto link = sim.connect(writer, reader);
  sim.download(reader);
  sim.is_pushed_on = false;
  sim.run();
  REQUIRE(reader.core.state.head.length == 0);
  REQUIRE(writer.machine->queued(link) == 1);
  for (int i = 0; i < 400 && !is_same(writer, reader); ++i) {
    writer.machine->grant(link, 100, writer.core.store);
    sim.drain(writer);
    sim.run();
  }
  REQUIRE(is_same(writer, reader));
  REQUIRE(most_asked(reader) == 1);
}

TEST_CASE("large blocks are asked for one batch each", "[replicator_sync_test]") {
  auto core = memory_core::owned(keys);
  std::vector<shared_bytes> blocks;
  for (std::uint8_t i = 0; i < 6; ++i)
    blocks.emplace_back(bytes(std::size_t{100} << 10U, i));
  REQUIRE(core.append(blocks, keys));
  auto reader = reader_of(core);
  log::proof_request wanted;
  wanted.upgrade = log::upgrade_request{0, 6};
  wanted.manifest = true;
  REQUIRE(reader.receive({core.prove(wanted).value()}));
  reader.state.manifest = core.state.manifest;
  REQUIRE(reader.state.head.length == 6);
  replication::replicator machine{reader.state, {}};
  machine.add_peer(1, {true}, reader.store, 0);
  machine.add_download(1, {0, UINT64_MAX}, false, reader.store, 0);
  machine.receive(1,
                  {wire::sync{.length = 6, .remote_length = 6, .can_upgrade = true, .uploading = true},
                   wire::range{.start = 0, .length = 6}},
                  reader.store, 0);
  std::size_t requests = 0;
  for (const auto& outgoing : machine.take_effects().messages) {
    const auto here = std::count_if(outgoing.messages.begin(), outgoing.messages.end(),
                                    [](const auto& message) { return std::holds_alternative<wire::request>(message); });
    REQUIRE(here <= 1);
    requests += static_cast<std::size_t>(here);
  }
  REQUIRE(requests == 6);
}

TEST_CASE("what went over the wire is counted for each peer and stays in the sum when it leaves",
          "[replicator_sync_test]") {
  world sim{9};
  auto& writer = sim.add(writer_with(100, keys));
  auto& reader = sim.add(reader_of(writer.core));
  const auto link = sim.connect(writer, reader);
  sim.download(reader);
  sim.run();
  const auto at_reader = reader.machine->statistics();
  const auto at_writer = writer.machine->statistics();
  REQUIRE(at_reader.blocks_downloaded == 100);
  REQUIRE(at_writer.blocks_uploaded == 100);
  REQUIRE(at_reader.bytes_downloaded == writer.core.state.head.byte_length);
  REQUIRE(at_writer.bytes_uploaded == writer.core.state.head.byte_length);
  REQUIRE(at_reader.invalid_data + at_writer.invalid_requests == 0);
  for (std::size_t kind = 0; kind < replication::message_names.size(); ++kind) {
    CAPTURE(replication::message_names[kind]);
    REQUIRE(at_reader.messages[kind].received == at_writer.messages[kind].transmitted);
    REQUIRE(at_writer.messages[kind].received == at_reader.messages[kind].transmitted);
  }
  REQUIRE(at_reader.messages[1].transmitted == 100); // requests
  REQUIRE(reader.machine->peers().at(0).counts.blocks_downloaded == 100);
  sim.disconnect(link);
  REQUIRE(reader.machine->peers().empty());
  REQUIRE(reader.machine->statistics().blocks_downloaded == 100);
}
