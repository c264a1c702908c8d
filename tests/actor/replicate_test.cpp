// Replication without sockets: over pipes in memory, and over streams between actors.
#include <atomic>

#include "two_stores.hpp"

#include "actors/pipe.hpp"
#include "actors/relay.hpp"

namespace corestore::tests {

TEST_CASE("what is written into a pipe is read at its other end, in order, also after a close") {
  auto [here, there] = actors::make_pipe("memory");
  bytes target(100);
  CHECK(there->read(target) == std::size_t{0});
  bool is_told = false;
  there->wait_readable([&](bool is_ready) { is_told = is_ready; });
  CHECK_FALSE(is_told);
  CHECK(here->write(as_bytes("first")) == std::size_t{5});
  CHECK(is_told);
  CHECK(here->write(as_bytes("second")) == std::size_t{6});
  CHECK(there->write(as_bytes("back")) == std::size_t{4});
  here->close();
  REQUIRE(there->read({target.data(), 7}) == std::size_t{7});
  CHECK(as_text({target.data(), 7}) == "firstse");
  REQUIRE(there->read(target) == std::size_t{4});
  CHECK(as_text({target.data(), 4}) == "cond");
  CHECK_FALSE(there->read(target).has_value());
  CHECK_FALSE(there->write(as_bytes("late")).has_value());
}

TEST_CASE("a pipe takes what it has room for, and says when there is room again") {
  auto [here, there] = actors::make_pipe("memory");
  bytes much(std::size_t{4} << 20U, 7);
  auto taken = here->write(much);
  REQUIRE(taken.has_value());
  CHECK(*taken < much.size());
  CHECK(here->write(much) == std::size_t{0});
  bool has_room = false;
  here->wait_writable([&](bool is_ready) { has_room = is_ready; });
  CHECK_FALSE(has_room);
  bytes target(1000);
  CHECK(there->read(target) == std::size_t{1000});
  CHECK(has_room);
  CHECK(here->write(much) == std::size_t{1000});
  bool was_given_up = false;
  here->wait_writable([&](bool is_ready) { was_given_up = !is_ready; });
  here->close();
  CHECK(was_given_up);
}

TEST_CASE("two stores of one process replicate by one message, without a socket") {
  pair_of_stores stores;
  auto source = stores.open(stores.writer.store(), "log");
  stores.append(source.handle, 1000, 100);
  auto copy = stores.open(stores.reader.store(), source.record.key);
  auto connected =
    stores.ask<peer_record>(stores.reader.store(), replicate_atom_v, replicate_partner{stores.writer.store(), {}});
  REQUIRE(connected.has_value());
  CHECK(connected->is_initiator);
  REQUIRE(stores.arrives(copy.handle, 1000));
  stores.append(source.handle, 10, 1000000); // live, and more than any buffer on the way holds
  REQUIRE(stores.arrives(copy.handle, 1010));
  auto later = stores.open(stores.writer.store(), "later"); // opened while the replication runs
  stores.append(later.handle, 3, 10);
  REQUIRE(stores.arrives(stores.open(stores.reader.store(), later.record.key).handle, 3));
  REQUIRE(stores.peers(stores.reader).size() == 1);
  CHECK(stores.peers(stores.reader).front().state == "open");
  REQUIRE(stores.peers(stores.writer).size() == 1);
  CHECK_FALSE(stores.peers(stores.writer).front().is_initiator);
  CHECK(stores.ask<bool>(stores.reader.store(), hangup_atom_v, connected->id) == true);
  CHECK(becomes_true([&] { return stores.peers(stores.reader).empty() && stores.peers(stores.writer).empty(); }));
}

TEST_CASE("a listing says who is connected to the cores in memory, page by page") {
  pair_of_stores stores;
  std::vector<opened_core> copies;
  for (int i = 0; i < 5; ++i) {
    auto source = stores.open(stores.writer.store(), "log-" + std::to_string(i));
    stores.append(source.handle, 1, 10);
    copies.push_back(stores.open(stores.reader.store(), source.record.key));
  }
  stores.replicate();
  for (const auto& copy : copies)
    REQUIRE(stores.arrives(copy.handle, 1));
  list_request request;
  request.limit = 2;
  std::size_t connected = 0;
  for (record_page page; connected < 5; request.cursor = page.next) {
    auto answer = stores.ask<record_page>(stores.reader.store(), list_atom_v, request);
    REQUIRE(answer.has_value());
    page = *answer;
    for (const auto& record : page.records) {
      CHECK(record.peers == 1);
      CHECK(record.active);
      ++connected;
    }
    if (page.is_last)
      break;
  }
  CHECK(connected == 5);
}

TEST_CASE("a replication without sockets leaves no actor behind") {
  pair_of_stores stores;
  auto source = stores.open(stores.writer.store(), "log");
  stores.append(source.handle, 10, 10);
  auto copy = stores.open(stores.reader.store(), source.record.key);
  auto before = stores.system.registry().running();
  for (int round = 0; round < 20; ++round) {
    auto connected =
      stores.ask<peer_record>(stores.reader.store(), replicate_atom_v, replicate_partner{stores.writer.store(), {}});
    REQUIRE(connected.has_value());
    REQUIRE(stores.arrives(copy.handle, 10));
    // from either side
    auto& ends = round % 2 == 0 ? stores.reader : stores.writer;
    REQUIRE(becomes_true([&] { return !stores.peers(ends).empty(); }));
    CHECK(stores.ask<bool>(ends.store(), hangup_atom_v, stores.peers(ends).front().id) == true);
    CHECK(becomes_true([&] { return stores.system.registry().running() == before; }));
  }
}

TEST_CASE("a replication may be for one direction only") {
  pair_of_stores stores;
  auto mine = stores.open(stores.reader.store(), "mine");
  auto theirs = stores.open(stores.writer.store(), "theirs");
  stores.append(mine.handle, 5, 10);
  stores.append(theirs.handle, 5, 10);
  auto copy_of_theirs = stores.open(stores.reader.store(), theirs.record.key);
  auto copy_of_mine = stores.open(stores.writer.store(), mine.record.key);
  replicate_request request;
  request.may_upload = false;
  REQUIRE(
    stores.ask<peer_record>(stores.reader.store(), replicate_atom_v, replicate_partner{stores.writer.store(), request})
      .has_value());
  CHECK(stores.arrives(copy_of_theirs.handle, 5));
  CHECK_FALSE(stores.arrives(copy_of_mine.handle, 5, 300));
}

TEST_CASE("what may pass over a connection is switched while it is up, in both generations") {
  for (auto generation : {log::generation::g10, log::generation::g9}) {
    INFO("generation " << static_cast<int>(generation));
    actors::engine_settings settings;
    settings.generation = generation;
    pair_of_stores stores{settings};
    auto source = stores.open(stores.writer.store(), "log");
    stores.append(source.handle, 10, 10);
    auto copy = stores.open(stores.reader.store(), source.record.key);
    auto ours = stores.replicate().id;
    REQUIRE(stores.arrives(copy.handle, 10));
    auto theirs = stores.peers(stores.writer).front().id;
    auto switched = [&](const actors::engine& of, std::uint64_t id, toggle upload, toggle download) {
      auto record = stores.ask<peer_record>(of.store(), switch_atom_v, connection_switches{id, upload, download});
      REQUIRE(record.has_value());
      return std::pair{record->may_upload, record->may_download};
    };
    auto grows_by_one = [&] {
      stores.append(source.handle, 1, 10);
      return stores.arrives(copy.handle, stores.record(source.handle).length, 400);
    };
    CHECK(switched(stores.writer, theirs, toggle::off, toggle::keep) == std::pair{false, true});
    CHECK_FALSE(stores.peers(stores.writer).front().may_upload);
    CHECK(stores.counts(stores.writer).sessions_without_upload == 1);
    CHECK_FALSE(grows_by_one());
    CHECK(switched(stores.writer, theirs, toggle::on, toggle::keep) == std::pair{true, true});
    CHECK(stores.arrives(copy.handle, 11));
    CHECK(switched(stores.reader, ours, toggle::keep, toggle::off) == std::pair{true, false});
    CHECK(stores.counts(stores.reader).sessions_without_download == 1);
    CHECK_FALSE(grows_by_one());
    CHECK(switched(stores.reader, ours, toggle::keep, toggle::on) == std::pair{true, true});
    CHECK(stores.arrives(copy.handle, 12));
    CHECK(switched(stores.reader, ours, toggle::keep, toggle::keep) == std::pair{true, true});
    CHECK(stores.counts(stores.reader).sessions_without_download == 0);
    CHECK(stores.peers(stores.reader).size() == 1);
  }
}

TEST_CASE("a switch reaches cores that are not in memory, and those opened after it") {
  for (auto generation : {log::generation::g10, log::generation::g9}) {
    INFO("generation " << static_cast<int>(generation));
    actors::engine_settings settings;
    settings.generation = generation;
    settings.active_cores_max = settings.passive_cores_max = 0;
    pair_of_stores stores{settings};
    auto source = stores.open(stores.writer.store(), "log");
    stores.append(source.handle, 10, 10);
    auto copy = stores.open(stores.reader.store(), source.record.key);
    stores.replicate();
    REQUIRE(stores.read(copy.handle, 1).size() == 1);
    REQUIRE(stores.ask<bool>(stores.writer.store(), close_atom_v, source.record.discovery) == true);
    auto is_parked = [&] {
      return stores.counts(stores.writer).cores_loaded == 0;
    };
    REQUIRE(becomes_true(is_parked));
    auto id = stores.peers(stores.writer).front().id;
    auto set_upload = [&](toggle upload) {
      REQUIRE(
        stores.ask<peer_record>(stores.writer.store(), switch_atom_v, connection_switches{id, upload, toggle::keep})
          .has_value());
    };
    auto arrives = [&](std::uint64_t index, std::uint64_t within_ms) {
      return stores.ask<shared_bytes>(copy.handle, fetch_atom_v, index, within_ms).has_value();
    };
    set_upload(toggle::off);
    CHECK_FALSE(arrives(3, 400));
    auto late = stores.open(stores.writer.store(), "late");
    stores.append(late.handle, 3, 10);
    auto late_copy = stores.open(stores.reader.store(), late.record.key);
    CHECK_FALSE(stores.arrives(late_copy.handle, 3, 400));
    REQUIRE(stores.ask<bool>(stores.writer.store(), close_atom_v, late.record.discovery) == true);
    REQUIRE(becomes_true(is_parked));
    set_upload(toggle::on);
    CHECK(arrives(4, wait_ms));
    CHECK(stores.arrives(late_copy.handle, 3));
  }
}

TEST_CASE("a connection that is not there cannot be switched") {
  pair_of_stores stores;
  auto none = stores.ask<peer_record>(stores.reader.store(), switch_atom_v, connection_switches{4711});
  REQUIRE_FALSE(none.has_value());
  CHECK(none.error().code == ec::not_found);
  auto space = stores.enter(stores.reader.store(), "app");
  CHECK(stores.ask<peer_record>(space, switch_atom_v, connection_switches{4711}).error().code == ec::not_found);
  auto id = stores.replicate().id;
  CHECK(stores.ask<peer_record>(space, switch_atom_v, connection_switches{id, toggle::off}).has_value());
}

TEST_CASE("a namespace replicates what was opened in it, and nothing else") {
  pair_of_stores stores;
  auto space = stores.ask<entered_store>(stores.writer.store(), enter_atom_v, "app");
  REQUIRE(space.has_value());
  auto inside = stores.open(space->handle, "inside");
  auto outside = stores.open(stores.writer.store(), "outside");
  stores.append(inside.handle, 3, 10);
  stores.append(outside.handle, 3, 10);
  auto copy_of_inside = stores.open(stores.reader.store(), inside.record.key);
  auto copy_of_outside = stores.open(stores.reader.store(), outside.record.key);
  REQUIRE(
    stores.ask<peer_record>(space->handle, replicate_atom_v, replicate_partner{stores.reader.store(), {}}).has_value());
  CHECK(stores.arrives(copy_of_inside.handle, 3));
  CHECK_FALSE(stores.arrives(copy_of_outside.handle, 3, 300));
}

TEST_CASE("two namespaces of two stores replicate what both have opened") {
  pair_of_stores stores;
  auto space = stores.ask<entered_store>(stores.writer.store(), enter_atom_v, "app");
  auto other = stores.ask<entered_store>(stores.reader.store(), enter_atom_v, "copy");
  REQUIRE(space.has_value());
  REQUIRE(other.has_value());
  auto first = stores.open(space->handle, "first");
  auto second = stores.open(space->handle, "second");
  stores.append(first.handle, 3, 10);
  stores.append(second.handle, 3, 10);
  auto copy_of_first = stores.open(other->handle, first.record.key);
  auto copy_of_second = stores.open(stores.reader.store(), second.record.key); // not in its namespace
  REQUIRE(stores.ask<peer_record>(other->handle, replicate_atom_v, replicate_partner{space->handle, {}}).has_value());
  CHECK(stores.arrives(copy_of_first.handle, 3));
  CHECK_FALSE(stores.arrives(copy_of_second.handle, 3, 300));
}

TEST_CASE("a replication that cannot be is a named error, and leaves no connection") {
  pair_of_stores stores;
  replicate_request request;
  request.generation = 8;
  auto wrong =
    stores.ask<peer_record>(stores.reader.store(), replicate_atom_v, replicate_partner{stores.writer.store(), request});
  REQUIRE_FALSE(wrong.has_value());
  CHECK(wrong.error().code == ec::bad_argument);
  auto nobody = stores.ask<peer_record>(stores.reader.store(), replicate_atom_v, replicate_partner{});
  REQUIRE_FALSE(nobody.has_value());
  CHECK(nobody.error().code == ec::bad_argument);
  REQUIRE(stores.ask<bool>(stores.writer.store(), close_atom_v) == true);
  auto closed =
    stores.ask<peer_record>(stores.reader.store(), replicate_atom_v, replicate_partner{stores.writer.store(), {}});
  REQUIRE_FALSE(closed.has_value());
  CHECK(closed.error().code == ec::store_closed);
  CHECK(becomes_true([&] { return stores.peers(stores.reader).empty(); }));
}

namespace {

/// Takes everything and grants nothing: an end that does not keep its side of the contract.
stream_end::behavior_type silent_end(stream_end::pointer, const std::shared_ptr<std::atomic<std::size_t>>& received) {
  return {
    [](join_atom, const caf::strong_actor_ptr&) {
      // it never says anything
    },
    [received](write_atom, const shared_bytes& chunk) { *received += chunk.size(); },
    [](grant_atom, std::uint64_t) {
      // it never says anything
    },
    [](close_atom) {
      // it stays
    },
  };
}

} // namespace

TEST_CASE("an end that grants nothing gets one window, and one that sends more than it was granted is cut off") {
  config::system_config config;
  caf::actor_system system{config};
  caf::scoped_actor self{system};
  auto [inner, outer] = actors::make_pipe("memory");
  const auto& far = outer;
  auto relay = system.spawn(actors::relay, inner);
  auto received = std::make_shared<std::atomic<std::size_t>>(0);
  auto end = system.spawn(silent_end, received);
  self->send(relay, join_atom_v, caf::actor_cast<caf::strong_actor_ptr>(end));
  bytes content(std::size_t{2} << 20U, 1);
  std::size_t written = 0;
  CHECK(becomes_true([&] {
    auto count = far->write(byte_view{content}.subspan(written));
    REQUIRE(count.has_value());
    written += *count;
    return received->load() == stream_window_bytes && *count == 0;
  }));
  CHECK(written < content.size());
  self->monitor(relay);
  bytes chunk(stream_chunk_bytes_max, 2);
  for (std::size_t sent = 0; sent <= 3 * stream_window_bytes; sent += chunk.size()) // nobody reads at `outer`
    self->send(relay, write_atom_v, shared_bytes{bytes{chunk}});
  bool has_ended = false;
  self->receive([&](const caf::down_msg&) { has_ended = true; }, caf::after(patience) >>
                                                                   [] {
                                                                     // it goes on
                                                                   });
  CHECK(has_ended);
  CHECK_FALSE(outer->write(content).has_value());
  self->send_exit(end, caf::exit_reason::user_shutdown);
}

} // namespace corestore::tests
