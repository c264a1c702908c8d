#include "http/server.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <utility>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.hpp"

namespace corestore::http {

namespace {

using std::chrono::milliseconds;

/// Requests that are being answered may take that long to finish when the server ends.
constexpr milliseconds grace{3000};

/// A thread waits that long for another request before the connection counts as idle: clients that ask one thing after
/// the other keep theirs.
constexpr milliseconds linger{300};

/// How often connections that have been idle for too long are looked for.
constexpr int look_interval_ms = 1000;

/// At the end, for the first request of those who were accepted already, and how often that is looked for.
constexpr milliseconds first_request_patience{200};
constexpr int last_look_ms = 10;

/// Stack of one connection's thread: handlers keep blocks on the heap.
constexpr std::size_t stack_bytes = std::size_t{1} << 20U;

constexpr std::string_view busy =
  "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\n"
  "Content-Type: application/json\r\nContent-Length: 86\r\n\r\n"
  "{\"error\":{\"code\":\"limit_exceeded\",\"message\":\"too many connections; try again later\"}}";

/// Runs `body` in a detached thread with a small stack; false when the system has none left.
bool run_detached(std::function<void()> body) {
  pthread_attr_t attributes{};
  if (pthread_attr_init(&attributes) != 0)
    return false;
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, stack_bytes);
  auto held = std::make_unique<std::function<void()>>(std::move(body));
  pthread_t thread{};
  auto start = [](void* argument) -> void* {
    std::unique_ptr<std::function<void()>> work{static_cast<std::function<void()>*>(argument)};
    (*work)();
    return nullptr;
  };
  auto failed = pthread_create(&thread, &attributes, start, held.get()) != 0;
  pthread_attr_destroy(&attributes);
  if (!failed)
    std::ignore = held.release();
  return !failed;
}

} // namespace

server::server(server_settings settings, router routes, std::shared_ptr<server_counters> counters)
    : settings_(std::move(settings)), routes_(std::move(routes)), counters_(std::move(counters)) {
  // nop
}

result<std::unique_ptr<server>> server::start(server_settings settings, router routes,
                                              std::shared_ptr<server_counters> counters) {
  auto opened = open_listener(settings.listen);
  if (!opened)
    return fail(opened.error());
  std::unique_ptr<server> started{new server(std::move(settings), std::move(routes), std::move(counters))};
  auto* raw = started.get();
  raw->listening_ = std::move(opened->first);
  raw->where_ = opened->second;
  raw->events_ = descriptor{::epoll_create1(EPOLL_CLOEXEC)};
  for (auto number : {raw->listening_.get(), raw->leave_.get(), raw->has_returned_.get()})
    if (!raw->watch(number, EPOLLIN))
      return fail(ec::storage_failed, "http: " + std::string{std::strerror(errno)});
  raw->watching_ = std::thread{[raw] {
    raw->watch_all();
  }};
  return started;
}

server::~server() {
  stop();
}

void server::stop() {
  if (!watching_.joinable())
    return;
  leave_.raise();
  watching_.join();
  stop_.raise();
  listening_ = {};
  if (where_.kind == config::address_kind::local)
    ::unlink(where_.path.c_str());
  std::unique_lock guard{mutex_};
  is_closing_ = true;
  for (const auto& [number, parked] : idle_)
    live_.erase(parked.line);
  for (const auto& line : returned_)
    live_.erase(line);
  idle_.clear();
  returned_.clear();
  if (changed_.wait_for(guard, grace, [this] { return live_.empty(); }))
    return;
  for (const auto& line : live_)
    line->cut();
  changed_.wait(guard, [this] { return live_.empty(); });
}

// -- the thread that accepts

bool server::watch(int number, std::uint32_t events) const {
  epoll_event wanted{};
  wanted.events = events;
  wanted.data.fd = number;
  return ::epoll_ctl(events_.get(), EPOLL_CTL_ADD, number, &wanted) == 0;
}

void server::watch_all() {
  std::array<epoll_event, 64> ready{};
  auto until = std::chrono::steady_clock::time_point::max();
  bool is_leaving = false;
  while (!is_leaving || (awaits_first_requests() && std::chrono::steady_clock::now() < until)) {
    auto patience = is_leaving ? last_look_ms : look_interval_ms;
    int count = ::epoll_wait(events_.get(), ready.data(), static_cast<int>(ready.size()), patience);
    if (count < 0 && errno != EINTR)
      return;
    for (int position = 0; position < count; ++position) {
      auto number = ready.at(static_cast<std::size_t>(position)).data.fd;
      if (number == leave_.get()) {
        for (auto over : {leave_.get(), listening_.get()})
          ::epoll_ctl(events_.get(), EPOLL_CTL_DEL, over, nullptr);
        is_leaving = true;
        until = std::chrono::steady_clock::now() + first_request_patience;
      } else if (number == listening_.get() && !is_leaving)
        accept_one();
      else if (number == has_returned_.get())
        park_returned();
      else
        wake(number);
    }
    close_overdue();
  }
}

void server::accept_one() {
  descriptor accepted{::accept4(listening_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
  if (!accepted.is_open()) {
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
      // Nothing can be accepted until something is closed: try again, but do not spin.
      std::array<pollfd, 1> pause{{{leave_.get(), POLLIN, 0}}};
      ::poll(pause.data(), pause.size(), 100);
    }
    return;
  }
  int on = 1;
  std::ignore = ::setsockopt(accepted.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  // A stream that says nothing for hours still notices a client whose machine is gone.
  std::ignore = ::setsockopt(accepted.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
  ++counters_->accepted;
  auto line = std::make_shared<socket>(std::move(accepted), stop_);
  if (enter(line))
    park(std::move(line), true);
  else
    refuse(*line);
}

bool server::awaits_first_requests() const {
  return std::any_of(idle_.begin(), idle_.end(), [](const auto& entry) { return entry.second.is_new; });
}

void server::park(line_ptr line, bool is_new) {
  auto number = line->number();
  if (!watch(number, EPOLLIN | EPOLLRDHUP)) {
    leave(line);
    return;
  }
  idle_[number] = {std::move(line), std::chrono::steady_clock::now() + limits::http_idle_timeout, is_new};
}

void server::park_returned() {
  std::vector<line_ptr> lines;
  {
    std::lock_guard guard{mutex_};
    has_returned_.lower();
    lines = std::exchange(returned_, {});
  }
  for (auto& line : lines)
    park(std::move(line), false);
}

/// Bytes came, or the end: what has a request gets a thread.
void server::wake(int number) {
  auto found = idle_.find(number);
  if (found == idle_.end())
    return;
  auto line = std::move(found->second.line);
  idle_.erase(found);
  ::epoll_ctl(events_.get(), EPOLL_CTL_DEL, number, nullptr);
  if (line->has_ended()) {
    leave(line);
    return;
  }
  if (run_detached([this, line] { serve(line); }))
    return;
  refuse(*line);
  leave(line);
}

void server::close_overdue() {
  auto now = std::chrono::steady_clock::now();
  if (now < next_look_)
    return;
  next_look_ = now + std::chrono::milliseconds{look_interval_ms};
  for (auto each = idle_.begin(); each != idle_.end();) {
    if (each->second.until > now) {
      ++each;
      continue;
    }
    ::epoll_ctl(events_.get(), EPOLL_CTL_DEL, each->first, nullptr);
    leave(each->second.line);
    each = idle_.erase(each);
  }
}

// -- all threads

bool server::enter(const line_ptr& line) {
  std::lock_guard guard{mutex_};
  if (live_.size() >= settings_.connections_max)
    return false;
  live_.insert(line);
  counters_->connections = live_.size();
  return true;
}

void server::leave(const line_ptr& line) {
  std::lock_guard guard{mutex_};
  live_.erase(line);
  counters_->connections = live_.size();
  changed_.notify_all();
}

void server::refuse(const socket& line) const {
  ++counters_->refused;
  std::ignore = ::send(line.number(), busy.data(), busy.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  line.finish();
}

// -- the thread of a connection

void server::serve(const line_ptr& line) {
  ++counters_->busy;
  bool is_idle = talk(*line);
  --counters_->busy;
  if (is_idle) {
    std::lock_guard guard{mutex_};
    if (!is_closing_) {
      returned_.push_back(line);
      has_returned_.raise();
      return;
    }
  }
  leave(line); // the last that this thread does with the server
}

bool server::talk(const socket& line) {
  request_reader reader{line};
  do { // what was asked before the end is answered
    switch (reader.next(linger)) {
    case read_state::complete:
      if (!answer(reader, line))
        return false;
      break;
    case read_state::refused: {
      exchange refused{line, reader.header()};
      refused.close_after();
      refused.send_problem(reader.reason());
      line.finish();
      reader.drain();
      return false;
    }
    case read_state::idle:
      return true;
    case read_state::closed:
      return false;
    }
  } while (!line.is_stopping());
  return false;
}

bool server::answer(request_reader& reader, const socket& line) {
  ++counters_->requests;
  exchange handled{line, reader.header()};
  if (line.is_stopping())
    handled.close_after();
  auto done = routes_.answer(reader, handled);
  if (!reader.is_done())
    handled.close_after();
  if (!done && !handled.has_begun())
    handled.send_problem(done.error());
  if (handled.status() >= 500)
    ++counters_->failures;
  if (!handled.is_last())
    return true;
  line.finish();
  if (!reader.is_done())
    reader.drain();
  return false;
}

} // namespace corestore::http
