#include "programs/bench/progress.hpp"

#include <chrono>
#include <cstdio>

#include <fmt/format.h>
#include <unistd.h>

namespace corestore::bench {

namespace {

constexpr std::chrono::milliseconds pause{250};

} // namespace

progress::progress(std::string label, std::uint64_t total) : label_(std::move(label)), total_(total) {
  if (isatty(STDERR_FILENO) != 0)
    thread_ = std::thread{[this] {
      run();
    }};
}

progress::~progress() {
  if (!thread_.joinable())
    return;
  {
    std::lock_guard guard{mutex_};
    is_over_ = true;
  }
  changed_.notify_all();
  thread_.join();
  std::fputs("\r\033[K", stderr);
  std::fflush(stderr);
}

void progress::run() {
  auto start = std::chrono::steady_clock::now();
  std::unique_lock lock{mutex_};
  while (!changed_.wait_for(lock, pause, [this] { return is_over_; })) {
    auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    auto done = done_.load(std::memory_order_relaxed);
    auto text = fmt::format("\r\033[K{}  {:.0f} s", label_, seconds);
    if (total_ > 0)
      text += fmt::format("  {:.0f} %", 100.0 * static_cast<double>(done) / static_cast<double>(total_));
    if (done > 0)
      text += fmt::format("  {:.0f}/s", static_cast<double>(done) / seconds);
    std::fputs(text.c_str(), stderr);
    std::fflush(stderr);
  }
}

} // namespace corestore::bench
