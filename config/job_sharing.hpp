// How CAF's workers share their jobs here: CAF's `sharing`, one queue for all, but slower to wake a worker. Waking a
// thread costs more than most turns of an actor, and a worker that hands a job on is usually about to take it itself.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>

#include <caf/actor_system_config.hpp>
#include <caf/policy/unprofiled.hpp>
#include <caf/resumable.hpp>

namespace corestore::config {

/// A policy of caf::scheduler::coordinator. What comes from outside wakes a worker, and so does each of several jobs
/// that wait. A job that a worker leaves in an empty queue is left to this worker while two things hold. Such jobs have
/// lately been taken in less time than it takes to wake a thread, because turns are short. And another worker is on
/// guard: asleep, but for `guard_period` at a time, after which it takes what still lies there. So no job waits longer
/// than that while a worker is free, however long the turn of the one that left it.
class job_sharing : public caf::policy::unprofiled {
public:
  using clock = std::chrono::steady_clock;

  static constexpr std::chrono::milliseconds guard_period{1};
  static constexpr clock::duration waking_time = std::chrono::microseconds{20}; ///< of a thread that sleeps

  /// Who adds a job.
  enum class source : std::uint8_t {
    outside,
    worker,  ///< asks for a job itself when its turn ends
    yielding ///< a worker whose turn has ended with this job, which has more to do
  };

  /// What all workers share.
  struct job_queue {
    std::mutex mutex; ///< of everything below
    std::condition_variable has_job;
    std::deque<caf::resumable*> jobs;
    std::size_t started = 0; ///< workers that have asked for a job
    std::size_t asleep = 0;  ///< those of them that wait for one
    bool is_guarded = false; ///< one of them wakes by itself
    bool is_left = false;    ///< the only job, to the worker that added it
    clock::time_point left_at;
    clock::duration usual_wait{}; ///< of jobs that were left
  };
  using queue_ptr = std::shared_ptr<job_queue>;

  struct coordinator_data {
    explicit coordinator_data(caf::scheduler::abstract_coordinator* /*owner*/) {
      // nop
    }

    queue_ptr queue = std::make_shared<job_queue>();
  };

  struct worker_data {
    explicit worker_data(caf::scheduler::abstract_coordinator* /*owner*/) {
      // nop
    }

    bool has_started = false;
  };

  template <class Coordinator>
  void central_enqueue(Coordinator* self, caf::resumable* job) {
    add(d(self).queue, job, source::outside);
  }

  template <class Worker>
  void external_enqueue(Worker* self, caf::resumable* job) {
    add(d(self->parent()).queue, job, source::outside);
  }

  template <class Worker>
  void internal_enqueue(Worker* self, caf::resumable* job) {
    add(d(self->parent()).queue, job, source::worker);
  }

  template <class Worker>
  void resume_job_later(Worker* self, caf::resumable* job) {
    add(d(self->parent()).queue, job, source::yielding);
  }

  template <class Worker>
  caf::resumable* dequeue(Worker* self) {
    return take(*d(self->parent()).queue, d(self));
  }

  template <class Worker, class Function>
  void foreach_resumable(Worker* /*self*/, Function /*visit*/) {
    // nop: workers have no jobs of their own
  }

  template <class Coordinator, class Function>
  void foreach_central_resumable(Coordinator* self, Function visit) {
    auto& shared = *d(self).queue;
    std::lock_guard guard{shared.mutex};
    for (; !shared.jobs.empty(); shared.jobs.pop_front())
      visit(shared.jobs.front());
  }

  static void add(const queue_ptr& queue, caf::resumable* job, source from);

  /// Waits for a job.
  static caf::resumable* take(job_queue& shared, worker_data& worker);
};

/// Has an actor system of this configuration schedule its actors so, whatever `scheduler.policy` says.
void share_jobs(caf::actor_system_config& config);

} // namespace corestore::config
