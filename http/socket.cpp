#include "http/socket.hpp"

#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/inherited.hpp"
#include "base/limits.hpp"

namespace corestore::http {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// How often a peer may leave a wait that the system ended for no reason of ours.
int remaining(steady_clock::time_point end) {
  auto left = std::chrono::duration_cast<milliseconds>(end - steady_clock::now()).count();
  return left < 0 ? 0 : static_cast<int>(std::min<std::int64_t>(left, 1 << 30U));
}

int poll_until(std::span<pollfd> waits, milliseconds limit) {
  auto end = steady_clock::now() + limit;
  for (;;) {
    int ready = ::poll(waits.data(), waits.size(), remaining(end));
    if (ready >= 0 || errno != EINTR)
      return ready;
  }
}

auto cannot_listen(const config::address& where, std::string_view reason) {
  return fail(ec::storage_failed, "http on " + config::to_string(where) + ": " + std::string{reason});
}

result<descriptor> bind_to(const config::address& where, int family, const sockaddr* name, socklen_t size) {
  if (auto inherited = inherited::take(name, size); inherited >= 0)
    return descriptor{inherited};
  descriptor opened{::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!opened.is_open())
    return cannot_listen(where, std::strerror(errno));
  int on = 1;
  if (family != AF_UNIX)
    std::ignore = ::setsockopt(opened.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (::bind(opened.get(), name, size) != 0 || ::listen(opened.get(), SOMAXCONN) != 0)
    return cannot_listen(where, std::strerror(errno));
  return opened;
}

/// A socket file whose server died stands in the way; one that answers belongs to somebody.
void remove_stale(const sockaddr_un& name) {
  descriptor probe{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&name), sizeof(name)) != 0 && errno == ECONNREFUSED)
    ::unlink(static_cast<const char*>(name.sun_path));
}

result<std::pair<descriptor, config::address>> open_local(const config::address& where) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (where.path.size() >= sizeof(name.sun_path))
    return cannot_listen(where, "the path is too long");
  std::memcpy(static_cast<char*>(name.sun_path), where.path.data(), where.path.size());
  remove_stale(name);
  auto bound = bind_to(where, AF_UNIX, reinterpret_cast<const sockaddr*>(&name), sizeof(name));
  if (!bound)
    return fail(bound.error());
  return std::pair{std::move(*bound), where};
}

std::uint16_t port_of(const descriptor& bound) {
  sockaddr_storage name{};
  socklen_t size = sizeof(name);
  if (::getsockname(bound.get(), reinterpret_cast<sockaddr*>(&name), &size) != 0)
    return 0;
  if (name.ss_family == AF_INET6)
    return ntohs(reinterpret_cast<const sockaddr_in6*>(&name)->sin6_port);
  return ntohs(reinterpret_cast<const sockaddr_in*>(&name)->sin_port);
}

} // namespace

woken socket::wait_for_bytes(milliseconds limit) const {
  std::array<pollfd, 2> waits{{{number_.get(), POLLIN, 0}, {stop_->get(), POLLIN, 0}}};
  if (poll_until(waits, limit) <= 0)
    return woken::timed_out;
  if ((waits[0].revents & POLLIN) != 0)
    return woken::readable; // also when all must end: it was said before
  return waits[1].revents != 0 ? woken::stopping : woken::lost;
}

woken socket::wait_for_flag(const flag& also, milliseconds limit) const {
  std::array<pollfd, 3> waits{{{number_.get(), POLLRDHUP, 0}, {stop_->get(), POLLIN, 0}, {also.get(), POLLIN, 0}}};
  if (poll_until(waits, limit) <= 0)
    return woken::timed_out;
  if (waits[1].revents != 0)
    return woken::stopping;
  if (waits[0].revents != 0)
    return woken::lost;
  return woken::flagged;
}

bool socket::has_ended() const {
  char next = 0;
  auto count = ::recv(number_.get(), &next, 1, MSG_PEEK | MSG_DONTWAIT);
  return count == 0 || (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

bool socket::is_lost() const {
  std::array<pollfd, 1> waits{{{number_.get(), POLLRDHUP, 0}}};
  return poll_until(waits, milliseconds{0}) > 0;
}

bool socket::is_stopping() const {
  std::array<pollfd, 1> waits{{{stop_->get(), POLLIN, 0}}};
  return poll_until(waits, milliseconds{0}) > 0;
}

std::ptrdiff_t socket::read(std::span<char> target) const {
  for (;;) {
    auto count = ::recv(number_.get(), target.data(), target.size(), 0);
    if (count >= 0 || errno != EINTR)
      return count;
  }
}

bool socket::write(std::string_view first, std::string_view second) const {
  const auto iovec_of = [](std::string_view text) {
    return iovec{const_cast<char*>(text.data()), text.size()}; // NOLINT: the system only reads
  };
  std::array<iovec, 2> parts{iovec_of(first), iovec_of(second)};
  std::size_t next = 0;
  for (;;) {
    while (next < parts.size() && parts.at(next).iov_len == 0)
      ++next;
    if (next == parts.size())
      return true;
    msghdr message{};
    message.msg_iov = &parts.at(next);
    message.msg_iovlen = parts.size() - next;
    auto count = ::sendmsg(number_.get(), &message, MSG_NOSIGNAL);
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      std::array<pollfd, 1> waits{{{number_.get(), POLLOUT, 0}}};
      if (poll_until(waits, limits::http_write_timeout) <= 0)
        return false;
      continue;
    }
    if (count < 0 && errno != EINTR)
      return false;
    for (auto left = static_cast<std::size_t>(std::max<std::ptrdiff_t>(count, 0)); left > 0;) {
      auto& part = parts.at(next);
      auto taken = std::min(left, part.iov_len);
      part.iov_base = static_cast<char*>(part.iov_base) + taken;
      part.iov_len -= taken;
      left -= taken;
      if (part.iov_len == 0)
        ++next;
    }
  }
}

void socket::finish() const {
  ::shutdown(number_.get(), SHUT_WR);
}

void socket::cut() const {
  ::shutdown(number_.get(), SHUT_RDWR);
}

result<std::pair<descriptor, config::address>> open_listener(const config::address& where) {
  if (where.kind == config::address_kind::local)
    return open_local(where);
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  if (int code = ::getaddrinfo(where.host.c_str(), std::to_string(where.port).c_str(), &hints, &found); code != 0)
    return cannot_listen(where, ::gai_strerror(code));
  result<descriptor> bound = cannot_listen(where, "no address");
  for (auto* each = found; each != nullptr && !bound; each = each->ai_next)
    bound = bind_to(where, each->ai_family, each->ai_addr, each->ai_addrlen);
  ::freeaddrinfo(found);
  if (!bound)
    return fail(bound.error());
  auto name = where;
  name.port = port_of(*bound);
  return std::pair{std::move(*bound), name};
}

} // namespace corestore::http
