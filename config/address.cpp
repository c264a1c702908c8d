#include "config/address.hpp"

#include <algorithm>
#include <charconv>

namespace corestore::config {

namespace {

/// `sun_path` holds 108 bytes, one of them the terminator.
constexpr std::size_t socket_path_bytes_max = 107;

/// A host name, as DNS bounds it.
constexpr std::size_t host_bytes_max = 253;

auto refuse(std::string_view text, std::string_view reason) {
  return fail(ec::bad_argument, "'" + std::string{text} + "' is not an address: " + std::string{reason});
}

result<std::uint16_t> parse_port(std::string_view whole, std::string_view text) {
  std::uint32_t port = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (text.empty() || problem == std::errc::invalid_argument || end != text.data() + text.size())
    return refuse(whole, "a port number is expected after the last colon");
  if (problem != std::errc{} || port > 65535)
    return refuse(whole, "the port is not between 0 and 65535");
  return static_cast<std::uint16_t>(port);
}

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

bool is_literal_character(char c) { // of an IPv6 literal with an optional zone
  return is_host_character(c) || c == ':' || c == '%';
}

result<address> parse_local(std::string_view text) {
  auto path = text.substr(std::string_view{"unix:"}.size());
  if (path.empty())
    return refuse(text, "a path is expected after unix:");
  if (path.size() > socket_path_bytes_max)
    return refuse(text, "the path of a Unix socket is at most 107 bytes long");
  if (path.find('\0') != std::string_view::npos)
    return refuse(text, "the path holds a zero byte");
  return address{.kind = address_kind::local, .host = {}, .port = 0, .path = std::string{path}, .generation = 0};
}

result<address> parse_tcp(std::string_view text) {
  std::string_view host;
  std::string_view port;
  if (text.starts_with('[')) {
    auto end = text.find("]:");
    if (end == std::string_view::npos)
      return refuse(text, "an IPv6 address is written [address]:port");
    host = text.substr(1, end - 1);
    port = text.substr(end + 2);
    if (host.find(':') == std::string_view::npos || !std::all_of(host.begin(), host.end(), is_literal_character))
      return refuse(text, "an IPv6 address is expected between the brackets");
  } else {
    auto colon = text.rfind(':');
    if (colon == std::string_view::npos)
      return refuse(text, "expected host:port, [address]:port, unix:PATH or off");
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    if (host.empty())
      return refuse(text, "the host is missing");
    if (host.find(':') != std::string_view::npos)
      return refuse(text, "an IPv6 address is written [address]:port");
    if (host.size() > host_bytes_max || !std::all_of(host.begin(), host.end(), is_host_character))
      return refuse(text, "the host holds a character that no host name has, or is too long");
  }
  return parse_port(text, port).map([&](std::uint16_t number) {
    return address{.kind = address_kind::tcp, .host = std::string{host}, .port = number, .path = {}, .generation = 0};
  });
}

} // namespace

result<address> parse_listen_address(std::string_view text) {
  if (text == "off")
    return address{};
  return text.starts_with("unix:") ? parse_local(text) : parse_tcp(text);
}

result<address> parse_dial_address(std::string_view text) {
  std::uint8_t generation = 0;
  auto plain = text;
  if (text.ends_with("@10"))
    generation = 10;
  else if (text.ends_with("@9"))
    generation = 9;
  if (generation != 0)
    plain = text.substr(0, text.rfind('@'));
  auto parsed = parse_listen_address(plain);
  if (!parsed)
    return parsed;
  if (parsed->kind == address_kind::off)
    return refuse(text, "nothing can be dialled there");
  if (parsed->kind == address_kind::tcp && parsed->port == 0)
    return refuse(text, "port 0 cannot be dialled");
  parsed->generation = generation;
  return parsed;
}

std::string to_string(const address& what) {
  std::string text;
  switch (what.kind) {
  case address_kind::off:
    return "off";
  case address_kind::local:
    text = "unix:" + what.path;
    break;
  case address_kind::tcp:
    text = what.host.find(':') == std::string::npos ? what.host : "[" + what.host + "]";
    text += ":" + std::to_string(what.port);
    break;
  }
  if (what.generation != 0)
    text += "@" + std::to_string(what.generation);
  return text;
}

bool is_loopback(const address& what) {
  if (what.kind != address_kind::tcp)
    return true;
  auto is_numeric = what.host.find_first_not_of("0123456789.") == std::string::npos;
  return what.host == "localhost" || what.host == "::1" || (is_numeric && what.host.starts_with("127."));
}

} // namespace corestore::config
