// The proxy of a store on another node, or of a namespace of it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include <caf/typed_event_based_actor.hpp>

#include "actors/forwarding.hpp"
#include "actors/remote.hpp"
#include "messages/interfaces.hpp"

namespace corestore::actors {

/// A remote store as its own proxies use it.
using remote_store_actor = store_actor::extend<
  // connect unless it is done: the store of the other node itself. connection_closed, unsupported
  caf::replies_to<join_atom>::with<store_actor>,
  // this front stands for it: end after the front and after the last core
  caf::reacts_to<attach_atom, caf::actor>,
  // dial again for those who listen
  caf::reacts_to<tick_atom>>;

class remote_store_state {
public:
  using self_pointer = remote_store_actor::stateful_pointer<remote_store_state>;

  static inline const char* name = "remote_store";

  void open(self_pointer self, node_address where);

  caf::result<store_actor> join();
  void attach(const caf::actor& front);
  void on_down(const caf::down_msg& message);
  void finish(const caf::error& reason);
  void retry();

  /// Any line of the interface.
  template <class... Answer, class... Content>
  caf::result<Answer...> pass(caf::detail::type_list<Answer...> answer, const Content&... content) {
    return hand_on(answer, content...);
  }

  /// A core that is opened gets a proxy of its own, so that the server counts references for each.
  caf::result<opened_core> pass(caf::detail::type_list<opened_core>, open_atom, const core_selector& selector);

  /// Whoever listens to the store is told again after the server was lost.
  caf::result<bool> pass(caf::detail::type_list<bool> answer, watch_atom, const store_sink& sink);
  caf::result<bool> pass(caf::detail::type_list<bool> answer, unwatch_atom, const store_sink& sink);
  caf::result<bool> pass(caf::detail::type_list<bool> answer, extend_atom, const std::string& extension,
                         const extension_sink& sink);
  caf::result<bool> pass(caf::detail::type_list<bool> answer, retract_atom, const std::string& extension,
                         const extension_sink& sink);

private:
  using continuation = std::function<void(const caf::error&)>;

  template <class... Answer, class... Content>
  caf::result<Answer...> hand_on(caf::detail::type_list<Answer...>, const Content&... content) {
    if (store_)
      return under_way_.forward<Answer...>(self_, store_, content...);
    auto promise = self_->make_response_promise<Answer...>();
    when_connected([this, promise, content...](const caf::error& failure) mutable {
      if (failure)
        promise.deliver(failure);
      else
        under_way_.send<Answer...>(self_, store_, promise, content...);
    });
    return promise;
  }

  void when_connected(continuation next);
  void dial();
  void connected(const caf::strong_actor_ptr& store, const std::set<std::string>& interface);
  void settle(const caf::error& failure);
  void listen_there();
  [[nodiscard]] bool is_listening(const caf::actor_addr& sink) const;
  bool forget_listener(const caf::actor_addr& sink);
  void end_when_unused();
  [[nodiscard]] std::string address() const;

  self_pointer self_ = nullptr;
  node_address where_;
  store_actor store_;
  bool is_dialling_ = false;
  std::optional<caf::actor_addr> front_; ///< empty again after its end
  bool had_front_ = false;
  std::unordered_set<caf::actor_addr> cores_;
  std::vector<store_sink> watchers_;
  std::vector<std::pair<std::string, extension_sink>> extensions_;
  std::vector<continuation> queued_;
  requests_under_way under_way_;
};

remote_store_actor::behavior_type remote_store(remote_store_state::self_pointer self, node_address where);

} // namespace corestore::actors
