#include "actors/reactor.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/inherited.hpp"

namespace corestore::actors {

namespace {

result<std::size_t> outcome_of(ssize_t count, const std::string& address) {
  if (count > 0)
    return static_cast<std::size_t>(count);
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
    return std::size_t{0};
  if (count == 0)
    return fail(ec::connection_closed, address + " closed the connection");
  return fail(ec::connection_closed, address + ": " + std::error_code(errno, std::generic_category()).message());
}

std::string text_of(const asio::ip::tcp::endpoint& remote) {
  return to_string(endpoint{false, remote.address().to_string(), remote.port()});
}

void set_no_delay(stream_socket& socket) {
  std::error_code ignored; // a Unix socket has no such option
  socket.set_option(asio::ip::tcp::no_delay{true}, ignored);
}

} // namespace

reactor::reactor() : work_(asio::make_work_guard(context_)), thread_([this] { context_.run(); }) {
  // nop
}

reactor::~reactor() {
  stop();
}

void reactor::stop() {
  work_.reset();
  context_.stop();
  if (thread_.joinable())
    thread_.join();
  connected_->stop();
}

/// asio keeps a descriptor registered for edges, so that each arrival wakes its thread, also while nobody waits for
/// one: three times for each answer to a peer that asks in small groups. Connected sockets are taken from it.
socket_stream::socket_stream(const reactor& io, stream_socket socket, std::string address)
    : connected_(io.connected()), address_(std::move(address)) {
  set_no_delay(socket);
  std::error_code ignored; // it has no operation under way that could be cancelled
  descriptor_ = descriptor{socket.release(ignored)};
}

socket_stream::~socket_stream() {
  close();
}

result<std::size_t> socket_stream::read(std::span<std::uint8_t> target) {
  return outcome_of(::recv(descriptor_.get(), target.data(), target.size(), MSG_DONTWAIT), address_);
}

result<std::size_t> socket_stream::write(byte_view source) {
  return outcome_of(::send(descriptor_.get(), source.data(), source.size(), MSG_DONTWAIT | MSG_NOSIGNAL), address_);
}

void socket_stream::wait_readable(callback done) {
  connected_->wait(descriptor_.get(), readiness::direction::read, std::move(done));
}

void socket_stream::wait_writable(callback done) {
  connected_->wait(descriptor_.get(), readiness::direction::write, std::move(done));
}

void socket_stream::close() {
  connected_->forget(descriptor_.get());
  ::shutdown(descriptor_.get(), SHUT_RDWR); // fails when the other side has gone first
}

namespace {

struct tcp_dial {
  explicit tcp_dial(asio::io_context& context) : resolver(context), socket(context) {
    // nop
  }
  asio::ip::tcp::resolver resolver;
  asio::ip::tcp::socket socket;
};

void dial_unix(reactor& io, const endpoint& where, std::function<void(result<stream_ptr>)> done) {
  auto socket = std::make_shared<asio::local::stream_protocol::socket>(io.context());
  if (where.host.size() >= sizeof(sockaddr_un::sun_path)) {
    done(fail(ec::bad_argument, "the socket path is too long: " + where.host));
    return;
  }
  socket->async_connect(where.host, [&io, socket, where, done = std::move(done)](std::error_code failure) {
    if (failure)
      done(fail(ec::connection_closed, to_string(where) + ": " + failure.message()));
    else
      done(std::make_shared<socket_stream>(io, stream_socket{std::move(*socket)}, to_string(where)));
  });
}

} // namespace

void dial(reactor& io, const endpoint& where, std::function<void(result<stream_ptr>)> done) {
  if (where.is_unix) {
    dial_unix(io, where, std::move(done));
    return;
  }
  auto attempt = std::make_shared<tcp_dial>(io.context());
  auto connected = [&io, attempt, where, done](std::error_code failure, const asio::ip::tcp::endpoint&) {
    if (failure)
      done(fail(ec::connection_closed, to_string(where) + ": " + failure.message()));
    else
      done(std::make_shared<socket_stream>(io, stream_socket{std::move(attempt->socket)}, to_string(where)));
  };
  auto resolved = [attempt, where, done, connected](std::error_code failure,
                                                    const asio::ip::tcp::resolver::results_type& found) {
    if (failure)
      done(fail(ec::connection_closed, to_string(where) + ": " + failure.message()));
    else
      asio::async_connect(attempt->socket, found, connected);
  };
  attempt->resolver.async_resolve(where.host, std::to_string(where.port), resolved);
}

acceptor::acceptor(reactor& io) : io_(io), socket_(io.context()) {
  // nop
}

result<std::shared_ptr<acceptor>> acceptor::open(reactor& io, const endpoint& where) {
  auto opened = std::make_shared<acceptor>(io);
  opened->where_ = where;
  std::error_code failure;
  if (where.is_unix) {
    if (where.host.size() >= sizeof(sockaddr_un::sun_path))
      return fail(ec::bad_argument, "the socket path is too long: " + where.host);
    struct stat existing {};
    if (::lstat(where.host.c_str(), &existing) == 0 && S_ISSOCK(existing.st_mode)) {
      // A socket that nobody listens on any more is left over from a killed process.
      asio::io_context probing;
      asio::local::stream_protocol::socket probe(probing);
      std::error_code refused;
      probe.connect(asio::local::stream_protocol::endpoint{where.host}, refused);
      if (refused == asio::error::connection_refused)
        ::unlink(where.host.c_str());
    }
    asio::local::stream_protocol::endpoint address{where.host};
    opened->socket_.open(address.protocol(), failure);
    if (!failure)
      opened->socket_.bind(address, failure);
  } else {
    asio::io_context resolving;
    asio::ip::tcp::resolver resolver(resolving);
    auto found = resolver.resolve(where.host, std::to_string(where.port), asio::ip::tcp::resolver::passive, failure);
    if (failure || found.empty())
      return fail(ec::bad_argument, "cannot resolve " + to_string(where) + ": " + failure.message());
    auto address = found.begin()->endpoint();
    auto inherited = inherited::take(address.data(), static_cast<socklen_t>(address.size()));
    if (inherited >= 0)
      opened->socket_.assign(address.protocol(), inherited, failure);
    else
      opened->socket_.open(address.protocol(), failure);
    if (!failure && inherited < 0)
      opened->socket_.set_option(asio::socket_base::reuse_address{true}, failure);
    if (!failure && inherited < 0)
      opened->socket_.bind(address, failure);
    if (!failure) {
      asio::ip::tcp::endpoint bound;
      auto local = opened->socket_.local_endpoint(failure);
      bound.resize(local.size());
      std::memcpy(bound.data(), local.data(), local.size());
      opened->where_.host = bound.address().to_string();
      opened->where_.port = bound.port();
    }
  }
  if (!failure)
    opened->socket_.listen(asio::socket_base::max_listen_connections, failure);
  if (!failure)
    opened->socket_.non_blocking(true, failure);
  if (failure)
    return fail(ec::storage_failed, "cannot listen on " + to_string(where) + ": " + failure.message());
  return opened;
}

result<stream_ptr> acceptor::accept() {
  std::error_code failure;
  asio::generic::stream_protocol::endpoint remote;
  stream_socket socket(socket_.get_executor());
  socket_.accept(socket, remote, failure);
  if (failure == asio::error::would_block || failure == asio::error::try_again ||
      failure == asio::error::connection_aborted)
    return stream_ptr{};
  if (failure)
    return fail(ec::limit_exceeded, "cannot accept on " + to_string(where_) + ": " + failure.message());
  auto address = to_string(where_);
  if (!where_.is_unix && remote.size() > 0) {
    asio::ip::tcp::endpoint peer;
    peer.resize(remote.size());
    std::memcpy(peer.data(), remote.data(), remote.size());
    address = text_of(peer);
  }
  return std::make_shared<socket_stream>(io_, std::move(socket), address);
}

void acceptor::wait_readable(stream::callback done) {
  socket_.async_wait(asio::socket_base::wait_read,
                     [keep = shared_from_this(), done = std::move(done)](std::error_code failure) { done(!failure); });
}

void acceptor::close() {
  asio::post(socket_.get_executor(), [keep = shared_from_this()] {
    std::error_code ignored; // closing twice is fine
    keep->socket_.close(ignored);
    if (keep->where_.is_unix)
      ::unlink(keep->where_.host.c_str());
  });
}

} // namespace corestore::actors
