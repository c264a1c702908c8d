// One serving process: the store, its listeners, what it dials and mirrors, and its node surface.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <caf/actor_system.hpp>

#include "actors/engine.hpp"
#include "base/error.hpp"
#include "config/settings.hpp"
#include "config/system_config.hpp"
#include "http/service.hpp"
#include "programs/mirror_list.hpp"

namespace corestore::programs {

class server {
public:
  /// `may_move`: a free port will do when the default one is taken.
  server(config::settings settings, bool may_move);
  ~server();
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  /// Opens the store and every surface. The errors of storage::open_store; storage_failed for an address that cannot
  /// be bound.
  result<void> start();

  /// The line that tells others where everything is, without a line end.
  [[nodiscard]] std::string ready_line() const;

  /// Takes over what can change while running, and logs what did and what needs a restart.
  void reload(const config::settings& fresh);

  /// Whether the store answers; for a watchdog. From any thread, until close().
  [[nodiscard]] bool is_alive();

  /// Of the node surface; 0 when it is off.
  [[nodiscard]] std::uint16_t node_port() const {
    return node_port_;
  }

  /// Stops accepting, drains, commits.
  void close();

private:
  result<void> open_engine();
  result<void> listen();
  result<void> publish_node();
  result<void> serve_http();
  [[nodiscard]] actors::engine_settings engine_settings() const;
  [[nodiscard]] actors::guard_limits guard_limits() const;

  config::settings settings_;
  bool may_move_;
  config::system_config config_;
  std::unique_ptr<caf::actor_system> system_;
  std::unique_ptr<actors::engine> engine_;
  std::unique_ptr<mirror_list> mirrors_;
  std::vector<actors::endpoint> listening_;
  std::optional<std::string> node_; ///< bound address
  std::unique_ptr<http::surface> http_;
  std::uint16_t node_port_ = 0;
};

} // namespace corestore::programs
