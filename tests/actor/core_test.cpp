#include "deterministic.hpp"

#include "log/hashes.hpp"

namespace corestore::tests {

TEST_CASE("an append is answered after its commit and can be read back") {
  deterministic_store fixture;
  auto core = fixture.open("log");
  CHECK(core.record.writable);
  auto appended = fixture.ask<append_result>(core.handle, append_atom_v, blocks_of({"one", "two", ""}));
  REQUIRE(appended.has_value());
  CHECK(appended->length == 3);
  CHECK(appended->byte_length == 6);
  auto block = fixture.ask<shared_bytes>(core.handle, fetch_atom_v, std::uint64_t{1}, std::uint64_t{0});
  REQUIRE(block.has_value());
  CHECK(as_text(block->view()) == "two");
  auto record = fixture.ask<core_record>(core.handle, info_atom_v);
  REQUIRE(record.has_value());
  CHECK(record->length == 3);
  CHECK(record->contiguous_length == 3);
}

TEST_CASE("appends that arrive during a commit share the next signature, and each hears where it ended") {
  deterministic_store fixture;
  auto core = fixture.open("log");
  auto before = fixture.backend->stats().commits;
  std::vector<std::uint64_t> lengths;
  auto collect = [&](const append_result& result) {
    lengths.push_back(result.length);
  };
  auto refuse = [](const caf::error& reason) {
    FAIL(to_string(from_caf(reason)));
  };
  auto first = fixture.self->request(core.handle, caf::infinite, append_atom_v, blocks_of({"a"}));
  auto second = fixture.self->request(core.handle, caf::infinite, append_atom_v, blocks_of({"b"}));
  auto third = fixture.self->request(core.handle, caf::infinite, append_atom_v, blocks_of({"c"}));
  fixture.scheduler.run();
  first.receive(collect, refuse);
  second.receive(collect, refuse);
  third.receive(collect, refuse);
  CHECK(lengths == std::vector<std::uint64_t>{1, 2, 3});
  CHECK(fixture.backend->stats().commits == before + 2);
}

TEST_CASE("a failed commit is told to the appender and leaves the log as it was") {
  deterministic_store fixture;
  auto core = fixture.open("log");
  REQUIRE(fixture.ask<append_result>(core.handle, append_atom_v, blocks_of({"kept"})).has_value());
  fixture.backend->poison();
  auto outcome = fixture.ask<append_result>(core.handle, append_atom_v, blocks_of({"lost"}));
  REQUIRE_FALSE(outcome.has_value());
  CHECK(outcome.error().code == ec::storage_poisoned);
  auto record = fixture.ask<core_record>(core.handle, info_atom_v);
  REQUIRE(record.has_value());
  CHECK(record->length == 1);
}

TEST_CASE("a block above the limit is refused before anything is written") {
  deterministic_store fixture;
  auto core = fixture.open("log");
  std::vector<shared_bytes> blocks{shared_bytes{bytes(15728641)}};
  auto outcome = fixture.ask<append_result>(core.handle, append_atom_v, blocks);
  REQUIRE_FALSE(outcome.has_value());
  CHECK(outcome.error().code == ec::bad_argument);
}

TEST_CASE("a core opened by key cannot be appended to") {
  deterministic_store fixture;
  core_selector selector;
  selector.kind = selector_kind::by_key;
  selector.id.data[0] = 1;
  auto core = fixture.open(selector);
  CHECK_FALSE(core.record.writable);
  auto outcome = fixture.ask<append_result>(core.handle, append_atom_v, blocks_of({"no"}));
  REQUIRE_FALSE(outcome.has_value());
  CHECK(outcome.error().code == ec::not_writable);
}

TEST_CASE("an absent block is an error at once without a wait, and after the wait with one") {
  deterministic_store fixture;
  auto core = fixture.open("log");
  auto at_once = fixture.ask<shared_bytes>(core.handle, fetch_atom_v, std::uint64_t{5}, std::uint64_t{0});
  REQUIRE_FALSE(at_once.has_value());
  CHECK(at_once.error().code == ec::block_not_available);
  auto request = fixture.self->request(core.handle, caf::infinite, fetch_atom_v, std::uint64_t{5}, std::uint64_t{500});
  fixture.scheduler.run();
  fixture.scheduler.advance_time(std::chrono::milliseconds(600));
  fixture.scheduler.run();
  error reason;
  request.receive([](const shared_bytes&) { FAIL("nobody has this block"); },
                  [&](const caf::error& failure) { reason = from_caf(failure); });
  CHECK(reason.code == ec::timed_out);
}

TEST_CASE("a waiting get is answered by a later append") {
  deterministic_store fixture;
  auto core = fixture.open("log");
  auto request =
    fixture.self->request(core.handle, caf::infinite, fetch_atom_v, std::uint64_t{0}, std::uint64_t{60000});
  fixture.scheduler.run_once();
  REQUIRE(fixture.ask<append_result>(core.handle, append_atom_v, blocks_of({"late"})).has_value());
  std::string text;
  request.receive([&](const shared_bytes& block) { text = as_text(block.view()); },
                  [](const caf::error& reason) { FAIL(to_string(from_caf(reason))); });
  CHECK(text == "late");
}

TEST_CASE("reads are cut at the byte limit and at the end") {
  deterministic_store fixture;
  auto core = fixture.open("log");
  REQUIRE(fixture.ask<append_result>(core.handle, append_atom_v, blocks_of({"aaaa", "bbbb", "cccc"})).has_value());
  auto page = fixture.ask<block_batch>(core.handle, read_atom_v, std::uint64_t{0}, std::uint64_t{99}, std::uint64_t{8});
  REQUIRE(page.has_value());
  REQUIRE(page->blocks.size() == 2);
  CHECK(page->blocks[1].index == 1);
  page = fixture.ask<block_batch>(core.handle, read_atom_v, std::uint64_t{2}, std::uint64_t{99}, std::uint64_t{1});
  REQUIRE(page.has_value());
  REQUIRE(page->blocks.size() == 1);
  CHECK(as_text(page->blocks[0].value.view()) == "cccc");
}

TEST_CASE("seek finds the block and the byte in it") {
  deterministic_store fixture;
  auto core = fixture.open("log");
  REQUIRE(fixture.ask<append_result>(core.handle, append_atom_v, blocks_of({"abc", "defg", "h"})).has_value());
  auto found = fixture.ask<seek_position>(core.handle, seek_atom_v, std::uint64_t{5}, std::uint64_t{0});
  REQUIRE(found.has_value());
  CHECK(found->index == 1);
  CHECK(found->offset == 2);
}

TEST_CASE("subscribers hear of an append after its answer was due, and nothing once unsubscribed") {
  deterministic_store fixture;
  auto core = fixture.open("log");
  std::vector<core_event> heard;
  auto sink = fixture.system.spawn([&heard](event_sink::pointer) -> event_sink::behavior_type {
    return {[&heard](const core_event& event) {
      heard.push_back(event);
    }};
  });
  REQUIRE(fixture.ask<core_record>(core.handle, subscribe_atom_v, sink).has_value());
  REQUIRE(fixture.ask<append_result>(core.handle, append_atom_v, blocks_of({"x"})).has_value());
  REQUIRE(heard.size() == 1);
  CHECK(heard[0].kind == event_kind::append);
  CHECK(heard[0].length == 1);
  CHECK(heard[0].key == core.record.key);
  REQUIRE(fixture.ask<bool>(core.handle, unsub_atom_v, sink).value_or(false));
  REQUIRE(fixture.ask<append_result>(core.handle, append_atom_v, blocks_of({"y"})).has_value());
  CHECK(heard.size() == 1);
  fixture.self->send_exit(sink, caf::exit_reason::user_shutdown);
  fixture.scheduler.run();
}

TEST_CASE("verify hashes everything and finds a sound core sound") {
  deterministic_store fixture;
  auto core = fixture.open("log");
  std::vector<shared_bytes> blocks;
  for (int i = 0; i < 5000; ++i)
    blocks.push_back(shared_bytes::copy_of(as_bytes(std::to_string(i))));
  REQUIRE(fixture.ask<append_result>(core.handle, append_atom_v, blocks).has_value());
  auto report = fixture.ask<verify_report>(core.handle, verify_atom_v);
  REQUIRE(report.has_value());
  CHECK(report->blocks == 5000);
  CHECK(report->faults.empty());
}

TEST_CASE("verify names a block whose bytes were changed") {
  deterministic_store fixture;
  auto core = fixture.open("log");
  REQUIRE(fixture.ask<append_result>(core.handle, append_atom_v, blocks_of({"a", "b", "c"})).has_value());
  auto snapshot = fixture.backend->open_snapshot();
  REQUIRE(snapshot.has_value());
  auto header = (*snapshot)->header(core.record.discovery);
  REQUIRE((header.has_value() && header->has_value()));
  log::change_set damage;
  damage.number = (*header)->number;
  damage.base_length = 3;
  damage.cleared = {{1, 2}};
  damage.blocks = {{1, shared_bytes::copy_of(as_bytes("B"))}};
  damage.contiguous_length = 3;
  REQUIRE(fixture.backend->apply({&damage, 1}).has_value());
  auto report = fixture.ask<verify_report>(core.handle, verify_atom_v);
  REQUIRE(report.has_value());
  REQUIRE(report->faults.size() == 1);
  CHECK(report->faults[0].find("block 1") != std::string::npos);
}

TEST_CASE("closing the store commits queued appends and answers whoever waits") {
  deterministic_store fixture;
  auto core = fixture.open("log");
  auto waiting =
    fixture.self->request(core.handle, caf::infinite, fetch_atom_v, std::uint64_t{9}, std::uint64_t{60000});
  fixture.scheduler.run_once();
  auto append = fixture.self->request(core.handle, caf::infinite, append_atom_v, blocks_of({"last"}));
  fixture.self->send_exit(fixture.store, caf::exit_reason::user_shutdown);
  fixture.scheduler.run();
  std::uint64_t length = 0;
  append.receive([&](const append_result& result) { length = result.length; },
                 [](const caf::error& reason) { FAIL(to_string(from_caf(reason))); });
  CHECK(length == 1);
  error reason;
  waiting.receive([](const shared_bytes&) { FAIL("nobody has this block"); },
                  [&](const caf::error& failure) { reason = from_caf(failure); });
  CHECK(reason.code == ec::store_closed);
}

} // namespace corestore::tests
