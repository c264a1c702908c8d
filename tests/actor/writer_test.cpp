#include "deterministic.hpp"

namespace corestore::tests {

namespace {

actors::change_set_ptr header_of(std::uint32_t number) {
  auto changes = std::make_shared<log::change_set>();
  changes->number = log::core_number{number};
  log::core_header header;
  header.number = changes->number;
  header.key.data[0] = static_cast<std::uint8_t>(number + 1);
  header.discovery.data[0] = static_cast<std::uint8_t>(number + 1);
  changes->header = header;
  return changes;
}

} // namespace

TEST_CASE("what arrives while the writer is busy becomes one group") {
  deterministic_store fixture;
  auto before = fixture.backend->stats().commits;
  std::uint64_t answers = 0;
  auto count = [&](std::uint64_t) {
    ++answers;
  };
  auto refuse = [](const caf::error& reason) {
    FAIL(to_string(from_caf(reason)));
  };
  auto first = fixture.self->request(fixture.writer, caf::infinite, commit_atom_v, header_of(10));
  auto second = fixture.self->request(fixture.writer, caf::infinite, commit_atom_v, header_of(11));
  auto third = fixture.self->request(fixture.writer, caf::infinite, commit_atom_v, header_of(12));
  fixture.scheduler.run();
  first.receive(count, refuse);
  second.receive(count, refuse);
  third.receive(count, refuse);
  CHECK(answers == 3);
  CHECK(fixture.backend->stats().commits == before + 1);
}

TEST_CASE("a poisoned backend answers every commit with its error") {
  deterministic_store fixture;
  fixture.backend->poison();
  auto outcome = fixture.ask<std::uint64_t>(fixture.writer, commit_atom_v, header_of(10));
  REQUIRE_FALSE(outcome.has_value());
  CHECK(outcome.error().code == ec::storage_poisoned);
}

TEST_CASE("exit commits what is queued before the writer ends") {
  deterministic_store fixture;
  auto request = fixture.self->request(fixture.writer, caf::infinite, commit_atom_v, header_of(10));
  fixture.self->send_exit(fixture.writer, caf::exit_reason::user_shutdown);
  fixture.scheduler.run();
  bool is_committed = false;
  request.receive([&](std::uint64_t) { is_committed = true; },
                  [](const caf::error& reason) { FAIL(to_string(from_caf(reason))); });
  CHECK(is_committed);
  auto snapshot = fixture.backend->open_snapshot();
  REQUIRE(snapshot.has_value());
  auto stored = (*snapshot)->header(header_of(10)->header->discovery);
  REQUIRE(stored.has_value());
  CHECK(stored->has_value());
}

} // namespace corestore::tests
