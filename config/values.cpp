#include "config/values.hpp"

#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <span>
#include <utility>

namespace corestore::config {

namespace {

struct unit {
  std::string_view name;
  std::uint64_t factor;
};

// ascending: the largest that divides is the one that is printed
constexpr std::array<unit, 5> size_units{{{"B", 1},
                                          {"KiB", std::uint64_t{1} << 10U},
                                          {"MiB", std::uint64_t{1} << 20U},
                                          {"GiB", std::uint64_t{1} << 30U},
                                          {"TiB", std::uint64_t{1} << 40U}}};
constexpr std::array<unit, 4> time_units{{{"ms", 1}, {"s", 1000}, {"min", 60000}, {"h", 3600000}}};

constexpr std::array<std::pair<std::string_view, durability>, 3> durabilities{
  {{"commit", durability::commit}, {"interval", durability::interval}, {"none", durability::none}}};
constexpr std::array<std::pair<std::string_view, log_level>, 6> log_levels{{{"trace", log_level::trace},
                                                                            {"debug", log_level::debug},
                                                                            {"info", log_level::info},
                                                                            {"warn", log_level::warn},
                                                                            {"error", log_level::error},
                                                                            {"off", log_level::off}}};

constexpr std::array<std::pair<std::string_view, log_format>, 2> log_formats{
  {{"text", log_format::text}, {"json", log_format::json}}};

auto refuse(std::string_view text, std::string_view expected) {
  return fail(ec::bad_argument, "'" + std::string{text} + "' is not " + std::string{expected});
}

/// The leading digits of `text`, which is shortened to what follows. Nothing when there are none or too many.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t number = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc{})
    return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

/// Number times unit; nothing when the unit is unknown or the product does not fit.
std::optional<std::uint64_t> scale(std::uint64_t number, std::string_view name, std::span<const unit> units) {
  for (const auto& candidate : units)
    if (candidate.name == name)
      return number > std::numeric_limits<std::uint64_t>::max() / candidate.factor
               ? std::nullopt
               : std::optional{number * candidate.factor};
  return std::nullopt;
}

std::string print_scaled(std::uint64_t number, std::span<const unit> units) {
  const auto* best = &units.front();
  if (number != 0)
    for (const auto& candidate : units)
      if (number % candidate.factor == 0)
        best = &candidate;
  return std::to_string(number / best->factor) + std::string{best->name};
}

template <class T, std::size_t Size>
result<T> read_word(std::string_view text, const std::array<std::pair<std::string_view, T>, Size>& words) {
  std::string expected = "one of";
  for (const auto& [word, value] : words) {
    if (word == text)
      return value;
    expected += " " + std::string{word};
  }
  return refuse(text, expected);
}

template <class T, std::size_t Size>
std::string_view word_of(T what, const std::array<std::pair<std::string_view, T>, Size>& words) {
  for (const auto& [word, value] : words)
    if (value == what)
      return word;
  return words.front().first;
}

} // namespace

result<std::uint64_t> read_count(std::string_view text, std::uint64_t low, std::uint64_t high) {
  auto rest = text;
  auto number = take_number(rest);
  if (!number || !rest.empty())
    return refuse(text, "a whole number");
  if (*number < low || *number > high)
    return refuse(text, "between " + std::to_string(low) + " and " + std::to_string(high));
  return *number;
}

result<std::uint64_t> read_size(std::string_view text, std::uint64_t low, std::uint64_t high) {
  auto rest = text;
  auto number = take_number(rest);
  auto size = number ? scale(*number, rest.empty() ? "B" : rest, size_units) : std::nullopt;
  if (!size)
    return refuse(text, "a size such as 4096, 64KiB or 1GiB");
  if (*size < low || *size > high)
    return refuse(text, "between " + print_size(low) + " and " + print_size(high));
  return *size;
}

std::string print_size(std::uint64_t bytes) {
  return bytes == 0 ? "0" : print_scaled(bytes, size_units);
}

result<std::chrono::milliseconds> read_duration(std::string_view text, std::chrono::milliseconds low,
                                                std::chrono::milliseconds high) {
  auto rest = text;
  auto number = take_number(rest);
  auto ticks = number ? scale(*number, rest.empty() && *number == 0 ? "ms" : rest, time_units) : std::nullopt;
  if (!ticks)
    return refuse(text, "a time such as 500ms, 5s, 10min or 1h");
  if (*ticks < static_cast<std::uint64_t>(low.count()) || *ticks > static_cast<std::uint64_t>(high.count()))
    return refuse(text, "between " + print_duration(low) + " and " + print_duration(high));
  return std::chrono::milliseconds{*ticks};
}

std::string print_duration(std::chrono::milliseconds time) {
  return time.count() == 0 ? "0" : print_scaled(static_cast<std::uint64_t>(time.count()), time_units);
}

result<bool> read_switch(std::string_view text) {
  if (text == "on" || text == "true")
    return true;
  if (text == "off" || text == "false")
    return false;
  return refuse(text, "on or off");
}

result<durability> read_durability(std::string_view text) {
  return read_word(text, durabilities);
}

std::string_view name_of(durability what) {
  return word_of(what, durabilities);
}

result<log_format> read_log_format(std::string_view text) {
  return read_word(text, log_formats);
}

std::string_view name_of(log_format what) {
  return word_of(what, log_formats);
}

result<log_level> read_log_level(std::string_view text) {
  return read_word(text, log_levels);
}

std::string_view name_of(log_level what) {
  return word_of(what, log_levels);
}

} // namespace corestore::config
