// The thread that waits for descriptors.
#include <atomic>
#include <chrono>
#include <string_view>
#include <thread>
#include <vector>

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <catch2/catch.hpp>

#include "actors/readiness.hpp"

namespace corestore::tests {

namespace {

using namespace std::chrono_literals;
using direction = actors::readiness::direction;

struct pair_of_sockets {
  pair_of_sockets() {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
    here = descriptor{ends[0]};
    there = descriptor{ends[1]};
  }

  void send(std::string_view text) const {
    REQUIRE(::send(there.get(), text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
  }

  std::size_t receive() const {
    std::array<char, 4096> target{};
    auto count = ::recv(here.get(), target.data(), target.size(), MSG_DONTWAIT);
    return count < 0 ? 0 : static_cast<std::size_t>(count);
  }

  /// Until nothing more is taken.
  std::size_t fill() const {
    const std::vector<char> much(65536, 'x');
    std::size_t taken = 0;
    for (;;) {
      auto count = ::send(here.get(), much.data(), much.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (count <= 0)
        return taken;
      taken += static_cast<std::size_t>(count);
    }
  }

  descriptor here;
  descriptor there;
};

/// How often a wait ended, and how.
struct outcome {
  std::atomic<int> ready = 0;
  std::atomic<int> given_up = 0;

  actors::readiness::callback callback() {
    return [this](bool is_ready) {
      ++(is_ready ? ready : given_up);
    };
  }
};

void await(const std::atomic<int>& count, int wanted) {
  auto end = std::chrono::steady_clock::now() + 60s;
  while (count < wanted && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(100us);
  REQUIRE(count == wanted);
}

} // namespace

TEST_CASE("each wait is answered once, when there is something to read") {
  actors::readiness ready;
  const pair_of_sockets sockets;
  outcome seen;
  ready.wait(sockets.here.get(), direction::read, seen.callback());
  std::this_thread::sleep_for(20ms);
  CHECK(seen.ready == 0);
  sockets.send("one");
  await(seen.ready, 1);
  sockets.send("two"); // nobody asked again
  std::this_thread::sleep_for(20ms);
  CHECK(seen.ready == 1);
  ready.wait(sockets.here.get(), direction::read, seen.callback()); // what is there already counts
  await(seen.ready, 2);
  CHECK(sockets.receive() == 6);
  ready.wait(sockets.here.get(), direction::read, seen.callback());
  std::this_thread::sleep_for(20ms);
  CHECK(seen.ready == 2);
  ready.forget(sockets.here.get());
}

TEST_CASE("what arrives while nobody waits wakes no thread") {
  actors::readiness ready;
  const pair_of_sockets sockets;
  outcome seen;
  ready.wait(sockets.here.get(), direction::read, seen.callback());
  sockets.send("first");
  await(seen.ready, 1);
  auto switches = [] {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    return used.ru_nvcsw;
  };
  constexpr int messages = 2000;
  auto before = switches();
  for (int i = 0; i < messages; ++i) {
    sockets.send(".");
    CHECK(sockets.receive() > 0);
  }
  CHECK(switches() - before < messages / 4); // the thread would have slept and woken for nearly each of them
  ready.forget(sockets.here.get());
}

TEST_CASE("both directions are waited for side by side") {
  actors::readiness ready;
  const pair_of_sockets sockets;
  outcome reading;
  outcome writing;
  auto taken = sockets.fill();
  ready.wait(sockets.here.get(), direction::read, reading.callback());
  ready.wait(sockets.here.get(), direction::write, writing.callback());
  std::this_thread::sleep_for(20ms);
  CHECK(writing.ready == 0);
  sockets.send("x");
  await(reading.ready, 1);
  CHECK(writing.ready == 0);
  std::vector<char> target(taken);
  for (std::size_t got = 0; got < taken;) {
    auto count = ::recv(sockets.there.get(), target.data(), target.size(), MSG_DONTWAIT);
    REQUIRE(count > 0);
    got += static_cast<std::size_t>(count);
  }
  await(writing.ready, 1);
  CHECK(reading.ready == 1);
}

TEST_CASE("the end of the other side is something to read") {
  actors::readiness ready;
  pair_of_sockets sockets;
  outcome reading;
  ready.wait(sockets.here.get(), direction::read, reading.callback());
  sockets.there = descriptor{};
  await(reading.ready, 1);
}

TEST_CASE("a wait that is given up is answered, and the number may be used again") {
  actors::readiness ready;
  outcome seen;
  for (int round = 1; round <= 100; ++round) {
    const pair_of_sockets sockets; // mostly with the same numbers
    ready.wait(sockets.here.get(), direction::read, seen.callback());
    ready.forget(sockets.here.get());
    CHECK(seen.given_up == round);
    ready.forget(sockets.here.get()); // of nothing
  }
  CHECK(seen.ready == 0);
}

TEST_CASE("what cannot be waited for is answered at once") {
  actors::readiness ready;
  outcome seen;
  ready.wait(-1, direction::read, seen.callback());
  CHECK(seen.given_up == 1);
}

TEST_CASE("waits that are pending at the end are dropped") {
  const pair_of_sockets sockets;
  outcome seen;
  {
    actors::readiness ready;
    ready.wait(sockets.here.get(), direction::read, seen.callback());
    ready.stop();
    sockets.send("late");
    ready.stop();
  }
  CHECK(seen.ready + seen.given_up == 0);
}

} // namespace corestore::tests
