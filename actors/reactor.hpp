// The one thread that watches descriptors. It says *ready* and nothing else: sessions read and write their descriptors
// themselves, so that a slow session never holds up another and an idle one holds no buffer.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <system_error>
#include <thread>

#include <asio.hpp>

#include "actors/endpoint.hpp"
#include "actors/stream.hpp"
#include "base/bytes.hpp"
#include "base/error.hpp"

namespace corestore::actors {

class reactor {
public:
  reactor();
  ~reactor();
  reactor(const reactor&) = delete;
  reactor& operator=(const reactor&) = delete;

  asio::io_context& context() {
    return context_;
  }

  /// Ends the thread; pending waits are dropped. Idempotent.
  void stop();

private:
  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::thread thread_;
};

using stream_socket = asio::generic::stream_protocol::socket;

/// A connected socket, TCP or Unix. Callbacks run on the reactor's thread.
class socket_stream final : public stream, public std::enable_shared_from_this<socket_stream> {
public:
  socket_stream(stream_socket socket, std::string address);

  result<std::size_t> read(std::span<std::uint8_t> target) override;
  result<std::size_t> write(byte_view source) override;
  void wait_readable(callback done) override;
  void wait_writable(callback done) override;
  void close() override;

  [[nodiscard]] const std::string& address() const override {
    return address_;
  }

private:
  void wait(asio::socket_base::wait_type direction, callback done);

  stream_socket socket_;
  int descriptor_; ///< read and written by the session while the reactor's thread owns the socket object
  std::string address_;
};

/// Resolves and connects without blocking; `done` runs on the reactor's thread.
void dial(reactor& io, const endpoint& where, std::function<void(result<stream_ptr>)> done);

/// A listening socket.
class acceptor : public std::enable_shared_from_this<acceptor> {
public:
  /// bad_argument when the address cannot be resolved, storage_failed when it cannot be bound.
  static result<std::shared_ptr<acceptor>> open(reactor& io, const endpoint& where);

  /// The address with the real port.
  [[nodiscard]] const endpoint& where() const {
    return where_;
  }

  /// A waiting connection; an empty pointer when there is none, an error when the system refuses (descriptors).
  result<stream_ptr> accept();

  void wait_readable(stream::callback done);
  void close();

  explicit acceptor(reactor& io);

private:
  asio::basic_socket_acceptor<asio::generic::stream_protocol> socket_;
  endpoint where_;
};

} // namespace corestore::actors
