#include "config/job_sharing.hpp"

#include <utility>

#include <caf/actor_system.hpp>
#include <caf/scheduler/coordinator.hpp>

namespace corestore::config {

void job_sharing::add(const queue_ptr& queue, caf::resumable* job, source from) {
  queue_ptr kept; // the job may end the actor system before somebody else is told of it
  auto is_joining = false;
  {
    auto& shared = *queue;
    std::lock_guard guard{shared.mutex};
    shared.jobs.push_back(job);
    auto is_only = shared.jobs.size() == 1;
    if (shared.asleep == 0 || (is_only && from == source::yielding)) // which is taken at once by the same worker
      return;
    if (is_only && from == source::worker && shared.is_guarded) {
      if (shared.usual_wait < waking_time) {
        shared.is_left = true;
        shared.left_at = clock::now();
        return;
      }
      shared.usual_wait -= shared.usual_wait / 64; // so that it is tried again some time
    }
    is_joining = shared.is_left && shared.jobs.size() == 2;
    kept = queue;
  }
  kept->has_job.notify_one(); // without the lock, which the one that wakes needs first
  if (is_joining)
    kept->has_job.notify_one(); // for the one that was left
}

caf::resumable* job_sharing::take(job_queue& shared, worker_data& worker) {
  std::unique_lock guard{shared.mutex};
  if (!worker.has_started) {
    worker.has_started = true;
    ++shared.started;
  }
  while (shared.jobs.empty()) {
    ++shared.asleep;
    auto is_guard = !shared.is_guarded && shared.asleep < shared.started; // nobody is at work: nobody leaves a job
    if (is_guard) {
      shared.is_guarded = true;
      shared.has_job.wait_for(guard, guard_period);
      shared.is_guarded = false;
    } else
      shared.has_job.wait(guard);
    --shared.asleep;
  }
  auto* job = shared.jobs.front();
  shared.jobs.pop_front();
  if (std::exchange(shared.is_left, false))
    shared.usual_wait += (clock::now() - shared.left_at - shared.usual_wait) / 8;
  return job;
}

void share_jobs(caf::actor_system_config& config) {
  config.module_factories.emplace_back([](caf::actor_system& system) -> caf::actor_system::module* {
    return new caf::scheduler::coordinator<job_sharing>(system); // NOLINT: the system deletes it
  });
}

} // namespace corestore::config
