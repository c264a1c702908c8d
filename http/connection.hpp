// One request and its answer, as a handler sees them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/problem.hpp"
#include "http/request_reader.hpp"
#include "http/socket.hpp"
#include "http/url.hpp"

namespace corestore::http {

class exchange {
public:
  exchange(const socket& line, const request_header& header) : line_(line), header_(header) {
    // nop
  }

  // -- the request

  std::vector<std::string> arguments; ///< what stands where the route has a placeholder
  query parameters;
  std::string body;

  [[nodiscard]] const request_header& header() const {
    return header_;
  }
  [[nodiscard]] const socket& line() const {
    return line_;
  }

  // -- the answer, in one piece

  void send(int status, std::string_view type, std::string_view content, const header_list& more = {});
  void send_json(std::string_view content) {
    send(200, "application/json", content);
  }
  void send_problem(const problem& why);

  // -- the answer, piece by piece

  /// The header. With a length, exactly so many bytes follow.
  void begin(int status, std::string_view type, const header_list& more = {},
             std::optional<std::uint64_t> length = std::nullopt);
  /// False when nobody reads any more.
  bool write(std::string_view piece);
  void end();

  [[nodiscard]] bool has_begun() const {
    return has_begun_;
  }
  /// No other request can follow on this connection.
  void close_after() {
    is_last_ = true;
  }
  [[nodiscard]] bool is_last() const {
    return is_last_ || !header_.is_keep_alive;
  }
  [[nodiscard]] int status() const {
    return status_;
  }

private:
  [[nodiscard]] std::string head(int status, std::string_view type, const header_list& more) const;
  [[nodiscard]] bool is_head_only() const {
    return header_.method == "HEAD";
  }

  const socket& line_;
  const request_header& header_;
  bool has_begun_ = false;
  bool is_chunked_ = false;
  bool is_last_ = false;
  bool is_broken_ = false;
  int status_ = 0;
};

} // namespace corestore::http
