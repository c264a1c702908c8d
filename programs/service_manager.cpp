#include "programs/service_manager.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <tuple>
#include <utility>

#include <ctime>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "programs/process_environment.hpp"

namespace corestore::programs {

namespace {

std::optional<std::int64_t> number_of(const std::string& name) {
  auto text = process_environment(name);
  if (!text)
    return std::nullopt;
  const std::string_view digits{*text};
  std::int64_t value = 0;
  if (std::from_chars(digits.data(), digits.data() + digits.size(), value).ec != std::errc{} || value <= 0)
    return std::nullopt;
  return value;
}

/// A path, or with `@` in front a name that is in no file system.
std::optional<std::pair<sockaddr_un, socklen_t>> address_of(const std::string& name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if ((!name.starts_with('/') && !name.starts_with('@')) || name.size() >= sizeof(address.sun_path))
    return std::nullopt;
  std::copy(name.begin(), name.end(), address.sun_path);
  if (name.front() == '@')
    address.sun_path[0] = '\0';
  return std::pair{address, static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size())};
}

} // namespace

service_manager::service_manager() : socket_(process_environment("NOTIFY_SOCKET").value_or("")) {
  auto pid = number_of("WATCHDOG_PID");
  auto interval = number_of("WATCHDOG_USEC");
  if (interval && (!pid || *pid == ::getpid()))
    interval_ = std::chrono::microseconds{*interval};
}

service_manager::~service_manager() {
  stop_watching();
}

void service_manager::say(const std::string& message) const {
  auto address = address_of(socket_);
  if (!address)
    return;
  auto descriptor = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0)
    return;
  // A manager that does not listen is no reason to stop serving.
  std::ignore = ::sendto(descriptor, message.data(), message.size(), MSG_NOSIGNAL,
                         reinterpret_cast<const sockaddr*>(&address->first), address->second); // NOLINT: POSIX
  ::close(descriptor);
}

void service_manager::ready(const std::string& status) {
  say("READY=1\nSTATUS=" + status + "\nMAINPID=" + std::to_string(::getpid()));
}

void service_manager::reloading() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  say("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now.tv_sec * 1000000LL + now.tv_nsec / 1000));
}

void service_manager::stopping() {
  say("STOPPING=1\nSTATUS=finishing what was begun");
}

void service_manager::watch(std::function<bool()> is_alive) {
  if (!interval_ || socket_.empty() || thread_.joinable())
    return;
  thread_ = std::thread{[this, is_alive = std::move(is_alive)] {
    run(is_alive);
  }};
}

void service_manager::run(const std::function<bool()>& is_alive) {
  std::unique_lock guard{mutex_};
  while (!is_ending_) {
    guard.unlock();
    if (is_alive())
      say("WATCHDOG=1");
    guard.lock();
    changed_.wait_for(guard, *interval_ / 2, [this] { return is_ending_; });
  }
}

void service_manager::stop_watching() {
  if (!thread_.joinable())
    return;
  {
    std::lock_guard guard{mutex_};
    is_ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

} // namespace corestore::programs
