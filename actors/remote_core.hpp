// The proxy of one core of a store on another node.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include <caf/typed_event_based_actor.hpp>

#include "actors/forwarding.hpp"
#include "actors/remote_store.hpp"
#include "messages/interfaces.hpp"

namespace corestore::actors {

/// A remote core as its store's proxy uses it.
using remote_core_actor = core_actor::extend<
  // open it unless it is open; the record. What the store answers
  caf::replies_to<join_atom>::with<core_record>,
  // this front stands for it: end after the front, subscriptions included
  caf::reacts_to<attach_atom, caf::actor>,
  // an event of the core itself, to be told to the subscribers here
  caf::reacts_to<core_event>,
  // the node was lost while somebody listens: try again
  caf::reacts_to<tick_atom>>;

class remote_core_state {
public:
  using self_pointer = remote_core_actor::stateful_pointer<remote_core_state>;

  static inline const char* name = "remote_core";

  void open(self_pointer self, remote_store_actor store, core_selector selector);

  caf::result<core_record> join();
  void attach(const caf::actor& front);
  void publish(const core_event& event);
  void retry();
  void on_down(const caf::down_msg& message);
  void finish(const caf::error& reason);

  /// Any line of the interface.
  template <class... Answer, class... Content>
  caf::result<Answer...> pass(caf::detail::type_list<Answer...> answer, const Content&... content) {
    return hand_on(answer, content...);
  }

  template <class... Answer, class... Content>
  caf::result<Answer...> hand_on(caf::detail::type_list<Answer...>, const Content&... content) {
    if (core_)
      return under_way_.forward<Answer...>(self_, core_, content...);
    auto promise = self_->make_response_promise<Answer...>();
    when_open([this, promise, content...](const caf::error& failure) mutable {
      if (failure)
        promise.deliver(failure);
      else
        under_way_.send<Answer...>(self_, core_, promise, content...);
    });
    return promise;
  }

  /// Subscribers are told from here, so that they outlive a lost node.
  caf::result<core_record> pass(caf::detail::type_list<core_record>, subscribe_atom, const event_sink& sink);
  caf::result<bool> pass(caf::detail::type_list<bool>, unsub_atom, const event_sink& sink);

  /// Listeners of extensions are told by the core itself; it hears of them again when it was opened again.
  caf::result<bool> pass(caf::detail::type_list<bool>, extend_atom, const std::string& extension,
                         const extension_sink& sink);
  caf::result<bool> pass(caf::detail::type_list<bool>, retract_atom, const std::string& extension,
                         const extension_sink& sink);

private:
  using continuation = std::function<void(const caf::error&)>;

  void when_open(continuation next);
  void reopen(const store_actor& store);
  void opened(opened_core core);
  void settle(const caf::error& failure);
  bool forget_sink(const caf::actor_addr& sink);
  void subscribe_there();
  void extend_there();
  void end_when_unused();

  self_pointer self_ = nullptr;
  remote_store_actor store_;
  core_selector selector_;
  core_actor core_;
  core_record record_; ///< as it was when the core was opened last
  std::vector<std::pair<std::string, extension_sink>> extensions_;
  std::optional<caf::actor_addr> front_; ///< empty again after its end
  bool had_front_ = false;
  bool is_opening_ = false;
  std::uint64_t attempts_ = 0; ///< to open it; an answer to an older one comes too late
  std::vector<continuation> queued_;
  std::vector<event_sink> sinks_;
  requests_under_way under_way_;
};

remote_core_actor::behavior_type remote_core(remote_core_state::self_pointer self, remote_store_actor store,
                                             core_selector selector);

} // namespace corestore::actors
