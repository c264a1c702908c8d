// Views, batches, commits of several cores; encryption, signatures made elsewhere, cancellation, sweeping and repair.
#include "base/crypto.hpp"
#include "deterministic.hpp"
#include "log/core_state.hpp"
#include "log/verifier.hpp"

namespace corestore::tests {

namespace {

using u64 = std::uint64_t;

class fixture_with_views : public deterministic_store {
public:
  append_result append(const core_actor& core, std::initializer_list<std::string_view> texts) {
    auto appended = ask<append_result>(core, append_atom_v, blocks_of(texts));
    REQUIRE(appended.has_value());
    return *appended;
  }

  checkout_actor view(const core_actor& core, checkout_request request = {}) {
    auto view = ask<checkout_actor>(core, checkout_atom_v, request);
    REQUIRE(view.has_value());
    return *view;
  }

  checkout_actor batch(const core_actor& core) {
    checkout_request request;
    request.is_writable = true;
    return view(core, request);
  }

  template <class Handle>
  std::string text(const Handle& from, u64 index) {
    auto block = ask<shared_bytes>(from, fetch_atom_v, index, u64{0});
    return block ? std::string{as_text(block->view())} : "<" + std::string{name_of(block.error().code)} + ">";
  }

  template <class Handle>
  core_record record(const Handle& of) {
    return ask<core_record>(of, info_atom_v).value_or(core_record{});
  }

  void close(const checkout_actor& view) {
    CHECK(ask<bool>(view, close_atom_v).value_or(false));
  }
};

bytes key_of(std::uint8_t seed) {
  return bytes(32, seed);
}

} // namespace

TEST_CASE("a view shows the log as it was, whatever happens to it") {
  fixture_with_views fixture;
  auto core = fixture.open("log");
  fixture.append(core.handle, {"a", "b", "c", "d"});
  auto whole = fixture.view(core.handle);
  auto two = fixture.view(core.handle, {2, false});
  auto hash = fixture.ask<hash32>(core.handle, hash_atom_v, u64{2}).value_or(hash32{});
  fixture.append(core.handle, {"e"});
  CHECK(fixture.record(whole).length == 4);
  CHECK(fixture.record(two).length == 2);
  CHECK(fixture.record(two).tree_hash == hash);
  CHECK(fixture.text(whole, 4) == "<block_not_available>");
  REQUIRE(fixture.ask<core_record>(core.handle, truncate_atom_v, u64{1}, u64{0}).has_value());
  fixture.append(core.handle, {"B", "C", "D"});
  CHECK(fixture.text(core.handle, 1) == "B");
  CHECK(fixture.text(whole, 0) == "a");
  CHECK(fixture.text(whole, 1) == "b");
  CHECK(fixture.text(whole, 3) == "d");
  CHECK(fixture.text(two, 1) == "b");
  auto page = fixture.ask<block_batch>(whole, read_atom_v, u64{0}, u64{99}, u64{1000});
  REQUIRE(page.has_value());
  CHECK(page->blocks.size() == 4);
  auto refused = fixture.ask<append_result>(whole, append_atom_v, blocks_of({"x"}));
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == ec::read_only);
  fixture.close(whole);
  fixture.close(two);
  auto past = fixture.ask<checkout_actor>(core.handle, checkout_atom_v, checkout_request{99, false});
  REQUIRE_FALSE(past.has_value());
  CHECK(past.error().code == ec::bad_argument);
}

TEST_CASE("whoever waits for a block of a view is answered when its core ends") {
  fixture_with_views fixture;
  auto core = fixture.open("log");
  fixture.append(core.handle, {"a", "b"});
  auto view = fixture.view(core.handle);
  REQUIRE(fixture.ask<clear_result>(core.handle, clear_atom_v, u64{1}, u64{2}).has_value());
  auto waiting = fixture.self->request(view, std::chrono::seconds(30), fetch_atom_v, u64{1}, u64{60000});
  fixture.scheduler.run();
  fixture.self->send_exit(core.handle, caf::exit_reason::kill);
  fixture.scheduler.run();
  fixture.scheduler.advance_time(std::chrono::seconds(31)); // without an answer it would be the time-out
  fixture.scheduler.run();
  waiting.receive([](const shared_bytes&) { FAIL("a block that is not there"); },
                  [](const caf::error& reason) { CHECK(from_caf(reason).code == ec::store_closed); });
  auto after = fixture.ask<core_record>(view, info_atom_v);
  CHECK_FALSE(after.has_value());
}

TEST_CASE("a batch is seen by nobody until it is flushed, with one commit") {
  fixture_with_views fixture;
  auto core = fixture.open("log");
  fixture.append(core.handle, {"a"});
  auto batch = fixture.batch(core.handle);
  REQUIRE(fixture.ask<append_result>(batch, append_atom_v, blocks_of({"b", "c"})).value_or(append_result{}).length ==
          3);
  REQUIRE(fixture.ask<append_result>(batch, append_atom_v, blocks_of({"d"})).value_or(append_result{}).length == 4);
  REQUIRE(fixture.ask<append_result>(batch, truncate_atom_v, u64{3}).value_or(append_result{}).length == 3);
  CHECK(fixture.text(batch, 0) == "a");
  CHECK(fixture.text(batch, 2) == "c");
  CHECK(fixture.record(core.handle).length == 1);
  auto staged = fixture.record(batch);
  auto commits = fixture.backend->stats().commits;
  CHECK(fixture.ask<append_result>(batch, flush_atom_v, bytes{}).value_or(append_result{}).length == 3);
  CHECK(fixture.backend->stats().commits == commits + 1);
  CHECK(fixture.record(core.handle).tree_hash == staged.tree_hash);
  CHECK(fixture.text(core.handle, 2) == "c");
}

TEST_CASE("a batch that was cut below its beginning truncates when it is flushed") {
  fixture_with_views fixture;
  auto core = fixture.open("log");
  fixture.append(core.handle, {"a", "b", "c"});
  auto batch = fixture.batch(core.handle);
  REQUIRE(fixture.ask<append_result>(batch, truncate_atom_v, u64{1}).has_value());
  REQUIRE(fixture.ask<append_result>(batch, append_atom_v, blocks_of({"B"})).has_value());
  REQUIRE(fixture.ask<append_result>(batch, flush_atom_v, bytes{}).value_or(append_result{}).length == 2);
  auto record = fixture.record(core.handle);
  CHECK(record.length == 2);
  CHECK(record.fork == 1);
  CHECK(fixture.text(core.handle, 1) == "B");
  CHECK(fixture.ask<verify_report>(core.handle, verify_atom_v).value_or(verify_report{}).faults.empty());
}

TEST_CASE("a batch on a log that went on is stale, and a dropped one leaves nothing") {
  fixture_with_views fixture;
  auto core = fixture.open("log");
  fixture.append(core.handle, {"a"});
  auto batch = fixture.batch(core.handle);
  REQUIRE(fixture.ask<append_result>(batch, append_atom_v, blocks_of({"b"})).has_value());
  fixture.append(core.handle, {"other"});
  auto flushed = fixture.ask<append_result>(batch, flush_atom_v, bytes{});
  REQUIRE_FALSE(flushed.has_value());
  CHECK(flushed.error().code == ec::stale_base);
  CHECK(fixture.text(batch, 1) == "b");
  fixture.close(batch);
  CHECK(fixture.record(core.handle).length == 2);
}

TEST_CASE("batches of several cores are flushed in one transaction, all or none") {
  fixture_with_views fixture;
  auto one = fixture.open("one");
  auto two = fixture.open("two");
  auto begin = [&] {
    std::vector<checkout_actor> batches{fixture.batch(two.handle), fixture.batch(one.handle)};
    REQUIRE(fixture.ask<append_result>(batches[0], append_atom_v, blocks_of({"x", "y"})).has_value());
    REQUIRE(fixture.ask<append_result>(batches[1], append_atom_v, blocks_of({"z"})).has_value());
    return batches;
  };
  auto batches = begin();
  auto commits = fixture.backend->stats().commits;
  auto sizes = fixture.ask<std::vector<append_result>>(one.handle, commit_atom_v, batches);
  REQUIRE(sizes.has_value());
  REQUIRE(sizes->size() == 2);
  CHECK((*sizes)[0].length == 2);
  CHECK((*sizes)[1].length == 1);
  CHECK(fixture.backend->stats().commits == commits + 1);

  auto stale = begin();
  fixture.append(one.handle, {"in between"});
  auto refused = fixture.ask<std::vector<append_result>>(one.handle, commit_atom_v, stale);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == ec::stale_base);
  CHECK(fixture.record(two.handle).length == 2);
  CHECK(fixture.append(two.handle, {"still writable"}).length == 3);
  for (const auto& batch : stale)
    fixture.close(batch);
  auto twice = std::vector{fixture.batch(one.handle), fixture.batch(one.handle)};
  auto doubled = fixture.ask<std::vector<append_result>>(one.handle, commit_atom_v, twice);
  REQUIRE_FALSE(doubled.has_value());
  CHECK(doubled.error().code == ec::bad_argument);
  for (const auto& batch : twice)
    fixture.close(batch);
}

TEST_CASE("an encrypted core stores ciphertext, and counts and seeks in plain bytes") {
  fixture_with_views fixture;
  auto core = fixture.open("secret");
  REQUIRE(fixture.ask<core_record>(core.handle, encrypt_atom_v, key_of(7), std::uint8_t{255}).has_value());
  CHECK(fixture.append(core.handle, {"hello", "", "world"}).byte_length == 10);
  CHECK(fixture.record(core.handle).byte_length == 10);
  CHECK(fixture.text(core.handle, 2) == "world");
  auto raw = fixture.ask<shared_bytes>(core.handle, fetch_atom_v, fetch_request{2, 0, 0, true});
  REQUIRE(raw.has_value());
  CHECK(raw->size() == 13);
  CHECK(as_text(raw->view()).find("world") == std::string_view::npos);
  auto found = fixture.ask<seek_position>(core.handle, seek_atom_v, u64{6}, u64{0});
  REQUIRE(found.has_value());
  CHECK(found->index == 2);
  CHECK(found->offset == 1);
  auto batch = fixture.batch(core.handle);
  REQUIRE(fixture.ask<append_result>(batch, append_atom_v, blocks_of({"!"})).value_or(append_result{}).byte_length ==
          11);
  CHECK(fixture.text(batch, 3) == "!");
  REQUIRE(fixture.ask<append_result>(batch, flush_atom_v, bytes{}).has_value());
  CHECK(fixture.text(core.handle, 3) == "!");
  REQUIRE(fixture.ask<core_record>(core.handle, encrypt_atom_v, bytes{}, std::uint8_t{255}).has_value());
  CHECK(fixture.record(core.handle).byte_length == 11 + 4 * 8);
  CHECK(fixture.text(core.handle, 2) != "world");
  auto short_key = fixture.ask<core_record>(core.handle, encrypt_atom_v, bytes{1, 2, 3}, std::uint8_t{255});
  REQUIRE_FALSE(short_key.has_value());
  CHECK(short_key.error().code == ec::bad_argument);
}

TEST_CASE("a core of two signers takes what both have signed, and nothing less") {
  fixture_with_views fixture;
  auto first = crypto::ed25519_key_pair();
  auto second = crypto::ed25519_key_pair();
  log::manifest rules;
  rules.version = 1;
  rules.quorum = 2;
  for (const auto& key : {first.public_part, second.public_part})
    rules.signers.push_back(log::default_manifest(key).signers.front());
  core_selector selector;
  selector.kind = selector_kind::by_manifest;
  selector.manifest = log::encode_manifest(rules);
  auto core = fixture.open(selector);
  auto plain = fixture.ask<append_result>(core.handle, append_atom_v, blocks_of({"no"}));
  REQUIRE_FALSE(plain.has_value());
  CHECK(plain.error().code == ec::not_writable);
  auto batch = fixture.batch(core.handle);
  REQUIRE(fixture.ask<append_result>(batch, append_atom_v, blocks_of({"agreed"})).has_value());
  auto message = fixture.ask<bytes>(batch, signable_atom_v);
  REQUIRE(message.has_value());
  auto part = [&](u64 who, const key_pair& keys) {
    log::contribution made;
    made.part.signer = who;
    made.part.signature = crypto::ed25519_sign(*message, keys.secret_part);
    return made;
  };
  std::vector<log::contribution> one{part(0, first)};
  auto alone = log::encode_multi_signature(log::assemble(one), 1, 1);
  auto refused = fixture.ask<append_result>(batch, flush_atom_v, alone);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == ec::invalid_signature);
  std::vector<log::contribution> both{part(0, first), part(1, second)};
  auto together = log::encode_multi_signature(log::assemble(both), 1, 1);
  REQUIRE(fixture.ask<append_result>(batch, flush_atom_v, together).value_or(append_result{}).length == 1);
  CHECK(fixture.text(core.handle, 0) == "agreed");
  auto again = fixture.ask<append_result>(core.handle, append_atom_v, blocks_of({"more"}), together);
  REQUIRE_FALSE(again.has_value());
  CHECK(again.error().code == ec::invalid_signature);
  CHECK(fixture.ask<verify_report>(core.handle, verify_atom_v).value_or(verify_report{}).faults.empty());
}

TEST_CASE("a get and a download are cancelled by the token of their caller only") {
  fixture_with_views fixture;
  auto core = fixture.open("log");
  auto get = fixture.self->request(core.handle, caf::infinite, fetch_atom_v, fetch_request{5, 60000, 1, false});
  download_request wanted;
  wanted.blocks = {3, 9};
  wanted.wait_ms = 60000;
  wanted.token = 2;
  auto download = fixture.self->request(core.handle, caf::infinite, download_atom_v, wanted);
  fixture.scheduler.run_once();
  fixture.scheduler.run_once();
  CHECK_FALSE(fixture.ask<bool>(core.handle, cancel_atom_v, u64{7}).value_or(true));
  CHECK_FALSE(fixture.ask<bool>(core.handle, cancel_atom_v, u64{0}).value_or(true));
  CHECK(fixture.ask<bool>(core.handle, cancel_atom_v, u64{1}).value_or(false));
  CHECK(fixture.ask<bool>(core.handle, cancel_atom_v, u64{2}).value_or(false));
  std::vector<ec> causes;
  auto collect = [&](const caf::error& reason) {
    causes.push_back(from_caf(reason).code);
  };
  get.receive([](const shared_bytes&) { FAIL("nobody has it"); }, collect);
  download.receive([](bool) { FAIL("nobody has them"); }, collect);
  CHECK(causes == std::vector<ec>{ec::cancelled, ec::cancelled});
}

TEST_CASE("a live read waits for the next block and returns empty-handed after its wait") {
  fixture_with_views fixture;
  auto core = fixture.open("log");
  auto next = [&](u64 start) {
    return fixture.self->request(core.handle, caf::infinite, read_atom_v, start, ~u64{0}, u64{1000}, u64{500});
  };
  auto waiting = next(0);
  fixture.scheduler.run_once();
  fixture.append(core.handle, {"a", "b"});
  std::size_t count = 99;
  auto collect = [&](const block_batch& batch) {
    count = batch.blocks.size();
  };
  auto refuse = [](const caf::error& reason) {
    FAIL(to_string(from_caf(reason)));
  };
  waiting.receive(collect, refuse);
  CHECK(count == 2);
  auto late = next(2);
  fixture.scheduler.run();
  fixture.scheduler.advance_time(std::chrono::milliseconds(600));
  fixture.scheduler.run();
  late.receive(collect, refuse);
  CHECK(count == 0);
}

TEST_CASE("a sweep clears what is not marked") {
  fixture_with_views fixture;
  auto core = fixture.open("log");
  fixture.append(core.handle, {"a", "b", "c", "d", "e", "f"});
  CHECK(fixture.ask<bool>(core.handle, mark_atom_v, u64{1}, u64{2}).value_or(false));
  CHECK(fixture.ask<bool>(core.handle, mark_atom_v, u64{3}, u64{5}).value_or(false));
  auto swept = fixture.ask<clear_result>(core.handle, sweep_atom_v);
  REQUIRE(swept.has_value());
  CHECK(swept->blocks == 3);
  CHECK(swept->bytes == 3);
  for (u64 index = 0; index < 6; ++index)
    CHECK(fixture.ask<bool>(core.handle, has_atom_v, index, index + 1).value_or(false) ==
          (index == 1 || index == 3 || index == 4));
  CHECK(fixture.record(core.handle).length == 6);
  auto all = fixture.ask<clear_result>(core.handle, sweep_atom_v); // the marks are used up
  CHECK(all.value_or(clear_result{}).blocks == 3);
}

TEST_CASE("a repair drops what does not match, nodes included, and leaves the rest") {
  fixture_with_views fixture;
  auto core = fixture.open("log");
  fixture.append(core.handle, {"a", "b", "c", "d"});
  auto snapshot = fixture.backend->open_snapshot();
  REQUIRE(snapshot.has_value());
  auto header = (*snapshot)->header(core.record.discovery);
  REQUIRE((header.has_value() && header->has_value()));
  log::change_set damage;
  damage.number = (*header)->number;
  damage.base_length = 4;
  damage.cleared = {{1, 2}};
  damage.blocks = {{1, shared_bytes::copy_of(as_bytes("B"))}};
  damage.contiguous_length = 4;
  snapshot->reset();
  REQUIRE(fixture.backend->apply({&damage, 1}).has_value());
  auto repaired = fixture.ask<repair_report>(core.handle, repair_atom_v);
  REQUIRE(repaired.has_value());
  CHECK(repaired->blocks == 4);
  CHECK(repaired->dropped_blocks == 1);
  CHECK(repaired->dropped_bytes == 1);
  CHECK_FALSE(fixture.ask<bool>(core.handle, has_atom_v, u64{1}, u64{2}).value_or(true));
  CHECK(fixture.text(core.handle, 2) == "c");
  CHECK(fixture.ask<verify_report>(core.handle, verify_atom_v).value_or(verify_report{}).faults.empty());
  CHECK(fixture.ask<repair_report>(core.handle, repair_atom_v).value_or(repair_report{}).dropped_blocks == 0);
}

} // namespace corestore::tests
