// A core and one peer of it, whose messages the test writes by hand.
#include <algorithm>
#include <memory>
#include <vector>

#include "deterministic.hpp"

#include "actors/local.hpp"
#include "tests/unit/log/memory_log.hpp"

namespace corestore::tests {

namespace {

namespace wire = replication::wire;
using u64 = std::uint64_t;
using wire_messages = std::vector<wire::message>;

constexpr replication::peer_id peer = 7;

/// Keeps what the core tells the session of its peer.
caf::behavior collector(const std::shared_ptr<wire_messages>& heard) {
  return {[heard](const actors::peer_output& output) {
    for (const auto& batch : output.batches) {
      const auto& messages = std::get<wire_messages>(batch);
      heard->insert(heard->end(), messages.begin(), messages.end());
    }
  }};
}

/// A writable core of `keys` in a store, beside a copy of the log that the peer has.
struct core_and_peer {
  explicit core_and_peer(std::uint64_t blocks) : keys(test::test_keys()), copy(test::memory_core::owned(keys)) {
    REQUIRE(copy.append(test::test_blocks(0, blocks), keys));
    core_selector selector;
    selector.kind = selector_kind::by_pair;
    selector.pair = keys;
    core = fixture.open(selector).handle;
    REQUIRE(fixture.ask<append_result>(core, append_atom_v, test::test_blocks(0, blocks)).has_value());
    session = fixture.system.spawn(collector, heard);
    actors::peer_link link;
    link.peer = peer;
    link.session = caf::actor_cast<actors::session_actor>(session);
    link.options.remote_seeks = true;
    REQUIRE(fixture.ask<bool>(local(), attach_atom_v, link).value_or(false));
    say({wire::sync{.fork = 0,
                    .length = blocks,
                    .remote_length = blocks,
                    .can_upgrade = true,
                    .uploading = true,
                    .downloading = true,
                    .has_manifest = true,
                    .allow_push = false},
         wire::range{.start = 0, .length = blocks}});
    fixture.scheduler.run();
  }
  ~core_and_peer() {
    fixture.self->send_exit(session, caf::exit_reason::user_shutdown);
    fixture.scheduler.run();
  }
  core_and_peer(const core_and_peer&) = delete;
  core_and_peer& operator=(const core_and_peer&) = delete;

  [[nodiscard]] actors::local_core_actor local() const {
    return caf::actor_cast<actors::local_core_actor>(core);
  }

  void say(wire_messages messages) {
    fixture.self->send(local(), actors::peer_input{peer, std::move(messages)});
  }

  /// Lets the core take one message, whoever else has some.
  void step() {
    REQUIRE(fixture.scheduler.prioritize(core));
    fixture.scheduler.run_once();
  }

  [[nodiscard]] std::optional<wire::request> asked_for(std::uint64_t index) const {
    for (const auto& message : *heard)
      if (const auto* request = std::get_if<wire::request>(&message);
          request != nullptr && request->wanted.block && request->wanted.block->index == index)
        return *request;
    return std::nullopt;
  }

  deterministic_store fixture;
  key_pair keys;
  test::memory_core copy;
  core_actor core;
  std::shared_ptr<wire_messages> heard = std::make_shared<wire_messages>();
  caf::actor session;
};

} // namespace

TEST_CASE("a block that arrives while the log is cut below it is not taken for one of the new fork") {
  core_and_peer both{10};
  auto& fixture = both.fixture;
  REQUIRE(fixture.ask<clear_result>(both.core, clear_atom_v, u64{4}, u64{5}).has_value());
  auto fetching = fixture.self->request(both.core, caf::infinite, fetch_atom_v, u64{4}, u64{60000});
  fixture.scheduler.run();
  auto request = both.asked_for(4);
  REQUIRE(request.has_value());

  auto cutting = fixture.self->request(both.core, caf::infinite, truncate_atom_v, u64{2}, u64{0});
  both.step(); // the cut is with the writer now
  both.say({wire::data{.id = request->id, .content = both.copy.prove(request->wanted).value()}});
  both.step();
  fixture.scheduler.run();

  cutting.receive([](const core_record& record) { CHECK(record.length == 2); },
                  [](const caf::error& reason) { FAIL(to_string(from_caf(reason))); });
  CHECK(fixture.ask<bool>(both.core, has_atom_v, u64{4}, u64{5}).value_or(true) == false);
  REQUIRE(fixture.ask<append_result>(both.core, append_atom_v, blocks_of({"x", "y", "z"})).has_value());
  auto block = fixture.ask<shared_bytes>(both.core, fetch_atom_v, u64{4}, u64{0});
  REQUIRE(block.has_value());
  CHECK(as_text(block->view()) == "z");
  auto report = fixture.ask<verify_report>(both.core, verify_atom_v);
  REQUIRE(report.has_value());
  CHECK(report->faults.empty());
  fetching.receive([](const shared_bytes& found) { CHECK(as_text(found.view()) == "z"); },
                   [](const caf::error&) {
                     // it may as well have been given up with the cut
                   });
}

TEST_CASE("blocks that arrive while a commit waits for the writer go along with it") {
  core_and_peer both{10};
  auto& fixture = both.fixture;
  REQUIRE(fixture.ask<clear_result>(both.core, clear_atom_v, u64{3}, u64{7}).has_value());
  auto downloading = fixture.self->request(both.core, caf::infinite, download_atom_v, u64{3}, u64{7}, u64{60000});
  fixture.scheduler.run();
  auto commits = fixture.backend->stats().commits;
  for (u64 index : {3, 4, 5, 6}) {
    auto request = both.asked_for(index);
    REQUIRE(request.has_value());
    both.say({wire::data{.id = request->id, .content = both.copy.prove(request->wanted).value()}});
    both.step();
  }
  fixture.scheduler.run();
  downloading.receive([](bool is_here) { CHECK(is_here); },
                      [](const caf::error& reason) { FAIL(to_string(from_caf(reason))); });
  CHECK(fixture.backend->stats().commits == commits + 1);
  auto report = fixture.ask<verify_report>(both.core, verify_atom_v);
  REQUIRE(report.has_value());
  CHECK(report->faults.empty());
}

TEST_CASE("who waits for a block that cannot be stored hears why, and later wishes do as well") {
  core_and_peer both{10};
  auto& fixture = both.fixture;
  REQUIRE(fixture.ask<clear_result>(both.core, clear_atom_v, u64{3}, u64{7}).has_value());
  auto fetching = fixture.self->request(both.core, caf::infinite, fetch_atom_v, u64{3}, u64{60000});
  auto downloading = fixture.self->request(both.core, caf::infinite, download_atom_v, u64{3}, u64{4}, u64{60000});
  fixture.scheduler.run();
  auto answer = [&](u64 index) {
    auto request = both.asked_for(index);
    REQUIRE(request.has_value());
    both.say({wire::data{.id = request->id, .content = both.copy.prove(request->wanted).value()}});
    fixture.scheduler.run();
  };
  fixture.backend->poison();
  answer(3);
  auto is_poisoned = [](const caf::error& reason) {
    CHECK(from_caf(reason).code == ec::storage_poisoned);
  };
  fetching.receive([](const shared_bytes&) { FAIL("it is not stored"); }, is_poisoned);
  downloading.receive([](bool) { FAIL("they are not stored"); }, is_poisoned);

  auto again = fixture.self->request(both.core, caf::infinite, fetch_atom_v, u64{4}, u64{60000});
  fixture.scheduler.run();
  CHECK_FALSE(both.asked_for(4)); // nothing is asked for right after a failure
  fixture.scheduler.advance_time(std::chrono::seconds{2});
  fixture.scheduler.run();
  answer(4);
  again.receive([](const shared_bytes&) { FAIL("it is not stored"); }, is_poisoned);
}

} // namespace corestore::tests
