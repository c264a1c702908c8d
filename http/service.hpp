// What every handler works with, and the surface as a whole.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/core_totals.hpp"
#include "base/limits.hpp"
#include "config/settings.hpp"
#include "http/bridge.hpp"
#include "http/kept_cores.hpp"
#include "http/router.hpp"
#include "http/server.hpp"
#include "messages/interfaces.hpp"

namespace corestore::http {

/// How long a request may take that does not wait for peers.
inline constexpr std::chrono::milliseconds patience{60000};

struct service_settings {
  config::http_settings http;
  std::string store_path; ///< for the free space of its disk
  std::string public_key; ///< of this server, in hex
};

/// Shared by all handlers; outlives the server.
struct service {
  service(caf::actor_system& host, store_actor serves, std::shared_ptr<const core_totals> sums, service_settings wanted)
      : system(host), store(std::move(serves)), totals(std::move(sums)), settings(std::move(wanted)), asking(host),
        traffic(std::make_shared<server_counters>()) {
    // nop
  }

  caf::actor_system& system;
  store_actor store;
  std::shared_ptr<const core_totals> totals;
  service_settings settings;
  bridge asking;
  kept_cores kept{limits::http_open_cores_max};
  std::shared_ptr<server_counters> traffic;
  std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
};

// -- the routes, by subject

void add_store_routes(service& with, std::vector<route>& into);
void add_core_routes(service& with, std::vector<route>& into);
void add_block_routes(service& with, std::vector<route>& into);
void add_action_routes(service& with, std::vector<route>& into);
void add_beside_routes(service& with, std::vector<route>& into);
void add_event_routes(service& with, std::vector<route>& into);

/// The HTTP surface of one store.
class surface {
public:
  /// storage_failed for an address that cannot be bound.
  static result<std::unique_ptr<surface>> start(caf::actor_system& system, store_actor store,
                                                std::shared_ptr<const core_totals> totals, service_settings settings);
  ~surface();
  surface(const surface&) = delete;
  surface& operator=(const surface&) = delete;

  /// `127.0.0.1:49738`, with the port that the system chose.
  [[nodiscard]] std::string where() const;

private:
  surface(caf::actor_system& system, store_actor store, std::shared_ptr<const core_totals> totals,
          service_settings settings);

  service shared_;
  std::unique_ptr<server> server_;
};

} // namespace corestore::http
