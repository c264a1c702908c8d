#include "actors/core_waiting.hpp"

#include <algorithm>

#include <caf/all.hpp>

namespace corestore::actors {

void waiting_callers::recompute() {
  earliest_ms = no_deadline;
  for (const auto& [index, waiting] : fetches)
    note(waiting.deadline_ms);
  for (const auto& waiting : updates)
    note(waiting.deadline_ms);
  for (const auto& waiting : downloads)
    note(waiting.deadline_ms);
  for (const auto& waiting : seeks)
    note(waiting.deadline_ms);
}

void fail_one(waiting_fetch& waiting, const caf::error& reason) {
  if (waiting.rest)
    waiting.rest->promise.deliver(reason);
  else
    waiting.promise.deliver(reason);
}

void waiting_callers::fail_all(const caf::error& reason) {
  for (auto& [index, waiting] : fetches)
    fail_one(waiting, reason);
  for (auto& waiting : updates)
    waiting.promise.deliver(reason);
  for (auto& waiting : downloads)
    waiting.promise.deliver(reason);
  for (auto& waiting : seeks)
    waiting.promise.deliver(reason);
  *this = {};
}

} // namespace corestore::actors
