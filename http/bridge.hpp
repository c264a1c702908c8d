// From threads that may block to actors that may not: one actor sends the requests of all of them and hands back the
// answers. A caller that gives up leaves nothing behind but an answer that nobody reads.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <tuple>

#include <caf/actor_system.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>

#include "base/error.hpp"
#include "http/socket.hpp"
#include "messages/errors.hpp"
#include "messages/interfaces.hpp"

namespace corestore::http {

/// What the bridge does for a caller, inside its own handler.
using errand = std::shared_ptr<std::function<void(caf::event_based_actor*)>>;

} // namespace corestore::http

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(corestore::http::errand)

namespace corestore::http {

/// Where an answer arrives.
template <class Answer>
class answer_slot {
public:
  void put(result<Answer> value) {
    std::lock_guard guard{mutex_};
    value_ = std::move(value);
    arrived_.notify_one();
  }

  /// The answer, or nothing when it did not arrive in time.
  std::optional<result<Answer>> take(std::chrono::milliseconds limit) {
    std::unique_lock guard{mutex_};
    arrived_.wait_for(guard, limit, [this] { return value_.has_value(); });
    return std::exchange(value_, std::nullopt);
  }

private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::optional<result<Answer>> value_;
};

class bridge {
public:
  explicit bridge(caf::actor_system& system);
  ~bridge();
  bridge(const bridge&) = delete;
  bridge& operator=(const bridge&) = delete;

  /// Asks and waits, `limit` at most, also while the client of `line` may leave or the server may end: cancelled and
  /// store_closed. timed_out when the limit is over; the errors of the request.
  template <class Answer, class Handle, class... Content>
  result<Answer> ask(const socket& line, std::chrono::milliseconds limit, const Handle& target, Content&&... content) {
    auto slot = std::make_shared<answer_slot<Answer>>();
    auto work = [slot, target,
                 values = std::make_tuple(std::forward<Content>(content)...)](caf::event_based_actor* self) mutable {
      std::apply(
        [&](auto&... each) {
          self->request(target, caf::infinite, std::move(each)...)
            .then([slot](Answer& answer) { slot->put(std::move(answer)); },
                  [slot](const caf::error& reason) { slot->put(fail(from_caf(reason))); });
        },
        values);
    };
    caf::anon_send(actor_, std::make_shared<std::function<void(caf::event_based_actor*)>>(std::move(work)));
    auto end = std::chrono::steady_clock::now() + limit;
    for (;;) {
      // Most answers arrive within the first slice; long waits look at the client now and then.
      if (auto answer = slot->take(slice))
        return std::move(*answer);
      if (line.is_stopping())
        return fail(ec::store_closed, "the server is closing");
      if (line.is_lost())
        return fail(ec::cancelled, "the client left");
      if (std::chrono::steady_clock::now() > end)
        return fail(ec::timed_out, "no answer in time");
    }
  }

  /// Sends; nobody waits for the `Answer`.
  template <class Answer, class Handle, class... Content>
  void tell(const Handle& target, Content&&... content) {
    auto work = [target,
                 values = std::make_tuple(std::forward<Content>(content)...)](caf::event_based_actor* self) mutable {
      std::apply(
        [&](auto&... each) {
          self->request(target, caf::infinite, std::move(each)...)
            .then(
              [](const Answer&) {
                // nop
              },
              [](const caf::error&) {
                // nop
              });
        },
        values);
    };
    caf::anon_send(actor_, std::make_shared<std::function<void(caf::event_based_actor*)>>(std::move(work)));
  }

private:
  static constexpr std::chrono::milliseconds slice{200};

  caf::actor actor_;
};

} // namespace corestore::http
