#include "http/range.hpp"

#include <algorithm>

#include "http/url.hpp"

namespace corestore::http {

namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
    text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
    text.remove_suffix(1);
  return text;
}

} // namespace

result<std::optional<byte_range>> parse_range(std::string_view header, std::uint64_t size) {
  constexpr std::string_view unit = "bytes=";
  auto text = trimmed(header);
  if (!text.starts_with(unit) || text.find(',') != std::string_view::npos)
    return std::nullopt;
  text = trimmed(text.substr(unit.size()));
  auto dash = text.find('-');
  auto unsatisfiable = [&] {
    return fail(ec::bad_argument,
                "range `" + std::string{text.substr(0, 60)} + "` of " + std::to_string(size) + " bytes");
  };
  if (dash == std::string_view::npos)
    return unsatisfiable();
  auto first = trimmed(text.substr(0, dash));
  auto last = trimmed(text.substr(dash + 1));
  if (first.empty()) {
    auto count = read_number("range", last);
    if (!count || *count == 0 || size == 0)
      return unsatisfiable();
    return byte_range{size - std::min(*count, size), size};
  }
  auto start = read_number("range", first);
  if (!start || *start >= size)
    return unsatisfiable();
  if (last.empty())
    return byte_range{*start, size};
  auto end = read_number("range", last);
  if (!end || *end < *start)
    return unsatisfiable();
  return byte_range{*start, std::min(*end + 1, size)};
}

} // namespace corestore::http
