#include "actors/watchdog.hpp"

#include "deterministic.hpp"

namespace corestore::tests {

namespace {

using std::chrono::milliseconds;

/// A watchdog over one actor that takes no message while it waits for an answer.
struct watched_world {
  watched_world()
      : system(config), scheduler(dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler())), self(system),
        counted(std::make_shared<actors::meters>()) {
    gate = system.spawn([this](caf::event_based_actor* owner) -> caf::behavior {
      return {[this, owner](flush_atom) -> caf::result<bool> {
                held = owner->make_response_promise<bool>();
                return held;
              },
              [this](wake_atom) {
                held.deliver(true);
              }};
    });
    subject = system.spawn([this](caf::event_based_actor* owner) -> caf::behavior {
      return {[this, owner](wake_atom) {
        owner->request(gate, caf::infinite, flush_atom_v).await([](bool) {}, [](const caf::error&) {});
      }};
    });
    actors::watchdog_arguments arguments;
    arguments.subjects = {{mailbox::store, subject.address()}};
    arguments.counted = counted;
    arguments.log = [this](const char* severity, const std::string& line) {
      lines.push_back(std::string{severity} + ": " + line);
    };
    watchdog = system.spawn(actors::watchdog, arguments);
    settle();
  }

  ~watched_world() {
    for (const auto& one : {caf::actor_cast<caf::actor>(watchdog), subject, gate})
      self->send_exit(one, caf::exit_reason::user_shutdown);
    settle();
  }

  watched_world(const watched_world&) = delete;
  watched_world& operator=(const watched_world&) = delete;

  void settle() const {
    while (scheduler.try_run_once()) {
      // until nobody has anything to do
    }
  }

  void pass(int seconds) const {
    for (int i = 0; i < seconds; ++i) {
      scheduler.advance_time(milliseconds{1000});
      settle();
    }
  }

  deterministic_config config;
  caf::actor_system system;
  caf::scheduler::test_coordinator& scheduler;
  caf::scoped_actor self;
  actors::meters_ptr counted;
  std::vector<std::string> lines;
  caf::typed_response_promise<bool> held;
  caf::actor gate;
  caf::actor subject;
  actors::watchdog_actor watchdog;
};

} // namespace

TEST_CASE("an actor that takes no messages is told once, and so is its recovery") {
  watched_world world;
  const auto& seen = world.counted->mailboxes;
  world.pass(10);
  CHECK(world.lines.empty());
  CHECK(seen.age_us[0] == 0);
  world.self->send(world.subject, wake_atom_v);
  world.settle();
  world.pass(4);
  CHECK(world.lines.empty());
  CHECK(seen.age_us[0] == 3'000'000);
  world.pass(6);
  CHECK(world.lines == std::vector<std::string>{"warning: messages wait for the store: the oldest one for 5000 ms"});
  CHECK(seen.age_us[0] == 9'000'000);
  CHECK(seen.late[0] == 1);
  world.self->send(world.gate, wake_atom_v);
  world.settle();
  world.pass(2);
  REQUIRE(world.lines.size() == 2);
  CHECK(world.lines.back() == "info: messages no longer wait for the store");
  CHECK(seen.age_us[0] == 0);
  CHECK(seen.late[0] == 1);
}

TEST_CASE("what actors note of their own timers counts until the next look") {
  watched_world world;
  auto& seen = world.counted->mailboxes;
  seen.note(mailbox::core, 6'000'000);
  seen.note(mailbox::core, 1'000);
  world.pass(1);
  CHECK(world.lines == std::vector<std::string>{"warning: messages wait for the core: the oldest one for 6000 ms"});
  CHECK(seen.age_us[3] == 6'000'000);
  world.pass(1);
  CHECK(seen.age_us[3] == 0);
  CHECK(world.lines.size() == 2);
}

TEST_CASE("a watched actor may end") {
  watched_world world;
  world.self->send_exit(world.subject, caf::exit_reason::user_shutdown);
  world.settle();
  world.pass(10);
  CHECK(world.lines.empty());
}

} // namespace corestore::tests
