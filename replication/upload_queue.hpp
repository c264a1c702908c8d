// What one peer asked for and has not been answered: bounded, urgent requests first, each until it is cancelled.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

#include "replication/wire/messages.hpp"

namespace corestore::replication {

class upload_queue {
public:
  /// A request with the id of one that waits replaces it. False when the queue is full (limits::upload_queue_max).
  bool push(wire::request request);

  /// Withdraws a request; unknown ids are ignored.
  void cancel(std::uint64_t id);

  /// The next request: those with a priority in order of arrival, then the rest.
  std::optional<wire::request> pop();

  [[nodiscard]] bool empty() const {
    return waiting_.empty();
  }
  [[nodiscard]] std::size_t count() const {
    return waiting_.size();
  }

private:
  using place = std::pair<bool, std::uint64_t>; ///< (not urgent, arrival)

  std::map<place, wire::request> waiting_;
  std::unordered_map<std::uint64_t, place> places_;
  std::uint64_t arrivals_ = 0;
};

} // namespace corestore::replication
