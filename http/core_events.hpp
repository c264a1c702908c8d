// What happens to a core, or in a store, for one client: an actor collects it and a thread waits for it. Bounded: a
// client that falls too far behind is told so and loses the connection.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <vector>

#include "http/held_core.hpp"

namespace corestore::http {

/// Between an actor that never waits and a thread that does.
template <class Event>
class event_box {
public:
  explicit event_box(std::size_t bytes_max) : bytes_max_(bytes_max) {
    // nop
  }

  /// An event that takes so many bytes.
  void put(Event event, std::size_t size = sizeof(Event)) {
    std::lock_guard guard{mutex_};
    is_over_ = is_over_ || bytes_ + size > bytes_max_;
    if (!is_over_) {
      bytes_ += size;
      events_.push_back(std::move(event));
    }
    arrived_.raise();
  }

  /// What arrived since the last call; nothing when the limit is over. cancelled when the client left, store_closed
  /// when the server ends, limit_exceeded when the client is too far behind.
  result<std::vector<Event>> wait(const socket& line, std::chrono::milliseconds limit) {
    switch (line.wait_for_flag(arrived_, limit)) {
    case woken::lost:
      return fail(ec::cancelled, "the client left");
    case woken::stopping:
      return fail(ec::store_closed, "the server is closing");
    default:
      break;
    }
    std::lock_guard guard{mutex_};
    arrived_.lower();
    if (is_over_)
      return fail(ec::limit_exceeded, "the client reads too slowly");
    bytes_ = 0;
    return std::exchange(events_, {});
  }

private:
  std::size_t bytes_max_;
  std::mutex mutex_;
  std::vector<Event> events_;
  std::size_t bytes_ = 0; ///< of these
  bool is_over_ = false;
  flag arrived_;
};

/// Ends an actor with the scope.
class actor_guard {
public:
  explicit actor_guard(caf::actor subject) : subject_(std::move(subject)) {
    // nop
  }
  ~actor_guard();
  actor_guard(const actor_guard&) = delete;
  actor_guard& operator=(const actor_guard&) = delete;

  [[nodiscard]] const caf::actor& get() const {
    return subject_;
  }

private:
  caf::actor subject_;
};

/// What an answer that is a stream of events begins with.
header_list event_headers();

/// The events of one core.
class core_events {
public:
  core_events(service& with, const socket& line, const held_core& core);
  ~core_events();
  core_events(const core_events&) = delete;
  core_events& operator=(const core_events&) = delete;

  /// From now on, until the value ends.
  result<void> subscribe();
  result<std::vector<core_event>> wait(std::chrono::milliseconds limit) {
    return box_->wait(line_, limit);
  }

private:
  service& with_;
  const socket& line_;
  core_actor core_;
  std::shared_ptr<event_box<core_event>> box_;
  actor_guard collector_;
};

} // namespace corestore::http
