// IP addresses by prefix: `10.0.0.0/8`, `2001:db8::/32`, or one address. An IPv4 address and its form inside IPv6 are
// the same address.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace corestore {

/// An address of either family: IPv4 as `::ffff:a.b.c.d`.
struct ip_address {
  std::array<std::uint8_t, 16> octets{};

  /// `192.0.2.1`, `2001:db8::1`, `[2001:db8::1]`; nothing for anything else.
  static std::optional<ip_address> parse(std::string_view text);

  [[nodiscard]] bool is_ipv4() const;
  [[nodiscard]] std::string to_string() const;

  friend bool operator==(const ip_address&, const ip_address&) = default;
};

class network_range {
public:
  /// bad_argument for what is neither an address nor a network.
  static result<network_range> parse(std::string_view text);

  /// The addresses that share the first `bits` of the 128.
  network_range(const ip_address& first, unsigned bits);

  [[nodiscard]] bool contains(const ip_address& address) const;
  [[nodiscard]] std::string to_string() const;

  friend bool operator==(const network_range&, const network_range&) = default;

private:
  ip_address first_; ///< all bits behind the prefix are zero
  unsigned bits_ = 128;
};

} // namespace corestore
