// One HTTP/1.1 request off a socket: the header first, so that a route can refuse before a byte of the body is taken.
// Boost.Beast parses; it sees bytes only.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "http/problem.hpp"
#include "http/socket.hpp"

namespace corestore::http {

struct request_header {
  std::string method;
  std::string target;
  std::string content_type; ///< lower case, without parameters
  std::string content_encoding;
  std::string range;
  std::string authorization;
  std::string origin;
  std::string host;
  bool is_keep_alive = true;
  bool is_http_10 = false;
  bool has_body = false;
};

enum class read_state : std::uint8_t {
  complete,
  closed, ///< nobody is there to be answered: the stream ended, or the server stops
  idle,   ///< not a byte of another request came in time
  refused ///< `problem` says what is wrong with the bytes
};

/// Reads the requests of one connection, one after the other; what belongs to the next one is kept.
class request_reader {
public:
  explicit request_reader(const socket& from);
  ~request_reader();
  request_reader(const request_reader&) = delete;
  request_reader& operator=(const request_reader&) = delete;

  /// Reads the header of the next request; its first byte has to come within `patience`.
  read_state next(std::chrono::milliseconds patience);
  [[nodiscard]] const request_header& header() const {
    return header_;
  }
  /// The body, if it has at most so many bytes.
  read_state body(std::size_t bytes_max);
  [[nodiscard]] std::string& content() {
    return content_;
  }
  /// Whether the body of the request was taken off the stream: if not, no other request can follow.
  [[nodiscard]] bool is_done() const;
  /// Why a read was refused.
  [[nodiscard]] const problem& reason() const {
    return reason_;
  }
  /// Reads and drops what still comes, for a while: a client that is still sending would not see the answer.
  void drain() const;

private:
  struct parser;

  read_state fill(std::chrono::milliseconds limit);
  read_state refuse(int status, std::string detail);
  void take_header();

  const socket& from_;
  std::unique_ptr<parser> parser_;
  std::string input_; ///< read and not parsed
  request_header header_;
  std::string content_;
  problem reason_{error{}};
  std::size_t reserved_ = 0; ///< of the budget of all bodies
};

} // namespace corestore::http
