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

/// Says of itself what the test wants, and does the rest in memory.
class quota_backend : public storage::backend {
public:
  result<void> apply(std::span<const log::change_set> group) override {
    return memory.apply(group);
  }
  result<void> sync() override {
    return memory.sync();
  }
  result<std::unique_ptr<storage::snapshot>> open_snapshot() override {
    return memory.open_snapshot();
  }
  result<log::core_number> next_number() override {
    return memory.next_number();
  }
  [[nodiscard]] primary_key root_key() const override {
    return memory.root_key();
  }
  [[nodiscard]] storage::statistics stats() const override {
    return sizes;
  }
  [[nodiscard]] storage::durability mode() const override {
    return memory.mode();
  }
  result<void> compact() override {
    ++compactions;
    sizes.file_bytes = sizes.used_bytes;
    return {};
  }

  storage::memory_backend memory;
  storage::statistics sizes;
  int compactions = 0;
};

/// A writer on such a backend, with a store that has nothing to give up.
struct quota_writer {
  quota_writer() {
    backend->sizes.quota_bytes = 1000;
    writer =
      fixture.system.spawn(actors::writer, actors::writer_arguments{backend, 1000, std::make_shared<actors::meters>(),
                                                                    [this](const char* severity, const auto& line) {
                                                                      said.push_back(severity + (": " + line));
                                                                    }});
    caf::anon_send(writer, join_atom_v, caf::actor_cast<actors::room_maker_actor>(fixture.store));
    fixture.scheduler.run();
  }
  ~quota_writer() {
    fixture.self->send_exit(writer, caf::exit_reason::user_shutdown);
    fixture.scheduler.run();
  }
  quota_writer(const quota_writer&) = delete;
  quota_writer& operator=(const quota_writer&) = delete;

  auto commit(std::uint32_t number) {
    return fixture.ask<std::uint64_t>(writer, commit_atom_v, header_of(number));
  }

  deterministic_store fixture;
  std::shared_ptr<quota_backend> backend = std::make_shared<quota_backend>();
  std::vector<std::string> said;
  actors::writer_actor writer;
};

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

TEST_CASE("the log hears that nothing can be written, and not once for every commit") {
  quota_writer with;
  with.backend->memory.poison();
  for (std::uint32_t number : {10, 11, 12})
    CHECK(with.commit(number).error().code == ec::storage_poisoned);
  REQUIRE(with.said.size() == 1);
  CHECK(with.said.front().starts_with("error: a commit failed: storage_poisoned"));
}

TEST_CASE("a file past the quota with much free room in it is compacted, whatever made the room") {
  quota_writer with;
  with.backend->sizes.used_bytes = 900;
  with.backend->sizes.file_bytes = 1100;
  REQUIRE(with.commit(10));
  CHECK(with.backend->compactions == 0); // not even a quarter is free
  with.backend->sizes.used_bytes = 500;
  REQUIRE(with.commit(11));
  CHECK(with.backend->compactions == 1);
  CHECK(with.said.back() == "info: quota: the database was compacted, 1100 bytes -> 500 bytes");
  with.backend->sizes.file_bytes = 1100;
  REQUIRE(with.commit(12));
  CHECK(with.backend->compactions == 1); // it was done a moment ago
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
