#include "actors/terminator.hpp"

#include <algorithm>
#include <chrono>

#include <caf/all.hpp>

namespace corestore::actors {

caf::behavior terminator(caf::stateful_actor<terminator_state>* self, std::uint64_t grace) {
  self->set_down_handler([self](const caf::down_msg& message) {
    auto& state = self->state;
    auto removed = std::erase(state.waiting, message.source);
    if (removed > 0 && state.waiting.empty())
      state.promise.deliver(message.reason != caf::exit_reason::kill);
  });
  return {
    [self, grace](shutdown_atom, const std::vector<caf::actor>& targets) -> caf::result<bool> {
      auto& state = self->state;
      state.promise = self->make_response_promise();
      for (const auto& target : targets) {
        if (!target)
          continue;
        state.waiting.push_back(target.address());
        self->monitor(target);
        self->send_exit(target, caf::exit_reason::user_shutdown);
      }
      if (state.waiting.empty())
        state.promise.deliver(true);
      else
        self->delayed_send(self, std::chrono::milliseconds(grace), tick_atom_v);
      return caf::delegated<bool>{};
    },
    [self](tick_atom) {
      for (const auto& address : self->state.waiting)
        self->send_exit(caf::actor_cast<caf::actor>(address), caf::exit_reason::kill);
    },
  };
}

} // namespace corestore::actors
