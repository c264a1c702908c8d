#include "http/url.hpp"

#include <charconv>

#include "base/limits.hpp"

namespace corestore::http {

namespace {

/// No route is that deep.
constexpr std::size_t segments_max = 16;

std::optional<unsigned> digit_of(char character) {
  if (character >= '0' && character <= '9')
    return static_cast<unsigned>(character - '0');
  if (character >= 'a' && character <= 'f')
    return static_cast<unsigned>(character - 'a' + 10);
  if (character >= 'A' && character <= 'F')
    return static_cast<unsigned>(character - 'A' + 10);
  return std::nullopt;
}

} // namespace

std::optional<std::string> decode_percent(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t position = 0; position < text.size(); ++position) {
    if (text[position] != '%') {
      decoded.push_back(text[position]);
      continue;
    }
    if (text.size() - position < 3)
      return std::nullopt;
    auto high = digit_of(text[position + 1]);
    auto low = digit_of(text[position + 2]);
    if (!high || !low)
      return std::nullopt;
    decoded.push_back(static_cast<char>(*high * 16 + *low));
    position += 2;
  }
  return decoded;
}

result<std::uint64_t> read_number(std::string_view what, std::string_view text) {
  std::uint64_t value = 0;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || code != std::errc{} || end != text.data() + text.size() || value > limits::safe_integer_max)
    return fail(ec::bad_argument, std::string{what} + " is a number from 0 to 9007199254740991, not `" +
                                    std::string{text.substr(0, 40)} + "`");
  return value;
}

result<query> query::parse(std::string_view text) {
  query parsed;
  while (!text.empty()) {
    auto pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    if (pair.empty())
      continue;
    auto equals = pair.find('=');
    std::string value{equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1)};
    for (auto& character : value)
      if (character == '+')
        character = ' ';
    auto name = decode_percent(pair.substr(0, equals));
    auto decoded = decode_percent(value);
    if (!name || !decoded)
      return fail(ec::bad_argument, "the query holds a broken percent escape");
    parsed.pairs_.emplace_back(std::move(*name), std::move(*decoded));
  }
  return parsed;
}

std::optional<std::string_view> query::find(std::string_view name) const {
  for (const auto& [key, value] : pairs_)
    if (key == name)
      return value;
  return std::nullopt;
}

std::vector<std::string> query::all(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [key, value] : pairs_)
    if (key == name)
      values.push_back(value);
  return values;
}

result<std::uint64_t> query::number(std::string_view name, std::uint64_t fallback) const {
  auto text = find(name);
  return text ? read_number(name, *text) : result<std::uint64_t>{fallback};
}

result<bool> query::truth(std::string_view name) const {
  auto text = find(name);
  if (!text || *text == "false" || *text == "0")
    return false;
  if (text->empty() || *text == "true" || *text == "1")
    return true;
  return fail(ec::bad_argument, std::string{name} + " is true or false");
}

result<target> parse_target(std::string_view text) {
  if (text.empty() || text.front() != '/')
    return fail(ec::bad_argument, "the request target is no absolute path");
  auto mark = text.find('?');
  auto parameters = query::parse(mark == std::string_view::npos ? std::string_view{} : text.substr(mark + 1));
  if (!parameters)
    return fail(parameters.error());
  target parsed{{}, std::move(*parameters)};
  auto path = text.substr(1, mark == std::string_view::npos ? mark : mark - 1);
  while (!path.empty()) {
    auto slash = path.find('/');
    auto segment = decode_percent(path.substr(0, slash));
    if (!segment)
      return fail(ec::bad_argument, "the path holds a broken percent escape");
    if (parsed.segments.size() == segments_max)
      return fail(ec::bad_argument, "the path is too deep");
    parsed.segments.push_back(std::move(*segment));
    if (slash == std::string_view::npos)
      break;
    path.remove_prefix(slash + 1);
    if (path.empty())
      parsed.segments.emplace_back(); // a trailing slash is another path
  }
  return parsed;
}

} // namespace corestore::http
