// The addresses that a store dials: one connector each, until they are hung up.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include <caf/typed_event_based_actor.hpp>

#include "actors/connections.hpp"
#include "actors/connector.hpp"

namespace corestore::actors {

class network_state {
public:
  using self_pointer = network_actor::stateful_pointer<network_state>;

  static inline const char* name = "network";

  void open(self_pointer self, context_ptr context);
  caf::result<peer_record> dial(const dial_request& request, scope_id scope);
  bool hang_up(std::uint64_t id);
  void pause(bool is_paused);
  void on_down(const caf::actor_addr& connector);
  void finish(caf::error reason);

private:
  struct dialled {
    dial_plan plan;
    connector_actor handle;
    peer_record record;
  };

  void forget(std::uint64_t id);

  self_pointer self_ = nullptr;
  context_ptr context_;
  std::map<std::uint64_t, dialled> dialled_;
  std::map<caf::actor_addr, std::uint64_t> ending_; ///< connectors that were told to end
  std::optional<caf::error> reason_;                ///< set when this actor ends after them
  bool is_paused_ = false;
};

network_actor::behavior_type network(network_state::self_pointer self, const context_ptr& context);

} // namespace corestore::actors
