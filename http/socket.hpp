// One accepted connection as a stream of bytes: blocking for its thread, with a limit on every wait. Nothing waits past
// the end of the server.
#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/descriptor.hpp"
#include "base/error.hpp"
#include "config/address.hpp"

namespace corestore::http {

enum class woken : std::uint8_t {
  readable,  ///< bytes, or the end of the stream
  flagged,   ///< the flag that was passed
  timed_out, ///< neither in time
  stopping,  ///< the server ends
  lost       ///< the other side is gone
};

class socket {
public:
  /// `stop` is raised when the server ends, and outlives the socket.
  socket(descriptor number, const flag& stop) : number_(std::move(number)), stop_(&stop) {
    // nop
  }

  /// Waits for bytes.
  [[nodiscard]] woken wait_for_bytes(std::chrono::milliseconds limit) const;

  /// Waits for `also`, and for the end of the connection; bytes that arrive do not matter.
  [[nodiscard]] woken wait_for_flag(const flag& also, std::chrono::milliseconds limit) const;

  /// Whether nothing more can be read.
  [[nodiscard]] bool has_ended() const;
  /// Whether the other side has closed.
  [[nodiscard]] bool is_lost() const;
  /// Whether the server ends.
  [[nodiscard]] bool is_stopping() const;

  /// Bytes that are there; 0 at the end of the stream, -1 when it broke or has none.
  [[nodiscard]] std::ptrdiff_t read(std::span<char> target) const;

  /// All of it, or false: the other side is gone, or did not take a byte for `write_timeout`.
  [[nodiscard]] bool write(std::string_view first, std::string_view second = {}) const;

  [[nodiscard]] int number() const {
    return number_.get();
  }

  /// No more bytes from this side; the other side sees the end.
  void finish() const;
  /// Both directions end at once, also for a thread that is at it.
  void cut() const;

private:
  descriptor number_;
  const flag* stop_;
};

/// Binds and listens; the address with the port that the system chose. storage_failed with the system's reason.
result<std::pair<descriptor, config::address>> open_listener(const config::address& where);

} // namespace corestore::http
