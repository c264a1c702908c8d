// Sockets and threads of the HTTP surface. Each connection has a thread that sleeps in the system while nothing comes,
// so an idle client costs memory only; their number is bounded, and every one of them ends with the server.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <thread>

#include "config/address.hpp"
#include "http/connection.hpp"
#include "http/router.hpp"

namespace corestore::http {

struct server_settings {
  config::address listen;
  std::size_t connections_max = 0; ///< more than that are answered with 503
};

struct server_counters {
  std::atomic<std::uint64_t> connections{0}; ///< now
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> failures{0}; ///< answered with a status of 500 or more
};

class server {
public:
  /// Binds and serves `routes`. storage_failed for an address that cannot be bound.
  static result<std::unique_ptr<server>> start(server_settings settings, router routes,
                                               std::shared_ptr<server_counters> counters);
  ~server();
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  /// With the port that the system chose.
  [[nodiscard]] const config::address& where() const {
    return where_;
  }

  /// Stops accepting, lets requests that are being answered finish for a while, ends the rest. Idempotent.
  void stop();

private:
  server(server_settings settings, router routes, std::shared_ptr<server_counters> counters);

  void accept_all();
  void admit(descriptor accepted);
  void serve(const socket& line);
  /// Answers one request; whether another may follow.
  bool answer(request_reader& reader, const socket& line);

  server_settings settings_;
  router routes_;
  std::shared_ptr<server_counters> counters_;
  config::address where_;
  descriptor listening_;
  flag stop_;
  std::thread accepting_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<const socket*> live_;
  bool is_stopped_ = false;
};

} // namespace corestore::http
