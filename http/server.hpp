// Sockets and threads of the HTTP surface. One thread accepts, and watches the connections that wait for a request: an
// idle client costs a descriptor. A connection that has one gets a thread of its own until it is idle again, so that
// handlers may wait; their number is bounded, and every one of them ends with the server.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <unordered_map>
#include <vector>

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
  std::atomic<std::uint64_t> busy{0};        ///< of these, those with a request under way
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

  using line_ptr = std::shared_ptr<socket>;

  /// A connection that waits for a request.
  struct idle_line {
    line_ptr line;
    std::chrono::steady_clock::time_point until;
    bool is_new = false; ///< accepted, and its first request is still to come
  };

  // -- in the thread that accepts

  void watch_all();
  void accept_one();
  void park(line_ptr line, bool is_new);
  [[nodiscard]] bool awaits_first_requests() const;
  void park_returned();
  void wake(int number);
  void close_overdue();
  bool watch(int number, std::uint32_t events) const;

  // -- in the threads of connections

  void serve(const line_ptr& line);
  /// Answers requests until none follows; true when one may still come.
  bool talk(const socket& line);
  /// Answers one request; whether another may follow.
  bool answer(request_reader& reader, const socket& line);

  // -- in all of them

  bool enter(const line_ptr& line);
  void leave(const line_ptr& line);
  void refuse(const socket& line) const;

  server_settings settings_;
  router routes_;
  std::shared_ptr<server_counters> counters_;
  config::address where_;
  descriptor listening_;
  descriptor events_; ///< the descriptors that are watched
  flag leave_;        ///< nothing is accepted any more; who was, may still say what it wants
  flag stop_;         ///< whatever goes on must end
  std::thread watching_;
  std::unordered_map<int, idle_line> idle_; ///< of the thread that accepts, as is the next
  std::chrono::steady_clock::time_point next_look_{};

  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<line_ptr> live_;        ///< idle or not
  std::vector<line_ptr> returned_; ///< idle again, not yet watched
  flag has_returned_;
  bool is_closing_ = false;
};

} // namespace corestore::http
