// Signals as values: blocked in every thread and taken one by one, so that nothing runs inside a handler. The one
// exception ends the process.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <initializer_list>
#include <mutex>
#include <thread>

#include <csignal>

namespace corestore::programs {

/// From construction on the given signals no longer interrupt the process. Construct it before any other thread
/// starts: threads inherit what is blocked. SIGINT and SIGTERM ask for the end; the second of them ends the process at
/// once with 130.
class signal_watch {
public:
  /// `on_signal`, if given, runs in the watching thread for each signal that does not end the process.
  explicit signal_watch(std::initializer_list<int> signals, std::function<void(int)> on_signal = {});
  ~signal_watch();
  signal_watch(const signal_watch&) = delete;
  signal_watch& operator=(const signal_watch&) = delete;

  /// The next signal; blocks until there is one.
  int wait();

  /// Whether the end was asked for.
  [[nodiscard]] bool is_ending() const;

private:
  void run();
  bool take(int signal);

  sigset_t watched_{};
  int descriptor_ = -1; ///< the signals
  int stop_ = -1;       ///< asks the thread to end
  std::function<void(int)> on_signal_;
  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<int> pending_;
  bool is_ending_ = false;
  std::thread thread_;
};

/// A page of a mapped file that is not there, or that the disk does not give, is a signal, and no error that somebody
/// could return: from now on it ends the process with a line that says so, and the exit code of a damaged store.
void end_on_bus_error(const char* program);

} // namespace corestore::programs
