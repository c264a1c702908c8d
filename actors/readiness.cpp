#include "actors/readiness.hpp"

#include <array>
#include <cerrno>
#include <utility>

#include <sys/epoll.h>

namespace corestore::actors {

namespace {

constexpr std::uint32_t broken = EPOLLERR | EPOLLHUP;

} // namespace

readiness::readiness() : events_(::epoll_create1(EPOLL_CLOEXEC)) {
  epoll_event leaving{};
  leaving.events = EPOLLIN;
  leaving.data.fd = leave_.get();
  ::epoll_ctl(events_.get(), EPOLL_CTL_ADD, leave_.get(), &leaving);
  thread_ = std::thread{[this] {
    run();
  }};
}

readiness::~readiness() {
  stop();
}

void readiness::stop() {
  leave_.raise();
  if (thread_.joinable())
    thread_.join();
  std::unordered_map<int, waiting> dropped; // whose end may come back here
  std::lock_guard guard{mutex_};
  dropped.swap(waiting_);
}

/// For one report: a descriptor that nobody waits for wakes nobody, whatever arrives.
bool readiness::arm(int descriptor, const waiting& wanted, bool is_known) const {
  epoll_event interest{};
  interest.events = EPOLLONESHOT;
  if (wanted.read)
    interest.events |= EPOLLIN | EPOLLRDHUP;
  if (wanted.write)
    interest.events |= EPOLLOUT;
  interest.data.fd = descriptor;
  return ::epoll_ctl(events_.get(), is_known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, descriptor, &interest) == 0;
}

void readiness::wait(int descriptor, direction towards, callback done) {
  callback refused;
  {
    std::lock_guard guard{mutex_};
    auto [known, is_new] = waiting_.try_emplace(descriptor);
    auto& slot = towards == direction::read ? known->second.read : known->second.write;
    slot = std::move(done);
    if (!arm(descriptor, known->second, !is_new)) {
      refused = std::exchange(slot, nullptr);
      if (is_new)
        waiting_.erase(known);
    }
  }
  if (refused)
    refused(false);
}

void readiness::forget(int descriptor) {
  waiting given_up;
  {
    std::lock_guard guard{mutex_};
    auto known = waiting_.find(descriptor);
    if (known == waiting_.end())
      return;
    given_up = std::move(known->second);
    waiting_.erase(known);
    ::epoll_ctl(events_.get(), EPOLL_CTL_DEL, descriptor, nullptr);
  }
  for (const auto& done : {given_up.read, given_up.write})
    if (done)
      done(false);
}

/// The number may meanwhile be another descriptor's: then that one reads nothing, and waits again.
void readiness::report(int descriptor, std::uint32_t events) {
  waiting ready;
  {
    std::lock_guard guard{mutex_};
    auto known = waiting_.find(descriptor);
    if (known == waiting_.end())
      return;
    auto& left = known->second;
    if ((events & (EPOLLIN | EPOLLRDHUP | broken)) != 0)
      ready.read = std::exchange(left.read, nullptr);
    if ((events & (EPOLLOUT | broken)) != 0)
      ready.write = std::exchange(left.write, nullptr);
    if ((left.read || left.write) && !arm(descriptor, left, true)) { // the next read or write says what is wrong
      ready.read = ready.read ? std::move(ready.read) : std::exchange(left.read, nullptr);
      ready.write = ready.write ? std::move(ready.write) : std::exchange(left.write, nullptr);
    }
  }
  for (const auto& done : {ready.read, ready.write})
    if (done)
      done(true);
}

void readiness::run() {
  std::array<epoll_event, 64> happened{};
  for (;;) {
    auto count = ::epoll_wait(events_.get(), happened.data(), static_cast<int>(happened.size()), -1);
    if (count < 0 && errno != EINTR)
      return;
    for (int position = 0; position < count; ++position) {
      const auto& one = happened.at(static_cast<std::size_t>(position));
      if (one.data.fd == leave_.get())
        return;
      report(one.data.fd, one.events);
    }
  }
}

} // namespace corestore::actors
