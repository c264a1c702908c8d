#include "programs/signals.hpp"

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/check.hpp"
#include "programs/exit_code.hpp"

namespace corestore::programs {

namespace {

/// Set once, before any other thread starts.
const char* program_name = "";

/// Does nothing but what is allowed in a handler.
void on_bus_error(int /*signal*/) {
  for (const auto* part : {program_name, ": the store is damaged: its database leads to pages that cannot be read\n"})
    if (::write(STDERR_FILENO, part, std::strlen(part)) < 0)
      break;
  std::_Exit(exit_damaged);
}

} // namespace

void end_on_bus_error(const char* program) {
  program_name = program;
  struct sigaction action {};
  action.sa_handler = on_bus_error;
  sigaction(SIGBUS, &action, nullptr);
}

signal_watch::signal_watch(std::initializer_list<int> signals, std::function<void(int)> on_signal)
    : on_signal_(std::move(on_signal)) {
  sigemptyset(&watched_);
  for (auto signal : signals)
    sigaddset(&watched_, signal);
  pthread_sigmask(SIG_BLOCK, &watched_, nullptr);
  descriptor_ = signalfd(-1, &watched_, SFD_CLOEXEC | SFD_NONBLOCK);
  stop_ = eventfd(0, EFD_CLOEXEC);
  CORESTORE_CHECK(descriptor_ >= 0 && stop_ >= 0);
  thread_ = std::thread{[this] {
    run();
  }};
}

signal_watch::~signal_watch() {
  const std::uint64_t one = 1;
  CORESTORE_CHECK(write(stop_, &one, sizeof(one)) == sizeof(one));
  thread_.join();
  close(stop_);
  close(descriptor_);
}

int signal_watch::wait() {
  std::unique_lock guard(mutex_);
  arrived_.wait(guard, [this] { return !pending_.empty(); });
  auto signal = pending_.front();
  pending_.pop_front();
  return signal;
}

bool signal_watch::is_ending() const {
  const std::scoped_lock guard(mutex_);
  return is_ending_;
}

void signal_watch::run() {
  for (;;) {
    std::array<pollfd, 2> sources{pollfd{descriptor_, POLLIN, 0}, pollfd{stop_, POLLIN, 0}};
    if (poll(sources.data(), sources.size(), -1) < 0)
      continue;
    signalfd_siginfo info{};
    while (read(descriptor_, &info, sizeof(info)) == sizeof(info)) {
      auto signal = static_cast<int>(info.ssi_signo);
      if (!take(signal))
        std::_Exit(exit_interrupted);
      if (on_signal_)
        on_signal_(signal);
    }
    if ((sources[1].revents & POLLIN) != 0)
      return;
  }
}

bool signal_watch::take(int signal) {
  const std::scoped_lock guard(mutex_);
  if (signal == SIGINT || signal == SIGTERM) {
    if (is_ending_)
      return false;
    is_ending_ = true;
  }
  pending_.push_back(signal);
  arrived_.notify_all();
  return true;
}

} // namespace corestore::programs
