// Typed actors that stand in for actors of another node: every line of the interface is passed on as it is, except
// those that the proxy answers itself.
#pragma once

#include <cstdint>
#include <functional>
#include <unordered_map>
#include <utility>

#include <caf/all.hpp>

namespace corestore::actors {

/// Requests that are under way to another node. CAF never answers a request whose receiver died with its node, so the
/// proxy keeps the promises and fails them when it learns of the loss.
class requests_under_way {
public:
  /// Sends `content` to `target` and answers the current message of `self` with what comes back.
  template <class... Answer, class Self, class Target, class... Content>
  caf::result<Answer...> forward(Self self, const Target& target, const Content&... content) {
    auto promise = self->template make_response_promise<Answer...>();
    send<Answer...>(self, target, promise, content...);
    return promise;
  }

  template <class... Answer, class Self, class Target, class... Content>
  void send(Self self, const Target& target, caf::typed_response_promise<Answer...> promise,
            const Content&... content) {
    auto id = ++last_;
    waiting_.emplace(id, [promise](const caf::error& reason) mutable { promise.deliver(reason); });
    // Without a time limit: the loss of the node ends the wait.
    self->request(target, caf::infinite, content...)
      .then(
        [this, id, promise](Answer&... answer) mutable {
          if (waiting_.erase(id) > 0)
            promise.deliver(std::move(answer)...);
        },
        [this, id, promise](caf::error& reason) mutable {
          if (waiting_.erase(id) > 0)
            promise.deliver(std::move(reason));
        });
  }

  void fail_all(const caf::error& reason) {
    auto lost = std::exchange(waiting_, {});
    for (auto& [id, fail] : lost)
      fail(reason);
  }

private:
  std::uint64_t last_ = 0;
  std::unordered_map<std::uint64_t, std::function<void(const caf::error&)>> waiting_;
};

/// One handler of a proxy: `State::pass<Answer...>(content...)`, which the state may overload for single lines.
template <class State, class Signature>
struct passing_handler;

template <class State, class... Content, class... Answer>
struct passing_handler<State, caf::typed_mpi<caf::detail::type_list<Content...>, caf::output_tuple<Answer...>>> {
  State* state;

  caf::result<Answer...> operator()(const Content&... content) const {
    return state->pass(caf::detail::type_list<Answer...>{}, content...);
  }
};

template <class State, class... Content>
struct passing_handler<State, caf::typed_mpi<caf::detail::type_list<Content...>, caf::output_tuple<void>>> {
  State* state;

  void operator()(const Content&... content) const {
    state->tell(content...);
  }
};

/// The behavior of a proxy: its own handlers, then one for each line of `Interface`.
template <class Behavior, class State, class... Signatures, class... Own>
Behavior make_proxy_behavior(State* state, caf::detail::type_list<Signatures...>, Own... own) {
  return Behavior{std::move(own)..., passing_handler<State, Signatures>{state}...};
}

/// One handler of a front: the proxy behind it answers.
template <class Front, class Proxy, class Signature>
struct delegating_handler;

template <class Front, class Proxy, class... Content, class... Answer>
struct delegating_handler<Front, Proxy,
                          caf::typed_mpi<caf::detail::type_list<Content...>, caf::output_tuple<Answer...>>> {
  Front self;
  Proxy proxy;

  caf::delegated<Answer...> operator()(const Content&... content) const {
    return self->delegate(proxy, content...);
  }
};

template <class Handle>
struct front_state {
  static inline const char* name = "front";
};

template <class Behavior, class Front, class Proxy, class... Signatures>
Behavior make_front_behavior(Front self, const Proxy& proxy, caf::detail::type_list<Signatures...>) {
  return Behavior{delegating_handler<Front, Proxy, Signatures>{self, proxy}...};
}

template <class Handle, class Proxy>
typename Handle::behavior_type front(typename Handle::template stateful_pointer<front_state<Handle>> self,
                                     const Proxy& proxy) {
  return make_front_behavior<typename Handle::behavior_type>(self, proxy, typename Handle::signatures{});
}

/// What outsiders hold. An actor that has sent something to another node is kept alive by CAF until it ends by itself;
/// a front never does, so it ends with its last handle, and its proxy, which monitors it, knows that nobody is left.
template <class Handle, class Proxy>
Handle spawn_front(caf::actor_system& system, const Proxy& proxy) {
  return system.spawn<caf::hidden>(front<Handle, Proxy>, proxy);
}

} // namespace corestore::actors
