// What a session reads and writes: a socket, or one end of a pipe in memory.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "base/bytes.hpp"
#include "base/error.hpp"

namespace corestore::actors {

/// A connected byte stream. Reading and writing never block.
class stream {
public:
  /// Called once, maybe at once and from any thread: true when the stream is ready, false when the wait was given up.
  using callback = std::function<void(bool is_ready)>;

  stream() = default;
  virtual ~stream() = default;
  stream(const stream&) = delete;
  stream& operator=(const stream&) = delete;

  /// Bytes read; nothing left for now is 0. connection_closed at the end or after a reset.
  virtual result<std::size_t> read(std::span<std::uint8_t> target) = 0;

  /// Bytes taken, 0 when none are taken for now. connection_closed when nobody will read them.
  virtual result<std::size_t> write(byte_view source) = 0;

  /// One outstanding wait in each direction.
  virtual void wait_readable(callback done) = 0;
  virtual void wait_writable(callback done) = 0;

  /// Ends both directions; outstanding waits end with false.
  virtual void close() = 0;

  /// Who is at the other end, for people.
  [[nodiscard]] virtual const std::string& address() const = 0;
};

using stream_ptr = std::shared_ptr<stream>;

} // namespace corestore::actors
