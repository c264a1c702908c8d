#include "http/server.hpp"

#include <cerrno>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

namespace corestore::http {

namespace {

using std::chrono::milliseconds;

/// Requests that are being answered may take that long to finish when the server ends.
constexpr milliseconds grace{3000};

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
  started->listening_ = std::move(opened->first);
  started->where_ = opened->second;
  started->accepting_ = std::thread{[raw = started.get()] {
    raw->accept_all();
  }};
  return started;
}

server::~server() {
  stop();
}

void server::stop() {
  if (std::exchange(is_stopped_, true))
    return;
  stop_.raise();
  accepting_.join();
  listening_ = {};
  if (where_.kind == config::address_kind::local)
    ::unlink(where_.path.c_str());
  std::unique_lock guard{mutex_};
  if (changed_.wait_for(guard, grace, [this] { return live_.empty(); }))
    return;
  for (const auto* line : live_)
    line->cut();
  changed_.wait(guard, [this] { return live_.empty(); });
}

void server::accept_all() {
  std::array<pollfd, 2> waits{{{listening_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
  for (;;) {
    if (::poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR)
      return;
    if (waits[1].revents != 0)
      return;
    descriptor accepted{::accept4(listening_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
    if (accepted.is_open()) {
      admit(std::move(accepted));
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
      // Nothing can be accepted until something is closed: try again, but do not spin.
      std::array<pollfd, 1> pause{{{stop_.get(), POLLIN, 0}}};
      ::poll(pause.data(), pause.size(), 100);
    }
  }
}

void server::admit(descriptor accepted) {
  int on = 1;
  std::ignore = ::setsockopt(accepted.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  // A stream that says nothing for hours still notices a client whose machine is gone.
  std::ignore = ::setsockopt(accepted.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
  ++counters_->accepted;
  auto line = std::make_shared<socket>(std::move(accepted), stop_);
  {
    std::lock_guard guard{mutex_};
    if (live_.size() < settings_.connections_max) {
      live_.insert(line.get());
      counters_->connections = live_.size();
    }
  }
  auto leave = [this, line] {
    std::lock_guard guard{mutex_};
    live_.erase(line.get());
    counters_->connections = live_.size();
    changed_.notify_all();
  };
  bool is_admitted = false;
  {
    std::lock_guard guard{mutex_};
    is_admitted = live_.contains(line.get());
  }
  auto work = [this, line, leave]() mutable {
    serve(*line);
    leave();
  };
  if (is_admitted && run_detached(std::move(work)))
    return;
  if (is_admitted)
    leave();
  ++counters_->refused;
  std::ignore = ::send(line->number(), busy.data(), busy.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  line->finish();
}

void server::serve(const socket& line) {
  request_reader reader{line};
  bool goes_on = true;
  while (goes_on && !line.is_stopping()) {
    switch (reader.next()) {
    case read_state::complete:
      goes_on = answer(reader, line);
      break;
    case read_state::refused: {
      exchange refused{line, reader.header()};
      refused.close_after();
      refused.send_problem(reader.reason());
      goes_on = false;
      line.finish();
      reader.drain();
      break;
    }
    case read_state::closed:
      goes_on = false;
      break;
    }
  }
}

bool server::answer(request_reader& reader, const socket& line) {
  ++counters_->requests;
  exchange handled{line, reader.header()};
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
