// Where to listen or dial.
#pragma once

#include <cstdint>
#include <string>

namespace corestore::actors {

struct endpoint {
  bool is_unix = false;
  std::string host; ///< name or numeric address; with `is_unix` the path
  std::uint16_t port = 0;

  friend bool operator==(const endpoint&, const endpoint&) = default;
};

/// `127.0.0.1:49737`, `[::1]:49737` or `unix:/run/corestore.sock`
std::string to_string(const endpoint& where);

} // namespace corestore::actors
