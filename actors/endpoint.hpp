// Where to listen or dial.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace corestore::actors {

struct endpoint {
  bool is_unix = false;
  std::string host; ///< name or numeric address; with `is_unix` the path
  std::uint16_t port = 0;
  std::uint8_t generation = 0; ///< that a dialled peer speaks: 9 or 10; 0 = the store's

  friend bool operator==(const endpoint&, const endpoint&) = default;
};

/// `127.0.0.1:49737`, `[::1]:49737` or `unix:/run/corestore.sock`
std::string to_string(const endpoint& where);

/// `host:port`, `[::1]:port` or `unix:PATH`, with `@9` or `@10` behind it. bad_argument otherwise.
result<endpoint> parse_dial_target(std::string_view text);

} // namespace corestore::actors
