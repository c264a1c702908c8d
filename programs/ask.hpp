// Blocking requests of a program's main thread.
#pragma once

#include <chrono>
#include <utility>

#include <caf/scoped_actor.hpp>

#include "base/error.hpp"
#include "messages/errors.hpp"
#include "messages/interfaces.hpp"

namespace corestore::programs {

/// How long anything may take that does not wait for peers; it ends requests to a dead node, which nobody answers.
inline constexpr std::chrono::seconds patience{60};

/// The time for a request that waits `wait_ms` for peers.
inline caf::timespan patience_with(std::uint64_t wait_ms) {
  return patience + std::chrono::milliseconds{wait_ms};
}

/// Sends a request and waits for its answer.
template <class Answer, class Handle, class... Content>
result<Answer> ask(const caf::scoped_actor& self, const Handle& target, caf::timespan timeout, Content&&... content) {
  result<Answer> answer = fail(ec::internal, "no answer");
  self->request(target, timeout, std::forward<Content>(content)...)
    .receive([&answer](Answer& value) { answer = std::move(value); },
             [&answer](caf::error& failure) { answer = fail(from_caf(failure)); });
  return answer;
}

/// `self` as the receiver of a core's events.
inline event_sink as_sink(const caf::scoped_actor& self) {
  return caf::actor_cast<event_sink>(caf::actor_cast<caf::strong_actor_ptr>(self));
}

} // namespace corestore::programs
