// The callers of a workload: each keeps one request outstanding, from one event-based actor, so that what is measured
// is the engine and not the switching of threads.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>

#include <caf/all.hpp>

#include "base/error.hpp"
#include "messages/errors.hpp"
#include "messages/interfaces.hpp"
#include "programs/ask.hpp"
#include "programs/bench/outcome.hpp"

namespace corestore::bench {

/// Sends the next request of one caller and arranges for `done` of the driver to be called with its answer; false when
/// that caller has nothing left to ask.
template <class Driver>
using next_request = std::function<bool(Driver& driver, std::size_t caller)>;

class driver_state {
public:
  using self_pointer = caf::stateful_actor<driver_state>*;
  using clock = std::chrono::steady_clock;
  using step = next_request<driver_state>;

  static inline const char* name = "driver";

  /// Request of `caller`; `blocks` are counted when it succeeds.
  template <class Answer, class Handle, class... Content>
  void request(std::size_t caller, std::uint64_t blocks, const Handle& target, Content&&... content) {
    auto start = clock::now();
    self_->request(target, caf::infinite, std::forward<Content>(content)...)
      .then(
        [this, caller, blocks, start](const Answer& answer) {
          target_->latency.add(clock::now() - start);
          if constexpr (std::is_same_v<Answer, bool>) {
            if (!answer)
              return finish(make_error(ec::timed_out, "a core did not arrive in time"));
          }
          target_->blocks += blocks;
          advance(caller);
        },
        [this](caf::error& failure) { finish(std::move(failure)); });
  }

  /// Whether the time of a timed run is up.
  [[nodiscard]] bool is_over() const {
    return deadline_ && clock::now() >= *deadline_;
  }

  /// `at_end` is called while everything that was opened is still held.
  caf::result<bool> start(self_pointer self, std::size_t callers, step next, outcome* target, std::uint64_t duration_s,
                          std::function<void()> at_end);

private:
  void advance(std::size_t caller);
  void finish(caf::error failure);

  self_pointer self_ = nullptr;
  step next_;
  std::function<void()> at_end_;
  outcome* target_ = nullptr; ///< of the thread that waits for the answer to start()
  std::optional<clock::time_point> deadline_;
  std::size_t busy_ = 0;
  bool is_finished_ = false;
  caf::typed_response_promise<bool> promise_;
};

/// Runs `callers` callers to their end and measures; one answer is one latency.
result<void> drive(const caf::scoped_actor& self, std::size_t callers, driver_state::step next, outcome& target,
                   std::uint64_t duration_s = 0, const std::function<void()>& at_end = {});

} // namespace corestore::bench
