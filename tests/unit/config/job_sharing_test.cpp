#include "config/job_sharing.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <future>
#include <semaphore>
#include <thread>
#include <vector>

#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scheduler/coordinator.hpp>
#include <caf/scoped_actor.hpp>
#include <catch2/catch.hpp>

#include "config/system_config.hpp"

using namespace corestore;
using namespace std::chrono_literals;
using config::job_sharing;

namespace {

/// Counts how often it was taken.
class counted_job final : public caf::resumable {
public:
  resume_result resume(caf::execution_unit* /*unit*/, std::size_t /*throughput*/) override {
    return done;
  }
  void intrusive_ptr_add_ref_impl() override {
    // nop: lives in an array
  }
  void intrusive_ptr_release_impl() override {
    // nop
  }
  std::atomic<int> taken = 0;
};

struct worker : job_sharing::worker_data {
  worker() : worker_data(nullptr) {
    // nop
  }
};

/// Until `count` workers wait for a job.
void await_sleepers(job_sharing::job_queue& shared, std::size_t count, bool with_guard) {
  for (;;) {
    {
      std::lock_guard guard{shared.mutex};
      if (shared.asleep >= count && (!with_guard || shared.is_guarded))
        return;
    }
    std::this_thread::yield();
  }
}

constexpr auto for_ever = 60s; ///< nothing here takes long, unless it is lost
constexpr auto lost_after = 20s;

} // namespace

TEST_CASE("a job from outside wakes a worker") {
  const auto queue = std::make_shared<job_sharing::job_queue>();
  auto& shared = *queue;
  counted_job job;
  auto taken = std::async(std::launch::async, [&] {
    worker self;
    return job_sharing::take(shared, self);
  });
  await_sleepers(shared, 1, false);
  job_sharing::add(queue, &job, job_sharing::source::outside);
  REQUIRE(taken.wait_for(for_ever) == std::future_status::ready);
  CHECK(taken.get() == &job);
}

TEST_CASE("the guard takes a job that a worker leaves when the turn of that worker does not end") {
  const auto queue = std::make_shared<job_sharing::job_queue>();
  auto& shared = *queue;
  counted_job first;
  counted_job left;
  worker busy;
  job_sharing::add(queue, &first, job_sharing::source::outside);
  REQUIRE(job_sharing::take(shared, busy) == &first);
  auto taken = std::async(std::launch::async, [&] {
    worker guard;
    return job_sharing::take(shared, guard);
  });
  await_sleepers(shared, 1, true);
  job_sharing::add(queue, &left, job_sharing::source::worker); // by a worker whose turn never ends
  REQUIRE(taken.wait_for(for_ever) == std::future_status::ready);
  CHECK(taken.get() == &left);
  CHECK(shared.usual_wait > std::chrono::nanoseconds{0});
}

TEST_CASE("a job that joins one that was left waits for no worker that is at work") {
  for (int round = 0; round < 300; ++round) {
    const auto queue = std::make_shared<job_sharing::job_queue>();
    auto& shared = *queue;
    counted_job first;
    counted_job left;
    counted_job joined;
    worker busy;
    job_sharing::add(queue, &first, job_sharing::source::outside);
    REQUIRE(job_sharing::take(shared, busy) == &first); // a turn that never ends
    auto take_one = [&] {
      worker self;
      return job_sharing::take(shared, self); // and so are these
    };
    auto guard = std::async(std::launch::async, take_one);
    await_sleepers(shared, 1, true);
    auto sleeper = std::async(std::launch::async, take_one);
    await_sleepers(shared, 2, true);
    job_sharing::add(queue, &left, job_sharing::source::worker);
    job_sharing::add(queue, &joined, job_sharing::source::outside);
    auto is_taken = guard.wait_for(lost_after) == std::future_status::ready &&
                    sleeper.wait_for(lost_after) == std::future_status::ready;
    if (!is_taken)
      shared.has_job.notify_all(); // so that the test ends
    REQUIRE(is_taken);
  }
}

TEST_CASE("a job that a worker leaves is taken by this worker when its turn ends") {
  const auto queue = std::make_shared<job_sharing::job_queue>();
  auto& shared = *queue;
  shared.started = 2;
  shared.asleep = 1; // a guard that sleeps on
  shared.is_guarded = true;
  counted_job job;
  worker self;
  self.has_started = true;
  job_sharing::add(queue, &job, job_sharing::source::worker);
  CHECK(shared.is_left);
  CHECK(job_sharing::take(shared, self) == &job);
  CHECK_FALSE(shared.is_left);
}

TEST_CASE("where turns are long, a worker that leaves a job wakes another one, and tries again later") {
  const auto queue = std::make_shared<job_sharing::job_queue>();
  auto& shared = *queue;
  shared.started = 2; // the test is one of them, at work
  counted_job job;
  shared.asleep = 1;
  shared.is_guarded = true;
  shared.usual_wait = 10 * job_sharing::waking_time;
  worker self;
  self.has_started = true;
  int until_left = 0;
  for (; !shared.is_left && until_left < 100000; ++until_left) {
    job_sharing::add(queue, &job, job_sharing::source::worker);
    REQUIRE(job_sharing::take(shared, self) == &job);
    if (shared.usual_wait < job_sharing::waking_time) {
      job_sharing::add(queue, &job, job_sharing::source::worker);
      CHECK(shared.is_left);
      break;
    }
    CHECK_FALSE(shared.is_left);
  }
  CHECK(until_left > 64);
  std::this_thread::sleep_for(400 * job_sharing::waking_time);
  REQUIRE(job_sharing::take(shared, self) == &job);
  CHECK_FALSE(shared.is_left);
  CHECK(shared.usual_wait > job_sharing::waking_time); // it waited too long: no more of that for now
}

TEST_CASE("no job is lost, and none is taken twice, whoever adds it") {
  constexpr std::size_t workers = 4;
  constexpr std::size_t jobs_of_each = 5000;
  const auto queue = std::make_shared<job_sharing::job_queue>();
  auto& shared = *queue;
  std::vector<counted_job> jobs(workers * jobs_of_each * 2);
  std::array<counted_job, workers> ends;
  std::atomic<std::size_t> next = jobs.size() / 2; // what workers add themselves
  std::vector<std::future<void>> running;
  for (std::size_t i = 0; i < workers; ++i)
    running.push_back(std::async(std::launch::async, [&] {
      worker self;
      for (;;) {
        auto* taken = static_cast<counted_job*>(job_sharing::take(shared, self));
        ++taken->taken;
        if (taken >= ends.data() && taken < ends.data() + ends.size())
          return;
        if (auto own = next++; own < jobs.size())
          job_sharing::add(queue, &jobs[own], job_sharing::source::worker);
      }
    }));
  for (std::size_t i = 0; i < jobs.size() / 2; ++i) {
    job_sharing::add(queue, &jobs[i], job_sharing::source::outside);
    if (i % 64 == 0)
      std::this_thread::sleep_for(50us); // so that workers fall asleep now and then
  }
  auto begin = job_sharing::clock::now();
  auto is_done = [&] {
    return std::all_of(jobs.begin(), jobs.end(), [](const auto& job) { return job.taken > 0; });
  };
  while (!is_done() && job_sharing::clock::now() - begin < for_ever)
    std::this_thread::sleep_for(1ms);
  for (auto& end : ends)
    job_sharing::add(queue, &end, job_sharing::source::outside);
  for (auto& one : running)
    REQUIRE(one.wait_for(for_ever) == std::future_status::ready);
  CHECK(std::all_of(jobs.begin(), jobs.end(), [](const auto& job) { return job.taken == 1; }));
}

TEST_CASE("an actor whose turn waits for what it has sent does not hold up the other worker") {
  config::system_config settings{2};
  caf::actor_system system{settings};
  caf::scoped_actor self{system};
  auto told = std::make_shared<std::counting_semaphore<>>(0);
  auto helper = system.spawn([told](caf::event_based_actor*) -> caf::behavior {
    return {[told](int) {
      told->release();
    }};
  });
  auto waiter = system.spawn([helper, told](caf::event_based_actor* own) -> caf::behavior {
    return {[own, helper, told](int round) {
      own->send(helper, round);
      return told->try_acquire_for(for_ever) ? round : -1;
    }};
  });
  for (int round = 0; round < 200; ++round)
    self->request(waiter, caf::infinite, round)
      .receive([round](int answer) { CHECK(answer == round); }, [](const caf::error&) { FAIL("no answer"); });
  self->send_exit(helper, caf::exit_reason::user_shutdown);
  self->send_exit(waiter, caf::exit_reason::user_shutdown);
}
