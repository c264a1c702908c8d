// Which request goes where, and what it must bring: the table of routes, authority, media types and sizes of bodies.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "http/connection.hpp"

namespace corestore::http {

enum class body_kind : std::uint8_t {
  none,   ///< ignored, and short
  object, ///< an object, or nothing
  octets, ///< taken as it is: `application/octet-stream`, `application/json`, `text/plain`, or untold
  blocks  ///< `application/octet-stream`: one block; `application/json`: a list of blocks
};

struct route {
  std::string_view method;
  std::string_view path; ///< `/v1/cores/{}/blocks`: `{}` stands for one segment
  std::function<outcome(exchange&)> handler;
  body_kind body = body_kind::none;
  std::size_t octets_max = 0;   ///< of a body that is taken as it is
  bool is_guarded_read = false; ///< a GET that asks for the same authority as a write

  [[nodiscard]] bool needs_authority() const {
    return method != "GET" || is_guarded_read;
  }
};

/// Who may do what.
struct authority {
  bool is_token_needed = false; ///< for writes: the address is not loopback
  bool is_host_checked = false; ///< only names of this machine: pages that rebind their name stay out
  std::string token;
};

class router {
public:
  router(std::vector<route> routes, authority who);

  /// Finds the route, checks what it asks for, reads the body and runs the handler.
  outcome answer(request_reader& reader, exchange& into) const;

private:
  struct entry {
    route what;
    std::vector<std::string> segments;
  };

  [[nodiscard]] tl::expected<const route*, problem>
  find(const std::string& method, const std::vector<std::string>& segments, std::vector<std::string>& arguments) const;
  [[nodiscard]] outcome admit(const route& wanted, const request_header& header) const;

  std::vector<entry> entries_;
  authority authority_;
};

} // namespace corestore::http
