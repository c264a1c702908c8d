#include "programs/bench/driver.hpp"

namespace corestore::bench {

caf::result<bool> driver_state::start(self_pointer self, std::size_t callers, step next, outcome* target,
                                      std::uint64_t duration_s, std::function<void()> at_end) {
  self_ = self;
  at_end_ = std::move(at_end);
  next_ = std::move(next);
  target_ = target;
  if (duration_s > 0)
    deadline_ = clock::now() + std::chrono::seconds{duration_s};
  promise_ = self->make_response_promise<bool>();
  auto promise = promise_;
  busy_ = callers;
  for (std::size_t caller = 0; caller < callers; ++caller)
    advance(caller);
  return promise;
}

void driver_state::advance(std::size_t caller) {
  if (is_finished_ || (!is_over() && next_(*this, caller)))
    return;
  if (--busy_ == 0)
    finish({});
}

void driver_state::finish(caf::error failure) {
  if (std::exchange(is_finished_, true))
    return;
  if (at_end_)
    at_end_();
  if (failure)
    promise_.deliver(std::move(failure));
  else
    promise_.deliver(true);
  self_->quit();
}

result<void> drive(const caf::scoped_actor& self, std::size_t callers, driver_state::step next, outcome& target,
                   std::uint64_t duration_s, const std::function<void()>& at_end) {
  auto worker = self->spawn([&](caf::stateful_actor<driver_state>* driver) -> caf::behavior {
    return {[&, driver](wake_atom) {
      return driver->state.start(driver, callers, next, &target, duration_s, at_end);
    }};
  });
  result<void> done;
  const stopwatch watch;
  self->request(worker, caf::infinite, wake_atom_v)
    .receive([&](bool) { watch.stop(target); }, [&](caf::error& failure) { done = fail(from_caf(failure)); });
  return done;
}

} // namespace corestore::bench
