// What all listeners and connectors of one engine share.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "actors/engine.hpp"
#include "actors/local.hpp"
#include "actors/reactor.hpp"

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(corestore::actors::stream_ptr)

namespace corestore::actors {

struct connection_context {
  reactor* io = nullptr;
  local_store_actor store;
  key_pair identity;
  engine::log_sink log;
  std::shared_ptr<peer_guard> guard;
  source_ptr dialled; ///< where connections count that are made here
  std::atomic<std::uint64_t> next_session{0};

  void say(const char* severity, const std::string& line) const {
    if (log)
      log(severity, line);
  }

  /// What connections that start now have to keep to.
  std::shared_ptr<const engine_settings> settings() const {
    std::lock_guard lock{mutex_};
    return settings_;
  }

  void set_settings(std::shared_ptr<const engine_settings> settings) {
    std::lock_guard lock{mutex_};
    settings_ = std::move(settings);
  }

  void set_dial_failure(const std::string& address, std::string reason) {
    std::lock_guard lock{mutex_};
    failures_[address] = std::move(reason);
  }

  std::string dial_failure(const std::string& address) {
    std::lock_guard lock{mutex_};
    auto found = failures_.find(address);
    return found == failures_.end() ? std::string{} : found->second;
  }

private:
  mutable std::mutex mutex_;
  std::shared_ptr<const engine_settings> settings_;
  std::unordered_map<std::string, std::string> failures_;
};

using context_ptr = std::shared_ptr<connection_context>;

/// Accepts on one address and owns the sessions that come of it; ends after them.
using listener_actor = caf::typed_actor<
  // connections wait, or the wait was given up
  caf::reacts_to<internal_atom, bool>,
  // try again after the system refused
  caf::reacts_to<tick_atom>>;

/// Keeps one outgoing connection alive; ends after its session.
using connector_actor = caf::typed_actor<
  // dial now
  caf::reacts_to<tick_atom>,
  // the outcome of dialling
  caf::reacts_to<open_atom, stream_ptr>,
  // it failed
  caf::reacts_to<open_atom, std::string>,
  // dial nothing until told to go on
  caf::reacts_to<suspend_atom>, caf::reacts_to<resume_atom>,
  // what may pass over connections from the next one on
  caf::reacts_to<switch_atom, connection_switches>>;

} // namespace corestore::actors
