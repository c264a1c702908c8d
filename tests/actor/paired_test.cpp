// A core that is published in both generations: two logs of one store that grow together, under every hand that writes.
#include "deterministic.hpp"

#include <random>

#include "base/limits.hpp"
#include "log/twin.hpp"

namespace corestore::tests {

namespace {

using u64 = std::uint64_t;

class fixture_of_both : public deterministic_store {
public:
  fixture_of_both() : core(open(selector_of("log", log::both_generations))) {
    auto of_key = [this](std::uint8_t generation) {
      core_selector selector;
      selector.kind = selector_kind::by_key;
      selector.id.data = core.record.key.data;
      selector.generation = generation;
      return selector;
    };
    nine = of_key(9);
    ten = of_key(10);
  }

  static core_selector selector_of(const std::string& name, std::uint8_t generation) {
    core_selector selector;
    selector.name = name;
    selector.generation = generation;
    return selector;
  }

  result<append_result> append(const core_actor& to, std::initializer_list<std::string_view> texts) {
    return ask<append_result>(to, append_atom_v, blocks_of(texts));
  }

  checkout_actor batch(const core_actor& of) {
    checkout_request request;
    request.is_writable = true;
    auto begun = ask<checkout_actor>(of, checkout_atom_v, request);
    REQUIRE(begun.has_value());
    return *begun;
  }

  /// What is stored of the half of a generation, without asking the pair.
  std::vector<std::string> stored(log::generation generation) {
    std::vector<std::string> texts;
    auto snapshot = backend->open_snapshot();
    REQUIRE(snapshot.has_value());
    auto wire = core.record.discovery;
    for (const auto& id : {wire, log::twin_id(wire)}) {
      auto header = (*snapshot)->header(id);
      REQUIRE((header.has_value() && header->has_value()));
      if ((**header).generation != generation)
        continue;
      auto head = (*snapshot)->head((**header).number);
      REQUIRE(head.has_value());
      for (u64 index = 0; index < head->length; ++index) {
        auto block = (*snapshot)->block((**header).number, index);
        REQUIRE(block.has_value());
        texts.push_back(*block ? std::string{as_text((*block)->view())} : "<cleared>");
      }
    }
    return texts;
  }

  /// Both halves hold exactly that.
  void check(const std::vector<std::string>& texts) {
    CHECK(stored(log::generation::g9) == texts);
    CHECK(stored(log::generation::g10) == texts);
  }

  opened_core core;
  core_selector nine; ///< its halves, as one names them
  core_selector ten;
};

template <class Answer>
ec code_of(const result<Answer>& answer) {
  return answer ? ec::none : answer.error().code;
}

} // namespace

TEST_CASE("both generations have one key and the same blocks, whichever of the two is asked") {
  fixture_of_both fixture;
  REQUIRE(fixture.append(fixture.core.handle, {"a", "b"}));
  REQUIRE(fixture.append(fixture.open(fixture.nine).handle, {"c"}));
  REQUIRE(fixture.append(fixture.open(fixture.ten).handle, {"d"}));
  fixture.check({"a", "b", "c", "d"});
  auto nine = fixture.open(fixture.nine).record;
  auto ten = fixture.open(fixture.ten).record;
  CHECK((nine.generation == 9 && ten.generation == 10 && nine.key == ten.key));
  CHECK(nine.tree_hash != ten.tree_hash);
  for (const auto& half : {fixture.nine, fixture.ten}) {
    auto report = fixture.ask<verify_report>(fixture.open(half).handle, verify_atom_v);
    REQUIRE(report.has_value());
    CHECK((report->faults.empty() && report->blocks == 4));
  }
}

TEST_CASE("a batch on both is seen by its holder until it is flushed, and then by all") {
  fixture_of_both fixture;
  REQUIRE(fixture.append(fixture.core.handle, {"a"}));
  auto batch = fixture.batch(fixture.core.handle);
  CHECK(fixture.ask<append_result>(batch, append_atom_v, blocks_of({"b", "dropped"}))->length == 3);
  CHECK(fixture.ask<append_result>(batch, truncate_atom_v, u64{2})->length == 2);
  CHECK(fixture.ask<append_result>(batch, append_atom_v, blocks_of({"c"}))->length == 3);
  CHECK(fixture.ask<core_record>(batch, info_atom_v)->length == 3);
  CHECK(as_text(fixture.ask<shared_bytes>(batch, fetch_atom_v, u64{2}, u64{0})->view()) == "c");
  CHECK(code_of(fixture.ask<append_result>(batch, truncate_atom_v, u64{0})) == ec::unsupported);
  CHECK(code_of(fixture.ask<append_result>(batch, flush_atom_v, bytes(64))) == ec::unsupported);
  auto large = std::vector{shared_bytes{bytes(limits::legacy_block_bytes_max + 1)}};
  CHECK(code_of(fixture.ask<append_result>(batch, append_atom_v, large)) == ec::bad_argument);
  fixture.check({"a"});
  auto flushed = fixture.ask<append_result>(batch, flush_atom_v, bytes{});
  REQUIRE(flushed.has_value());
  CHECK((flushed->length == 3 && flushed->byte_length == 3));
  fixture.check({"a", "b", "c"});
  CHECK_FALSE(fixture.ask<core_record>(batch, info_atom_v)); // it has ended
  REQUIRE(fixture.append(fixture.core.handle, {"d"}));
  fixture.check({"a", "b", "c", "d"});
}

TEST_CASE("a batch is stale when the core has changed, and one that is dropped leaves nothing behind") {
  fixture_of_both fixture;
  auto actors = fixture.system.registry().running();
  auto batch = fixture.batch(fixture.core.handle);
  REQUIRE(fixture.ask<append_result>(batch, append_atom_v, blocks_of({"late"})));
  REQUIRE(fixture.append(fixture.core.handle, {"a"}));
  CHECK(code_of(fixture.ask<append_result>(batch, flush_atom_v, bytes{})) == ec::stale_base);
  SECTION("closed") {
    CHECK(fixture.ask<bool>(batch, close_atom_v).value_or(false));
  }
  SECTION("forgotten") {
    // nop
  }
  batch = nullptr;
  fixture.scheduler.run();
  CHECK(fixture.system.registry().running() == actors);
  auto empty = fixture.batch(fixture.core.handle);
  CHECK(fixture.ask<append_result>(empty, flush_atom_v, bytes{})->length == 1);
  fixture.check({"a"});
}

TEST_CASE("a commit of several cores takes a batch on both for one of its members") {
  fixture_of_both fixture;
  auto other = fixture.open("other");
  auto commit = [&](const core_actor& by) {
    auto mine = fixture.batch(fixture.core.handle);
    auto theirs = fixture.batch(other.handle);
    REQUIRE(fixture.ask<append_result>(mine, append_atom_v, blocks_of({"a", "b"})));
    REQUIRE(fixture.ask<append_result>(theirs, append_atom_v, blocks_of({"x"})));
    return fixture.ask<std::vector<append_result>>(by, commit_atom_v, std::vector{theirs, mine});
  };
  auto sizes = commit(other.handle);
  REQUIRE(sizes.has_value());
  REQUIRE(sizes->size() == 2);
  CHECK((sizes->at(0).length == 1 && sizes->at(1).length == 2));
  sizes = commit(fixture.core.handle);
  REQUIRE(sizes.has_value());
  CHECK((sizes->at(0).length == 2 && sizes->at(1).length == 4));
  fixture.check({"a", "b", "a", "b"});

  auto stale = fixture.batch(fixture.core.handle);
  auto theirs = fixture.batch(other.handle);
  REQUIRE(fixture.ask<append_result>(stale, append_atom_v, blocks_of({"c"})));
  REQUIRE(fixture.ask<append_result>(theirs, append_atom_v, blocks_of({"y"})));
  REQUIRE(fixture.append(fixture.core.handle, {"d"}));
  CHECK(code_of(fixture.ask<std::vector<append_result>>(other.handle, commit_atom_v, std::vector{stale, theirs})) ==
        ec::stale_base);
  fixture.check({"a", "b", "a", "b", "d"});
  CHECK(fixture.ask<core_record>(other.handle, info_atom_v)->length == 2);
}

TEST_CASE("what is done to stored blocks and beside the log is done to both") {
  fixture_of_both fixture;
  REQUIRE(fixture.append(fixture.core.handle, {"aa", "bb", "cc", "dd"}));
  auto cleared = fixture.ask<clear_result>(fixture.core.handle, clear_atom_v, u64{0}, u64{1});
  REQUIRE(cleared.has_value());
  CHECK((cleared->blocks == 1 && cleared->bytes == 4)); // each of the two had them
  REQUIRE(fixture.ask<bool>(fixture.core.handle, mark_atom_v, u64{2}, u64{3}).value_or(false));
  REQUIRE(fixture.ask<clear_result>(fixture.core.handle, sweep_atom_v));
  fixture.check({"<cleared>", "<cleared>", "cc", "<cleared>"});
  REQUIRE(fixture.ask<bool>(fixture.core.handle, put_atom_v, std::string{"title"}, to_bytes(as_bytes("log"))));
  for (const auto& half : {fixture.nine, fixture.ten}) {
    auto value = fixture.ask<user_value>(fixture.open(half).handle, fetch_atom_v, std::string{"title"});
    REQUIRE(value.has_value());
    CHECK(as_text(value->value) == "log");
  }
  CHECK(fixture.ask<std::set<std::string>>(fixture.core.handle, list_atom_v, std::string{}) ==
        std::set<std::string>{"title"});
  core_switches off;
  off.upload = toggle::off;
  REQUIRE(fixture.ask<core_switches>(fixture.core.handle, switch_atom_v, off));
  for (const auto& half : {fixture.nine, fixture.ten})
    CHECK(fixture.ask<core_switches>(fixture.open(half).handle, switch_atom_v, core_switches{})->upload == toggle::off);
  CHECK(fixture.ask<std::vector<core_peer_record>>(fixture.core.handle, peers_atom_v)->empty());
  CHECK_FALSE(fixture.ask<conflict_record>(fixture.core.handle, evidence_atom_v)->is_found);
}

TEST_CASE("what generation 9 has no form for is refused, and nothing changes") {
  fixture_of_both fixture;
  REQUIRE(fixture.append(fixture.core.handle, {"a", "b"}));
  const auto& core = fixture.core.handle;
  CHECK(code_of(fixture.ask<core_record>(core, truncate_atom_v, u64{1}, u64{0})) == ec::unsupported);
  CHECK(code_of(fixture.ask<core_record>(core, encrypt_atom_v, bytes(32, 1), std::uint8_t{255})) == ec::unsupported);
  CHECK(code_of(fixture.ask<append_result>(core, append_atom_v, blocks_of({"c"}), bytes(64))) == ec::unsupported);
  checkout_request shorter{1, true};
  CHECK(code_of(fixture.ask<checkout_actor>(core, checkout_atom_v, shorter)) == ec::unsupported);
  fixture.check({"a", "b"});
  auto view = fixture.ask<checkout_actor>(core, checkout_atom_v, checkout_request{1, false});
  REQUIRE(view.has_value());
  CHECK(fixture.ask<core_record>(*view, info_atom_v)->length == 1);
}

TEST_CASE("a half that fell behind is brought up before anything is appended") {
  fixture_of_both fixture;
  REQUIRE(fixture.append(fixture.core.handle, {"a", "b"}));
  // Written as by a program that knows of no pairs: straight to the log of one generation.
  auto half =
    fixture.ask<actors::local_core>(fixture.store, wake_atom_v, fixture.core.record.discovery, actors::scope_id{});
  REQUIRE(half.has_value());
  REQUIRE(fixture.ask<append_result>(half->handle, append_atom_v, blocks_of({"alone"})));
  REQUIRE(fixture.append(fixture.core.handle, {"c"}));
  fixture.check({"a", "b", "alone", "c"});
}

TEST_CASE("appends, batches and commits of many hands stay in one order in both, in every schedule") {
  auto seed = GENERATE(range(1U, 40U));
  CAPTURE(seed);
  fixture_of_both fixture;
  std::mt19937 random{seed};
  std::vector<core_actor> hands{fixture.core.handle, fixture.open(fixture.nine).handle,
                                fixture.open(fixture.ten).handle};
  auto half =
    fixture.ask<actors::local_core>(fixture.store, wake_atom_v, fixture.core.record.discovery, actors::scope_id{});
  REQUIRE(half.has_value());
  std::vector<std::string> acknowledged;
  std::size_t open = 0;
  auto answered = [&](const std::string& text) {
    return [&, text](const append_result&) {
      acknowledged.push_back(text);
      --open;
    };
  };
  auto refused = [&](const caf::error&) { // stale: somebody else was first
    --open;
  };
  auto write = [&](caf::event_based_actor* writer) -> caf::behavior {
    for (int step = 0; step < 4; ++step) {
      auto text = std::to_string(writer->id()) + "." + std::to_string(step);
      auto block = std::vector{shared_bytes::copy_of(as_bytes(text))};
      const auto& hand = hands[random() % hands.size()];
      ++open;
      if (random() % 3 == 0) {
        checkout_request request;
        request.is_writable = true;
        writer->request(hand, caf::infinite, checkout_atom_v, request)
          .then(
            [=, &refused, &answered](const checkout_actor& batch) {
              writer->request(batch, caf::infinite, append_atom_v, block)
                .then(
                  [=, &refused, &answered](const append_result&) {
                    writer->request(batch, caf::infinite, flush_atom_v, bytes{}).then(answered(text), refused);
                  },
                  refused);
            },
            refused);
      } else if (random() % 6 == 0) {
        writer->request(half->handle, caf::infinite, append_atom_v, block).then(answered(text), refused);
      } else {
        writer->request(hand, caf::infinite, append_atom_v, block).then(answered(text), refused);
      }
    }
    return {};
  };
  for (int writer = 0; writer < 5; ++writer)
    fixture.system.spawn(write);
  while (fixture.scheduler.has_job()) {
    if (random() % 4 == 0 && fixture.scheduler.jobs.size() > 1) { // another order of those that could run
      fixture.scheduler.jobs.push_back(fixture.scheduler.jobs.front());
      fixture.scheduler.jobs.pop_front();
    }
    fixture.scheduler.run_once();
  }
  CHECK(open == 0);
  REQUIRE(fixture.ask<core_record>(fixture.core.handle, info_atom_v));
  REQUIRE(fixture.append(fixture.core.handle, {"last"}));
  auto nine = fixture.stored(log::generation::g9);
  CHECK(nine == fixture.stored(log::generation::g10));
  acknowledged.emplace_back("last");
  std::sort(acknowledged.begin(), acknowledged.end());
  std::sort(nine.begin(), nine.end());
  CHECK(nine == acknowledged);
}

} // namespace corestore::tests
