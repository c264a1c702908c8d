// What goes on beside the log: listeners of extensions and the peers that have to wait for them, switches, encryption
// keys of several openings, evidence.
#include "deterministic.hpp"

#include "base/limits.hpp"
#include "replication/wire/messages.hpp"

namespace corestore::tests {

namespace {

using namespace replication;
using u64 = std::uint64_t;

/// A session with one peer of one core, which only counts.
struct counted {
  u64 done = 0; ///< inputs that the core has digested
  u64 extensions = 0;
  u64 failures = 0;
};

actors::session_actor::behavior_type counting_session(actors::session_actor::pointer,
                                                      const std::shared_ptr<counted>& seen) {
  return {
    [](internal_atom, bool) {},
    [seen](actors::peer_output& output) {
      seen->done += output.inputs_done;
      seen->failures += output.failure.code == ec::none ? 0 : 1;
      for (const auto& batch : output.batches)
        for (const auto& message : std::get<std::vector<wire::message>>(batch))
          seen->extensions += std::holds_alternative<wire::extension>(message) ? 1 : 0;
    },
    [](open_atom, const actors::local_core&) {},
    [](actors::peer_park&) {},
    [](actors::peer_input&) {},
    [](internal_atom) {},
    [](tick_atom) {},
    [](suspend_atom) {},
    [](resume_atom) {},
    [](switch_atom, const connection_switches&) { return peer_record{}; },
    [](shutdown_atom) {},
  };
}

/// Listens, and answers when it is told to.
struct slow_listener {
  std::vector<caf::typed_response_promise<bool>> waiting;
  std::vector<extension_event> heard;
};

/// `put COUNT` makes it digest so many of what it has heard.
caf::behavior listening(caf::event_based_actor* self, const std::shared_ptr<slow_listener>& box) {
  return {[self, box](const extension_event& event) -> caf::result<bool> {
            box->heard.push_back(event);
            box->waiting.push_back(self->make_response_promise<bool>());
            return box->waiting.back();
          },
          [box](put_atom, u64 count) {
            for (u64 i = 0; i < count && !box->waiting.empty(); ++i) {
              box->waiting.front().deliver(true);
              box->waiting.erase(box->waiting.begin());
            }
          }};
}

class fixture_with_peer : public deterministic_store {
public:
  fixture_with_peer() : opened(open("log")), core(caf::actor_cast<actors::local_core_actor>(opened.handle)) {
    session = system.spawn(counting_session, seen);
    actors::peer_link link;
    link.peer = 1;
    link.session = session;
    link.session_id = 7;
    REQUIRE(ask<bool>(core, attach_atom_v, link).value_or(false));
  }

  ~fixture_with_peer() {
    self->send_exit(session, caf::exit_reason::user_shutdown);
    scheduler.run();
  }

  void receive(std::vector<wire::message> messages) {
    self->send(core, actors::peer_input{1, std::move(messages)});
    scheduler.run();
  }

  extension_sink listener(const std::shared_ptr<slow_listener>& box) {
    return caf::actor_cast<extension_sink>(system.spawn(listening, box));
  }

  void digest(const extension_sink& sink, u64 count) {
    self->send(caf::actor_cast<caf::actor>(sink), put_atom_v, count);
    scheduler.run();
  }

  std::shared_ptr<counted> seen = std::make_shared<counted>();
  opened_core opened;
  actors::local_core_actor core;
  actors::session_actor session;
};

std::vector<wire::message> extensions(const std::string& name, std::size_t count) {
  std::vector<wire::message> messages;
  for (std::size_t i = 0; i < count; ++i)
    messages.emplace_back(wire::extension{i == 0 ? name : std::string{}, bytes{static_cast<std::uint8_t>(i)}});
  return messages;
}

} // namespace

TEST_CASE("a peer whose messages nobody digests is not listened to any further") {
  fixture_with_peer fixture;
  auto box = std::make_shared<slow_listener>();
  auto sink = fixture.listener(box);
  CHECK(fixture.ask<bool>(fixture.core, extend_atom_v, std::string{"chat"}, sink).value_or(false));
  fixture.receive(extensions("chat", 10));
  CHECK(fixture.seen->done == 1);
  fixture.receive(extensions("chat", 100));
  CHECK(box->heard.size() == 110);
  CHECK(box->heard.back().session == 7);
  CHECK(box->heard.back().name == "chat");
  CHECK(fixture.seen->done == 1);
  fixture.receive({wire::cancel{3}});
  CHECK(fixture.seen->done == 1);
  fixture.digest(sink, 60);
  CHECK(fixture.seen->done == 3);
  fixture.digest(sink, 1000);
  fixture.receive(extensions("chat", 100)); // in vain: it is given up after half a minute
  CHECK(fixture.seen->done == 3);
  fixture.scheduler.advance_time(std::chrono::seconds(31));
  fixture.scheduler.run();
  CHECK(fixture.seen->done == 4);
  CHECK(fixture.seen->failures == 0);
  fixture.self->send_exit(sink, caf::exit_reason::user_shutdown);
  fixture.scheduler.run();
  fixture.receive(extensions("chat", 5)); // nobody listens any more
  CHECK(box->heard.size() == 210);
  CHECK(fixture.seen->done == 5);
}

TEST_CASE("listeners of extensions are counted and bounded") {
  fixture_with_peer fixture;
  auto box = std::make_shared<slow_listener>();
  auto sink = fixture.listener(box);
  auto extend = [&](const std::string& name) {
    auto done = fixture.ask<bool>(fixture.core, extend_atom_v, name, sink);
    return done ? std::string{*done ? "new" : "known"} : std::string{name_of(done.error().code)};
  };
  CHECK(extend("") == "bad_argument");
  CHECK(extend(std::string(limits::extension_name_bytes_max + 1, 'x')) == "bad_argument");
  for (std::size_t i = 0; i < limits::extensions_max; ++i)
    CHECK(extend("e" + std::to_string(i)) == "new");
  CHECK(extend("e0") == "known");
  CHECK(extend("one more") == "limit_exceeded");
  CHECK(fixture.ask<bool>(fixture.core, retract_atom_v, std::string{"e0"}, sink).value_or(false));
  CHECK_FALSE(fixture.ask<bool>(fixture.core, retract_atom_v, std::string{"e0"}, sink).value_or(true));
  CHECK(extend("one more") == "new");
  CHECK_FALSE(fixture.ask<actors::parked_core>(fixture.core, park_atom_v).value_or(actors::parked_core{}).is_parked);

  auto said = fixture.ask<u64>(fixture.core, send_atom_v, extension_message{"any", bytes{1, 2}, 0});
  CHECK(said.value_or(0) == 1);
  CHECK(fixture.ask<u64>(fixture.core, send_atom_v, extension_message{"any", {}, 7}).value_or(0) == 1);
  CHECK(fixture.ask<u64>(fixture.core, send_atom_v, extension_message{"any", {}, 8}).value_or(1) == 0);
  CHECK(fixture.seen->extensions == 2);
  auto unnamed = fixture.ask<u64>(fixture.core, send_atom_v, extension_message{"", {}, 0});
  REQUIRE_FALSE(unnamed.has_value());
  CHECK(unnamed.error().code == ec::bad_argument);
  auto huge =
    fixture.ask<u64>(fixture.core, send_atom_v, extension_message{"any", bytes(limits::block_bytes_max + 1), 0});
  REQUIRE_FALSE(huge.has_value());
  CHECK(huge.error().code == ec::bad_argument);
}

TEST_CASE("a listener of a store hears of cores that are opened later, and of no other store") {
  fixture_with_peer fixture;
  auto box = std::make_shared<slow_listener>();
  auto sink = fixture.listener(box);
  CHECK(fixture.ask<bool>(fixture.store, extend_atom_v, std::string{"chat"}, sink).value_or(false));
  CHECK_FALSE(fixture.ask<bool>(fixture.store, extend_atom_v, std::string{"chat"}, sink).value_or(true));
  fixture.receive(extensions("chat", 1));
  CHECK(box->heard.size() == 1);
  auto later = fixture.open("later");
  actors::peer_link link;
  link.peer = 1;
  link.session = fixture.session;
  REQUIRE(
    fixture.ask<bool>(caf::actor_cast<actors::local_core_actor>(later.handle), attach_atom_v, link).value_or(false));
  fixture.self->send(caf::actor_cast<actors::local_core_actor>(later.handle),
                     actors::peer_input{1, extensions("chat", 2)});
  fixture.scheduler.run();
  REQUIRE(box->heard.size() == 3);
  CHECK(box->heard.back().discovery == later.record.discovery);
  auto inside = fixture.ask<entered_store>(fixture.store, enter_atom_v, std::string{"inside"});
  REQUIRE(inside.has_value());
  CHECK(fixture.ask<bool>(inside->handle, extend_atom_v, std::string{"other"}, sink).value_or(false));
  fixture.receive(extensions("other", 1)); // a core that was not opened in that namespace
  CHECK(box->heard.size() == 3);
  CHECK(fixture.ask<bool>(fixture.store, retract_atom_v, std::string{"chat"}, sink).value_or(false));
  fixture.receive(extensions("chat", 1));
  CHECK(box->heard.size() == 3);
  fixture.self->send_exit(sink, caf::exit_reason::user_shutdown); // what it has not answered keeps it alive
  fixture.scheduler.run();
}

TEST_CASE("switches say what is in force, for all peers and for one") {
  fixture_with_peer fixture;
  auto set = [&](core_switches wanted) {
    return fixture.ask<core_switches>(fixture.core, switch_atom_v, wanted);
  };
  auto now = set({});
  REQUIRE(now.has_value());
  CHECK((now->upload == toggle::on && now->download == toggle::on && now->active == toggle::on));
  CHECK((now->allow_push == toggle::off && now->push_only == toggle::off));
  core_switches one;
  one.upload = toggle::off;
  one.session = 7;
  now = set(one);
  CHECK(now.value_or(core_switches{}).upload == toggle::off);
  CHECK(set({}).value_or(core_switches{}).upload == toggle::on);
  auto peers = fixture.ask<std::vector<core_peer_record>>(fixture.core, peers_atom_v);
  REQUIRE(peers.has_value());
  REQUIRE(peers->size() == 1);
  CHECK_FALSE(peers->front().may_upload);
  one.session = 8;
  auto unknown = set(one);
  REQUIRE_FALSE(unknown.has_value());
  CHECK(unknown.error().code == ec::not_found);
  core_switches all;
  all.download = all.active = toggle::off;
  all.allow_push = all.push_only = toggle::on;
  now = set(all);
  REQUIRE(now.has_value());
  CHECK((now->download == toggle::off && now->active == toggle::off && now->push_only == toggle::on));
  CHECK_FALSE(fixture.ask<actors::parked_core>(fixture.core, park_atom_v).value_or(actors::parked_core{}).is_parked);
}

TEST_CASE("an encryption key cannot be replaced under others who hold the core") {
  fixture_with_peer fixture;
  core_selector selector;
  selector.name = "secret";
  selector.encryption_key = bytes(32, 1);
  auto first = fixture.open(selector);
  CHECK(first.record.is_encrypted);
  auto same = fixture.open(selector);
  selector.encryption_key = bytes(32, 2);
  auto other = fixture.ask<opened_core>(fixture.store, open_atom_v, selector);
  REQUIRE_FALSE(other.has_value());
  CHECK(other.error().code == ec::key_mismatch);
  for (int i = 0; i < 2; ++i)
    CHECK(fixture.ask<bool>(fixture.store, close_atom_v, first.record.discovery).value_or(false));
  CHECK_FALSE(fixture.ask<bool>(fixture.store, close_atom_v, first.record.discovery).value_or(true));
  CHECK(fixture.open(selector).record.is_encrypted); // nobody else reads it any more
}

TEST_CASE("a sound core has no evidence against it, and callers cannot put one there") {
  fixture_with_peer fixture;
  auto found = fixture.ask<conflict_record>(fixture.core, evidence_atom_v);
  REQUIRE(found.has_value());
  CHECK_FALSE(found->is_found);
  auto put = fixture.ask<bool>(fixture.core, put_atom_v, std::string{"\0conflict", 9}, bytes{1});
  REQUIRE_FALSE(put.has_value());
  CHECK(put.error().code == ec::bad_argument);
  auto push = fixture.ask<u64>(fixture.core, push_atom_v, u64{0});
  REQUIRE_FALSE(push.has_value());
  CHECK(push.error().code == ec::block_not_available);
}

} // namespace corestore::tests
