// What watches descriptors, and what is watched: sockets that listen, are dialled, and are connected. It says *ready*
// and nothing else: sessions read and write their descriptors themselves, so that a slow session never holds up another
// and an idle one holds no buffer.
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
#include "actors/readiness.hpp"
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

  /// Resolves, dials and accepts.
  asio::io_context& context() {
    return context_;
  }

  /// Waits for sockets that are connected.
  [[nodiscard]] const std::shared_ptr<readiness>& connected() const {
    return connected_;
  }

  /// Ends the threads; pending waits are dropped. Idempotent.
  void stop();

private:
  std::shared_ptr<readiness> connected_ = std::make_shared<readiness>();
  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::thread thread_;
};

using stream_socket = asio::generic::stream_protocol::socket;

/// A connected socket, TCP or Unix. Callbacks run on a thread of the reactor.
class socket_stream final : public stream {
public:
  socket_stream(const reactor& io, stream_socket socket, std::string address);
  ~socket_stream() override;
  socket_stream(const socket_stream&) = delete;
  socket_stream& operator=(const socket_stream&) = delete;

  result<std::size_t> read(std::span<std::uint8_t> target) override;
  result<std::size_t> write(byte_view source) override;
  void wait_readable(callback done) override;
  void wait_writable(callback done) override;
  void close() override;

  [[nodiscard]] const std::string& address() const override {
    return address_;
  }

private:
  std::shared_ptr<readiness> connected_;
  descriptor descriptor_; ///< open until the end of this object: nobody reads or writes one that has its number by then
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
  reactor& io_;
  asio::basic_socket_acceptor<asio::generic::stream_protocol> socket_;
  endpoint where_;
};

} // namespace corestore::actors
