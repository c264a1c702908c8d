#include "programs/bench/driver.hpp"

namespace corestore::bench {

namespace {

std::chrono::nanoseconds to_duration(double seconds) {
  return std::chrono::nanoseconds{static_cast<std::int64_t>(seconds * 1e9)};
}

} // namespace

pacer::~pacer() {
  is_over_ = true;
  if (thread_.joinable())
    thread_.join();
}

void pacer::start(const caf::actor& target, double rate, clock::time_point first_due) {
  // Faster than this the driver finds several due at a time.
  auto pause = std::max(to_duration(1.0 / rate), std::chrono::nanoseconds{std::chrono::microseconds{100}});
  thread_ = std::thread{[this, target, pause, next = first_due]() mutable {
    for (; !is_over_; next += pause) {
      if (next + pause < clock::now())
        continue; // late: the next wake-up starts all that is due, and the ones after it are in step again
      std::this_thread::sleep_until(next);
      caf::anon_send(target, tick_atom_v);
    }
  }};
}

caf::result<bool> driver_state::start(self_pointer self, const load& what, outcome* target, progress* shown,
                                      pacer* wakes) {
  self_ = self;
  load_ = what;
  target_ = target;
  shown_ = shown;
  left_.assign(what.callers, what.duration_s > 0 ? ~std::uint64_t{0} : what.units);
  promise_ = self->make_response_promise<bool>();
  auto promise = promise_;
  if (what.warm_up_s > 0)
    warm_until_ = clock::now() + to_duration(what.warm_up_s);
  else
    begin_measuring();
  first_due_ = clock::now();
  if (what.rate > 0) {
    wakes->start(caf::actor_cast<caf::actor>(self), what.rate, first_due_);
    return promise;
  }
  busy_ = what.callers;
  for (std::size_t caller = 0; caller < what.callers; ++caller)
    advance(caller);
  return promise;
}

void driver_state::begin_measuring() {
  warm_until_.reset();
  if (load_.measured_from)
    load_.measured_from();
  measured_from_ = clock::now();
  watch_.emplace();
  if (load_.duration_s > 0)
    deadline_ = measured_from_ + std::chrono::seconds{load_.duration_s};
}

std::uint64_t driver_state::take(std::size_t caller, std::uint64_t most) {
  if (warm_until_)
    return most;
  auto count = std::min(most, left_[caller]);
  left_[caller] -= count;
  return count;
}

bool driver_state::start_next(std::size_t caller) {
  if (warm_until_ && clock::now() >= *warm_until_)
    begin_measuring();
  return !is_over() && load_.next(*this, caller);
}

void driver_state::advance(std::size_t caller) {
  if (is_finished_ || start_next(caller))
    return;
  if (--busy_ == 0)
    finish({});
}

void driver_state::tick() {
  while (!is_finished_ && !is_exhausted_ && busy_ < outstanding_max) {
    due_ = first_due_ + to_duration(static_cast<double>(started_) / load_.rate);
    if (*due_ > clock::now())
      break;
    ++busy_;
    auto caller = static_cast<std::size_t>(started_++ % load_.callers);
    if (start_next(caller))
      continue;
    --busy_;
    is_exhausted_ = true;
  }
  due_.reset();
  if (is_exhausted_ && busy_ == 0)
    finish({});
}

void driver_state::done(std::size_t caller, std::uint64_t blocks, clock::time_point start, histogram* also) {
  auto now = clock::now();
  if (!warm_until_ && start >= measured_from_) {
    target_->latency.add(now - start);
    if (also != nullptr)
      also->add(now - start);
    target_->blocks += blocks;
    target_->done.add(now - measured_from_, blocks);
    shown_->add(blocks);
  }
  if (load_.rate > 0) {
    --busy_;
    tick();
  } else {
    advance(caller);
  }
}

void driver_state::finish(caf::error failure) {
  if (std::exchange(is_finished_, true))
    return;
  if (watch_)
    watch_->stop(*target_);
  if (load_.at_end)
    load_.at_end();
  if (failure)
    promise_.deliver(std::move(failure));
  else
    promise_.deliver(true);
  self_->quit();
}

result<void> drive(const caf::scoped_actor& self, load what, outcome& target) {
  progress shown{what.label, what.duration_s > 0 ? 0 : what.units * what.callers};
  pacer wakes;
  auto worker = self->spawn([&](caf::stateful_actor<driver_state>* driver) -> caf::behavior {
    return {[&, driver](wake_atom) { return driver->state.start(driver, what, &target, &shown, &wakes); },
            [driver](tick_atom) {
              driver->state.tick();
            }};
  });
  result<void> done;
  self->request(worker, caf::infinite, wake_atom_v)
    .receive([](bool) {}, [&](caf::error& failure) { done = fail(from_caf(failure)); });
  return done;
}

} // namespace corestore::bench
