// Archives, fences and evictions as messages.
#include "deterministic.hpp"

#include "actors/scrub.hpp"
#include "base/text.hpp"
#include "log/archive.hpp"

namespace corestore::tests {

namespace {

using u64 = std::uint64_t;
namespace archive = log::archive;

core_selector by_key(const core_record& record) {
  core_selector selector;
  selector.kind = selector_kind::by_key;
  selector.id.data = record.key.data;
  selector.generation = record.generation;
  return selector;
}

/// Every frame of a core, with pages so small that there are many.
std::vector<bytes> frames_of(deterministic_store& fixture, const core_actor& core) {
  auto head = fixture.ask<bytes>(core, export_atom_v);
  REQUIRE(head.has_value());
  auto decoded = archive::decode(*head);
  REQUIRE(decoded.has_value());
  const auto& signed_head = std::get<archive::head_frame>(*decoded).head;
  std::vector<bytes> frames{*head};
  archive_request wanted{signed_head.fork, signed_head.length, 0, 3};
  for (;;) {
    auto page = fixture.ask<archive_page>(core, export_atom_v, wanted);
    REQUIRE(page.has_value());
    if (!page->frame.empty())
      frames.push_back(page->frame);
    if (page->is_last)
      return frames;
    REQUIRE(page->next > wanted.first);
    wanted.first = page->next;
  }
}

} // namespace

TEST_CASE("a core goes from one store to another frame by frame") {
  for (std::uint8_t generation : {std::uint8_t{10}, std::uint8_t{9}}) {
    deterministic_store source;
    core_selector named;
    named.name = "log";
    named.generation = generation;
    auto core = source.open(named);
    for (int i = 0; i < 11; ++i)
      REQUIRE(source.ask<append_result>(core.handle, append_atom_v, blocks_of({"a", "bb"})).has_value());
    auto frames = frames_of(source, core.handle);
    CHECK(frames.size() > 5);
    deterministic_store target;
    auto copy = target.open(by_key(core.record));
    CHECK_FALSE(copy.record.writable);
    u64 added = 0;
    for (const auto& frame : frames) {
      auto taken = target.ask<u64>(copy.handle, import_atom_v, frame);
      INFO((taken ? std::string{} : to_string(taken.error())));
      REQUIRE(taken.has_value());
      added += *taken;
    }
    CHECK(added == 22);
    auto record = target.ask<core_record>(copy.handle, info_atom_v).value();
    auto original = source.ask<core_record>(core.handle, info_atom_v).value();
    CHECK(record.length == 22);
    CHECK(record.contiguous_length == 22);
    CHECK(record.tree_hash == original.tree_hash);
    CHECK(target.ask<verify_report>(copy.handle, verify_atom_v).value().faults.empty());
    for (const auto& frame : frames)
      CHECK(target.ask<u64>(copy.handle, import_atom_v, frame) == u64{0});
    CHECK(target.ask<store_record>(target.store, info_atom_v).value().blocks_appended == 0);
  }
}

TEST_CASE("frames that do not fit are refused, and change nothing") {
  deterministic_store source;
  auto core = source.open("log");
  REQUIRE(source.ask<append_result>(core.handle, append_atom_v, blocks_of({"a", "b", "c", "d", "e"})).has_value());
  auto frames = frames_of(source, core.handle);
  deterministic_store target;
  auto other = target.open("log");
  auto refused = [&](const core_actor& whom, const bytes& frame) {
    auto outcome = target.ask<u64>(whom, import_atom_v, frame);
    REQUIRE_FALSE(outcome.has_value());
    return outcome.error().code;
  };
  CHECK(refused(other.handle, frames[0]) == ec::key_mismatch);
  auto copy = target.open(by_key(core.record));
  CHECK(refused(copy.handle, frames[1]) == ec::invalid_operation); // blocks before any head
  auto head = std::get<archive::head_frame>(archive::decode(frames[0]).value());
  auto forged = head;
  forged.head.signature.back() ^= 1;
  CHECK(refused(copy.handle, archive::encode(forged)) == ec::invalid_signature);
  forged = head;
  forged.head.roots[0].hash.data[0] ^= 1;
  CHECK(refused(copy.handle, archive::encode(forged)) == ec::invalid_signature);
  forged = head;
  forged.head.byte_length += 1;
  CHECK(refused(copy.handle, archive::encode(forged)) == ec::decoding_failed);
  CHECK(refused(copy.handle, bytes{}) == ec::decoding_failed);
  CHECK(refused(copy.handle, bytes{9, 9}) == ec::decoding_failed);
  CHECK(target.ask<core_record>(copy.handle, info_atom_v).value().length == 0);
  REQUIRE(target.ask<u64>(copy.handle, import_atom_v, frames[0]).has_value());
  auto part = std::get<archive::blocks_frame>(archive::decode(frames[1]).value());
  part.blocks[0].value = shared_bytes::copy_of(as_bytes("X"));
  CHECK(refused(copy.handle, archive::encode(part)) == ec::invalid_checksum);
  CHECK(target.ask<core_record>(copy.handle, info_atom_v).value().contiguous_length == 0);
  CHECK(target.ask<verify_report>(copy.handle, verify_atom_v).value().faults.empty());
}

TEST_CASE("a log that was truncated since the first frame is not exported any further") {
  deterministic_store fixture;
  auto core = fixture.open("log");
  CHECK(fixture.ask<bytes>(core.handle, export_atom_v).error().code == ec::not_found);
  REQUIRE(fixture.ask<append_result>(core.handle, append_atom_v, blocks_of({"a", "b", "c"})).has_value());
  REQUIRE(fixture.ask<core_record>(core.handle, truncate_atom_v, u64{1}, u64{0}).has_value());
  auto page = fixture.ask<archive_page>(core.handle, export_atom_v, archive_request{0, 3, 0, 100});
  CHECK(page.error().code == ec::stale_base);
}

TEST_CASE("a fenced core signs nothing in whatever way it is asked") {
  deterministic_store fixture;
  auto core = fixture.open("log");
  REQUIRE(fixture.ask<append_result>(core.handle, append_atom_v, blocks_of({"a", "b"})).has_value());
  auto batch = fixture.ask<checkout_actor>(core.handle, checkout_atom_v, checkout_request{2, true});
  REQUIRE(batch.has_value());
  REQUIRE(fixture.ask<append_result>(*batch, append_atom_v, blocks_of({"c"})).has_value());
  auto fenced = fixture.ask<core_record>(core.handle, fence_atom_v, true);
  REQUIRE(fenced.has_value());
  CHECK(fenced->is_fenced);
  CHECK(fenced->writable);
  auto refused = fixture.ask<append_result>(core.handle, append_atom_v, blocks_of({"x"})).error();
  CHECK(refused.code == ec::fenced);
  CHECK(refused.detail.find(text::to_hex(core.record.key.view())) !=
        std::string::npos); // as keys are printed elsewhere
  CHECK(fixture.ask<append_result>(core.handle, append_atom_v, blocks_of({"x"}), bytes(64)).error().code == ec::fenced);
  CHECK(fixture.ask<core_record>(core.handle, truncate_atom_v, u64{1}, u64{0}).error().code == ec::fenced);
  CHECK(fixture.ask<append_result>(*batch, flush_atom_v, bytes{}).error().code == ec::fenced);
  CHECK(fixture.ask<core_record>(core.handle, info_atom_v).value().length == 2);
  // it is a mark on disk
  CHECK(fixture.ask<bool>(fixture.store, close_atom_v, core.record.discovery) == true);
  auto header = fixture.backend->open_snapshot().value()->header(core.record.discovery).value();
  REQUIRE(header.has_value());
  CHECK(header->fence == log::head_mark{0, 2});
  auto lifted = fixture.ask<core_record>(core.handle, fence_atom_v, false);
  REQUIRE(lifted.has_value());
  CHECK_FALSE(lifted->is_fenced);
  CHECK(fixture.ask<append_result>(core.handle, append_atom_v, blocks_of({"x"})).value().length == 3);
  core_record unknown;
  unknown.key.data.fill(1);
  auto foreign = fixture.open(by_key(unknown));
  CHECK(fixture.ask<core_record>(foreign.handle, fence_atom_v, true).error().code == ec::not_writable);
}

TEST_CASE("only what nobody here owns, holds or mirrors is given up") {
  deterministic_store source;
  auto log = source.open("log");
  REQUIRE(source.ask<append_result>(log.handle, append_atom_v, blocks_of({"aaaa", "bbbb", "cccc"})).has_value());
  auto frames = frames_of(source, log.handle);
  deterministic_store fixture;
  auto own = fixture.open("own");
  REQUIRE(fixture.ask<append_result>(own.handle, append_atom_v, blocks_of({"mine"})).has_value());
  auto copy = fixture.open(by_key(log.record));
  for (const auto& frame : frames)
    REQUIRE(fixture.ask<u64>(copy.handle, import_atom_v, frame).has_value());
  auto evict = [&] {
    return fixture.ask<clear_result>(fixture.store, evict_atom_v, u64{1000000}).value();
  };
  CHECK(evict().blocks == 0); // both are held
  REQUIRE(fixture.ask<core_record>(copy.handle, mirror_atom_v, true).has_value());
  CHECK(fixture.ask<bool>(fixture.store, close_atom_v, log.record.discovery) == true);
  CHECK(fixture.ask<bool>(fixture.store, close_atom_v, own.record.discovery) == true);
  CHECK(evict().blocks == 0);
  copy = fixture.open(by_key(log.record));
  REQUIRE(fixture.ask<core_record>(copy.handle, mirror_atom_v, false).has_value());
  CHECK(fixture.ask<bool>(fixture.store, close_atom_v, log.record.discovery) == true);
  evict(); // sends it out of the memory first
  auto given_up = evict();
  auto counted = fixture.ask<store_record>(fixture.store, info_atom_v).value();
  CHECK(counted.blocks_evicted == 3);
  CHECK(counted.bytes_evicted == 12);
  CHECK(given_up.blocks <= 3);
  copy = fixture.open(by_key(log.record));
  CHECK(copy.record.length == 3);
  CHECK(copy.record.contiguous_length == 0);
  CHECK(copy.record.tree_hash == source.ask<core_record>(log.handle, info_atom_v).value().tree_hash);
  CHECK(fixture.ask<verify_report>(copy.handle, verify_atom_v).value().faults.empty());
  // and it can come back
  for (const auto& frame : frames)
    REQUIRE(fixture.ask<u64>(copy.handle, import_atom_v, frame).has_value());
  CHECK(fixture.ask<core_record>(copy.handle, info_atom_v).value().contiguous_length == 3);
  own = fixture.open("own");
  CHECK(fixture.ask<shared_bytes>(own.handle, fetch_atom_v, u64{0}, u64{0}).has_value());
}

TEST_CASE("how far a verification is can be asked for while it runs") {
  deterministic_store fixture;
  auto core = fixture.open("log");
  constexpr u64 count = 10000;
  std::vector<shared_bytes> blocks(count, shared_bytes{bytes(1, 7)});
  REQUIRE(fixture.ask<append_result>(core.handle, append_atom_v, blocks).has_value());
  CHECK_FALSE(fixture.ask<core_stats>(core.handle, stats_atom_v).value().is_verifying);
  auto verifying = fixture.self->request(core.handle, caf::infinite, verify_atom_v);
  auto asked = fixture.self->request(core.handle, caf::infinite, stats_atom_v);
  fixture.scheduler.run();
  asked.receive(
    [&](const core_stats& now) {
      CHECK(now.is_verifying);
      CHECK(now.blocks_verified > 0);
      CHECK(now.blocks_verified < count);
    },
    [](const caf::error& reason) { FAIL(to_string(from_caf(reason))); });
  verifying.receive([&](const verify_report& report) { CHECK(report.blocks == count); },
                    [](const caf::error& reason) { FAIL(to_string(from_caf(reason))); });
  CHECK_FALSE(fixture.ask<core_stats>(core.handle, stats_atom_v).value().is_verifying);
}

TEST_CASE("a damaged block counts once, however often it is found, until it is sound again") {
  deterministic_store fixture;
  auto core = fixture.open("log");
  REQUIRE(fixture.ask<append_result>(core.handle, append_atom_v, blocks_of({"a", "b", "c"})).has_value());
  auto number = fixture.backend->open_snapshot().value()->header(core.record.discovery).value()->number;
  auto store_block = [&](const char* value) {
    log::change_set changes;
    changes.number = number;
    changes.base_length = 3;
    changes.cleared = {{1, 2}};
    changes.blocks = {{1, shared_bytes::copy_of(as_bytes(value))}};
    changes.contiguous_length = 3;
    REQUIRE(fixture.backend->apply({&changes, 1}).has_value());
  };
  store_block("B");
  auto counted = std::make_shared<actors::meters>();
  std::vector<std::string> said;
  auto scrub =
    fixture.system.spawn(actors::scrub, actors::scrub_arguments{fixture.backend, fixture.store, counted, 10000, 5000,
                                                                [&](const char*, const std::string& line) {
                                                                  said.push_back(line);
                                                                }});
  auto pass = [&](u64 passes) {
    for (int i = 0; i < 1000 && counted->scrub_passes < passes; ++i) {
      fixture.scheduler.advance_time(std::chrono::milliseconds{100});
      while (fixture.scheduler.try_run_once()) {
        // until nothing is to be done
      }
    }
    REQUIRE(counted->scrub_passes == passes);
  };
  pass(3);
  CHECK(counted->scrub_faults == 3);
  CHECK(counted->scrub_damaged == 1);
  REQUIRE(said.size() >= 3);
  CHECK(said[0].ends_with(": 1 block is damaged, first: block 1 does not match its hash"));
  CHECK(said[1].ends_with("it stays as it is until the next pass"));
  CHECK(said[2] == "scrub: everything was looked at: 1 block was damaged");
  store_block("b");
  pass(4);
  CHECK(counted->scrub_damaged == 0);
  CHECK(said.back() == "scrub: everything was looked at, nothing is damaged");
  fixture.self->send_exit(scrub, caf::exit_reason::user_shutdown);
  fixture.scheduler.run();
}

TEST_CASE("the pace of the scrub changes while it walks, waits for the next walk and rests") {
  deterministic_store fixture;
  auto core = fixture.open("log");
  std::vector<shared_bytes> blocks(100, shared_bytes{bytes(1000, 7)});
  REQUIRE(fixture.ask<append_result>(core.handle, append_atom_v, blocks).has_value());
  auto counted = std::make_shared<actors::meters>();
  constexpr u64 hour_ms = 3600000;
  auto scrub = fixture.system.spawn(
    actors::scrub, actors::scrub_arguments{fixture.backend, fixture.store, counted, 10000, hour_ms, {}});
  auto pass = [&](std::chrono::milliseconds time) {
    constexpr std::chrono::milliseconds step{50};
    for (auto spent = std::chrono::milliseconds{0}; spent < time; spent += step) {
      fixture.scheduler.advance_time(step);
      while (fixture.scheduler.try_run_once()) {
        // until nothing is to be done
      }
    }
  };
  auto set_pace = [&](u64 bytes_s, u64 interval_ms) {
    fixture.self->send(scrub, update_atom_v, bytes_s, interval_ms);
  };
  pass(std::chrono::seconds{1});
  CHECK(counted->scrub_blocks >= 8);
  CHECK(counted->scrub_blocks <= 12);
  set_pace(200000, hour_ms);
  pass(std::chrono::seconds{1});
  CHECK(counted->scrub_passes == 1);
  pass(std::chrono::seconds{30});
  CHECK(counted->scrub_blocks == 100);
  set_pace(200000, 5000); // since the start of the walk before: at once
  pass(std::chrono::seconds{2});
  CHECK(counted->scrub_passes == 2);
  pass(std::chrono::seconds{5});
  CHECK(counted->scrub_passes == 3);
  set_pace(0, 5000);
  pass(std::chrono::seconds{30});
  CHECK(counted->scrub_passes == 3);
  set_pace(10000, 5000);
  pass(std::chrono::seconds{1});
  CHECK(counted->scrub_blocks >= 308);
  CHECK(counted->scrub_blocks <= 312);
  set_pace(0, 5000); // in the middle of a walk, which goes on where it was
  pass(std::chrono::seconds{30});
  CHECK(counted->scrub_blocks <= 312);
  set_pace(200000, hour_ms);
  pass(std::chrono::seconds{2});
  CHECK(counted->scrub_passes == 4);
  CHECK(counted->scrub_blocks == 400);
  fixture.self->send_exit(scrub, caf::exit_reason::user_shutdown);
  fixture.scheduler.run();
}

} // namespace corestore::tests
