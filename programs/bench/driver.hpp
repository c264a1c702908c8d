// The callers of a workload, all in one event-based actor, so that what is measured is the engine and not the switching
// of threads. Closed loop: each caller keeps one request outstanding. Open loop: requests start when they are due,
// however long earlier ones take, and their latency counts from then on: a stall is seen by all who would have met it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <thread>
#include <vector>

#include <caf/all.hpp>

#include "base/error.hpp"
#include "messages/errors.hpp"
#include "messages/interfaces.hpp"
#include "programs/ask.hpp"
#include "programs/bench/outcome.hpp"
#include "programs/bench/progress.hpp"

namespace corestore::bench {

class driver_state;

/// Sends the next request of one caller and arranges for `done` of the driver to be called with its answer; false when
/// that caller has nothing left to ask.
using next_request = std::function<bool(driver_state& driver, std::size_t caller)>;

/// What is put on the engine.
struct load {
  std::size_t callers = 1;
  std::uint64_t units = 0; ///< that each caller takes, see driver_state::take()
  double rate = 0;         ///< open loop: requests a second; 0 = closed loop
  double warm_up_s = 0;
  std::uint64_t duration_s = 0; ///< instead of units
  next_request next;
  std::function<void()> measured_from; ///< called when the warm-up is over
  std::function<void()> at_end;        ///< called while everything that was opened is still held
  const char* label = "running";
};

/// Wakes the driver of an open loop whenever a request is due, in step with the first one. Timers of actors are
/// milliseconds late.
class pacer {
public:
  using clock = std::chrono::steady_clock;

  pacer() = default;
  ~pacer();
  pacer(const pacer&) = delete;
  pacer& operator=(const pacer&) = delete;

  void start(const caf::actor& target, double rate, clock::time_point first_due);

private:
  std::atomic<bool> is_over_ = false;
  std::thread thread_;
};

class driver_state {
public:
  using self_pointer = caf::stateful_actor<driver_state>*;
  using clock = std::chrono::steady_clock;

  static inline const char* name = "driver";

  /// Up to `most` of what the caller has left; all of it during the warm-up, and in a timed run.
  std::uint64_t take(std::size_t caller, std::uint64_t most);

  /// Request of `caller`; `blocks` are counted when it succeeds, in `also` as well.
  template <class Answer, class Handle, class... Content>
  void request_into(histogram* also, std::size_t caller, std::uint64_t blocks, const Handle& target,
                    Content&&... content) {
    auto start = due_.value_or(clock::now());
    self_->request(target, caf::infinite, std::forward<Content>(content)...)
      .then(
        [this, also, caller, blocks, start](const Answer& answer) {
          if constexpr (std::is_same_v<Answer, bool>) {
            if (!answer)
              return finish(make_error(ec::timed_out, "a core did not arrive in time"));
          }
          done(caller, blocks, start, also);
        },
        [this](caf::error& failure) { finish(std::move(failure)); });
  }

  template <class Answer, class Handle, class... Content>
  void request(std::size_t caller, std::uint64_t blocks, const Handle& target, Content&&... content) {
    request_into<Answer>(nullptr, caller, blocks, target, std::forward<Content>(content)...);
  }

  /// The same for requests whose answer leads to another one.
  void done(std::size_t caller, std::uint64_t blocks, clock::time_point start, histogram* also = nullptr);

  /// When the request that is being made was due.
  [[nodiscard]] clock::time_point due() const {
    return due_.value_or(clock::now());
  }

  [[nodiscard]] self_pointer self() const {
    return self_;
  }

  void finish(caf::error failure);

  /// `wakes` outlives the driver.
  caf::result<bool> start(self_pointer self, const load& what, outcome* target, progress* shown, pacer* wakes);
  /// Open loop: starts what is due by now.
  void tick();

private:
  /// Requests that an open loop keeps outstanding; those beyond it start late, and their latency tells.
  static constexpr std::size_t outstanding_max = 65536;

  void advance(std::size_t caller);
  bool start_next(std::size_t caller);
  void begin_measuring();
  [[nodiscard]] bool is_over() const {
    return deadline_ && clock::now() >= *deadline_;
  }

  self_pointer self_ = nullptr;
  load load_;
  outcome* target_ = nullptr; ///< of the thread that waits for the answer to start()
  progress* shown_ = nullptr;
  std::vector<std::uint64_t> left_;
  std::optional<clock::time_point> warm_until_;
  clock::time_point measured_from_;
  std::optional<clock::time_point> deadline_;
  std::optional<clock::time_point> due_;
  clock::time_point first_due_;
  std::uint64_t started_ = 0;
  std::size_t busy_ = 0; ///< callers, or requests of an open loop
  bool is_exhausted_ = false;
  bool is_finished_ = false;
  std::optional<stopwatch> watch_;
  caf::typed_response_promise<bool> promise_;
};

/// Runs the load to its end and measures; one answer is one latency.
result<void> drive(const caf::scoped_actor& self, load what, outcome& target);

} // namespace corestore::bench
