// Addresses as users write them: `host:port`, `[::1]:port`, `unix:PATH` or `off`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace corestore::config {

enum class address_kind : std::uint8_t {
  off,  ///< the surface is not opened
  tcp,  ///< `host` and `port`
  local ///< a Unix socket at `path`
};

struct address {
  address_kind kind = address_kind::off;
  std::string host;            ///< a name or a literal; IPv6 without its brackets
  std::uint16_t port = 0;      ///< 0 = any free port; only where one listens
  std::string path;            ///< of a Unix socket; 107 bytes at most
  std::uint8_t generation = 0; ///< 9 or 10 when the suffix `@9` or `@10` says so; 0 = the store's

  friend bool operator==(const address&, const address&) = default;
};

/// An address to listen on, or `off`. bad_argument says what is wrong with it.
result<address> parse_listen_address(std::string_view text);

/// An address to dial: never `off`, never port 0, with an optional suffix `@9` or `@10`. bad_argument otherwise.
result<address> parse_dial_address(std::string_view text);

/// The form that parses back to the same address.
std::string to_string(const address& what);

/// Whether only this machine can reach it: a Unix socket, `localhost`, 127.0.0.0/8 or ::1.
bool is_loopback(const address& what);

} // namespace corestore::config
