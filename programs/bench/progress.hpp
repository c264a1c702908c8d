// How far a run is, on a terminal only.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

namespace corestore::bench {

class progress {
public:
  /// `total` 0: nobody knows how much there is to do.
  progress(std::string label, std::uint64_t total);
  ~progress(); ///< takes its line away
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;

  void add(std::uint64_t count) {
    done_.fetch_add(count, std::memory_order_relaxed);
  }

private:
  void run();

  std::string label_;
  std::uint64_t total_;
  std::atomic<std::uint64_t> done_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_over_ = false;
  std::thread thread_; ///< none when standard error is no terminal
};

} // namespace corestore::bench
