#include "base/network_range.hpp"

#include <algorithm>
#include <charconv>

#include <arpa/inet.h>

namespace corestore {

namespace {

constexpr std::array<std::uint8_t, 12> mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr unsigned mapped_bits = 96;
constexpr unsigned all_bits = 128;

/// Longer texts are no addresses.
constexpr std::size_t text_max = 64;

std::uint8_t mask_of(unsigned position, unsigned bits) {
  if (bits >= 8 * (position + 1))
    return 0xff;
  if (bits <= 8 * position)
    return 0;
  return static_cast<std::uint8_t>(0xffU << (8 - (bits - 8 * position)));
}

} // namespace

std::optional<ip_address> ip_address::parse(std::string_view text) {
  if (text.size() > 2 && text.front() == '[' && text.back() == ']')
    text = text.substr(1, text.size() - 2);
  if (text.empty() || text.size() > text_max)
    return std::nullopt;
  std::string terminated{text};
  ip_address found;
  if (::inet_pton(AF_INET6, terminated.c_str(), found.octets.data()) == 1)
    return found;
  std::copy(mapped_prefix.begin(), mapped_prefix.end(), found.octets.begin());
  if (::inet_pton(AF_INET, terminated.c_str(), found.octets.data() + mapped_prefix.size()) == 1)
    return found;
  return std::nullopt;
}

bool ip_address::is_ipv4() const {
  return std::equal(mapped_prefix.begin(), mapped_prefix.end(), octets.begin());
}

std::string ip_address::to_string() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const auto* printed = is_ipv4() ? ::inet_ntop(AF_INET, octets.data() + mapped_prefix.size(), text.data(), text.size())
                                  : ::inet_ntop(AF_INET6, octets.data(), text.data(), text.size());
  return printed == nullptr ? std::string{} : std::string{printed};
}

result<network_range> network_range::parse(std::string_view text) {
  auto refuse = [&] {
    return fail(ec::bad_argument, "'" + std::string{text} + "' is no network: 192.0.2.1, 10.0.0.0/8, 2001:db8::/32");
  };
  auto slash = text.find('/');
  auto address = ip_address::parse(text.substr(0, slash));
  if (!address)
    return refuse();
  if (slash == std::string_view::npos)
    return network_range{*address, all_bits};
  auto digits = text.substr(slash + 1);
  unsigned bits = 0;
  auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  bool is_short = address->is_ipv4() && text.find(':') == std::string_view::npos;
  if (failure != std::errc{} || end != digits.data() + digits.size() || bits > (is_short ? 32U : all_bits))
    return refuse();
  network_range range{*address, is_short ? mapped_bits + bits : bits};
  if (range.first_ != *address)
    return fail(ec::bad_argument, "'" + std::string{text} + "' has bits behind its prefix: " + range.to_string());
  return range;
}

network_range::network_range(const ip_address& first, unsigned bits) : first_(first), bits_(bits) {
  for (unsigned position = 0; position < first_.octets.size(); ++position)
    first_.octets.at(position) &= mask_of(position, bits_);
}

bool network_range::contains(const ip_address& address) const {
  return network_range{address, bits_}.first_ == first_;
}

std::string network_range::to_string() const {
  if (bits_ == all_bits)
    return first_.to_string();
  bool is_short = first_.is_ipv4() && bits_ >= mapped_bits;
  return first_.to_string() + "/" + std::to_string(is_short ? bits_ - mapped_bits : bits_);
}

} // namespace corestore
