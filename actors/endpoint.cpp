#include "actors/endpoint.hpp"

#include <charconv>

namespace corestore::actors {

namespace {

constexpr std::string_view unix_prefix = "unix:";
constexpr std::size_t unix_path_bytes_max = 107; ///< what a socket address holds

tl::unexpected<error> malformed(std::string_view text) {
  return fail(ec::bad_argument, "`" + std::string{text} + "` is not host:port or unix:PATH, with @9 or @10 behind it");
}

} // namespace

std::string to_string(const endpoint& where) {
  if (where.is_unix)
    return "unix:" + where.host;
  auto host = where.host.find(':') == std::string::npos ? where.host : "[" + where.host + "]";
  return host + ":" + std::to_string(where.port);
}

result<endpoint> parse_dial_target(std::string_view text) {
  endpoint target;
  auto rest = text;
  for (std::uint8_t generation : {std::uint8_t{9}, std::uint8_t{10}}) {
    auto suffix = "@" + std::to_string(generation);
    if (rest.ends_with(suffix)) {
      rest.remove_suffix(suffix.size());
      target.generation = generation;
      break;
    }
  }
  if (rest.starts_with(unix_prefix)) {
    auto path = rest.substr(unix_prefix.size());
    if (path.empty() || path.size() > unix_path_bytes_max)
      return malformed(text);
    target.is_unix = true;
    target.host = std::string{path};
    return target;
  }
  auto colon = rest.rfind(':');
  if (colon == std::string_view::npos || colon == 0)
    return malformed(text);
  auto host = rest.substr(0, colon);
  auto digits = rest.substr(colon + 1);
  if (host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  else if (host.find(':') != std::string_view::npos)
    return malformed(text);
  unsigned port = 0;
  auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (failed != std::errc{} || end != digits.data() + digits.size() || port == 0 || port > 65535 || host.empty())
    return malformed(text);
  target.host = std::string{host};
  target.port = static_cast<std::uint16_t>(port);
  return target;
}

} // namespace corestore::actors
