// What a service manager wants to hear (sd_notify(3)): datagrams to the socket that NOTIFY_SOCKET names. Without one,
// nothing is sent, and nothing fails.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace corestore::programs {

class service_manager {
public:
  /// From NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID.
  service_manager();
  ~service_manager();
  service_manager(const service_manager&) = delete;
  service_manager& operator=(const service_manager&) = delete;

  [[nodiscard]] bool is_present() const {
    return !socket_.empty();
  }

  void ready(const std::string& status);
  void reloading();
  void stopping();

  /// Twice in each interval of the watchdog, if there is one: says that all is well as long as `is_alive` says so. It
  /// is called from a thread of its own.
  void watch(std::function<bool()> is_alive);
  void stop_watching();

private:
  void say(const std::string& message) const;
  void run(const std::function<bool()>& is_alive);

  std::string socket_;
  std::optional<std::chrono::microseconds> interval_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_ending_ = false;
  std::thread thread_;
};

} // namespace corestore::programs
