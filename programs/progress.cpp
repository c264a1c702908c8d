#include "programs/progress.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <vector>

#include <sys/ioctl.h>
#include <unistd.h>

#include <fmt/format.h>

#include "programs/output.hpp"

namespace corestore::programs {

namespace {

using std::chrono::steady_clock;

constexpr std::chrono::milliseconds interval{200};

/// A bar is as wide as there is room for; narrower than that it says nothing.
constexpr std::size_t bar_columns_max = 24;
constexpr std::size_t bar_columns_min = 6;
constexpr std::size_t columns_default = 80;

/// The last column stays free: some terminals begin a new line behind it.
std::size_t columns() {
  winsize size{};
  auto is_known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return (is_known ? size.ws_col : columns_default) - 1;
}

/// `1234567`, or `1.2M` where there is little room.
std::string count_text(double number, bool is_short) {
  constexpr std::array<std::string_view, 5> units{"", "k", "M", "G", "T"};
  std::size_t unit = 0;
  for (; is_short && number >= 9999.5 && unit + 1 < units.size(); ++unit)
    number /= 1000;
  return fmt::format("{:.{}f}{}", number, unit == 0 || number >= 99.95 ? 0 : 1, units.at(unit));
}

std::string left_text(double seconds) {
  if (seconds < 600)
    return fmt::format("{:.0f} s left", seconds);
  if (seconds < 6000)
    return fmt::format("{:.0f} min left", seconds / 60);
  return fmt::format("{} h left", count_text(seconds / 3600, true));
}

/// The parts of a line behind the bar, from the longest way to say it to the shortest. What is left comes last, and
/// stays.
std::vector<std::string> endings(std::string_view unit, std::uint64_t done, std::optional<std::uint64_t> total,
                                 double rate) {
  std::string share;
  std::string left;
  if (total) {
    share = fmt::format(" {:3.0f} %", 100 * std::min(1.0, static_cast<double>(done) / static_cast<double>(*total)));
    if (rate > 0 && *total > done)
      left = "  " + left_text(static_cast<double>(*total - done) / rate);
  }
  std::vector<std::string> ways;
  for (bool is_short : {false, true}) {
    auto counted = "  " + count_text(static_cast<double>(done), is_short);
    if (total)
      counted += " of " + count_text(static_cast<double>(*total), is_short);
    auto speed = fmt::format("  {}/s", count_text(rate, is_short));
    ways.push_back(fmt::format("{}{} {}{}{}", share, counted, unit, speed, left));
    if (is_short && total) {
      ways.push_back(fmt::format("{}{}{}", share, counted, left));
      ways.push_back(share + left);
    }
  }
  return ways;
}

} // namespace

std::string progress_line(std::string_view what, std::string_view unit, std::uint64_t done,
                          std::optional<std::uint64_t> total, double seconds, std::size_t columns) {
  if (total == 0)
    total.reset();
  auto rate = seconds > 0 ? static_cast<double>(done) / seconds : 0;
  auto bar_needs = total ? bar_columns_min + 3 : 0; // with its brackets, and the space before
  auto ways = endings(unit, done, total, rate);
  auto fits = std::find_if(ways.begin(), ways.end(), [&](const std::string& ending) {
    return what.size() + bar_needs + ending.size() <= columns;
  });
  if (fits == ways.end()) // no room for a bar
    return (std::string{what} + ways.back()).substr(0, columns);
  auto line = std::string{what};
  if (total) {
    auto width = std::min(bar_columns_max, columns - what.size() - 3 - fits->size());
    auto share = std::min(1.0, static_cast<double>(done) / static_cast<double>(*total));
    auto filled = static_cast<std::size_t>(share * static_cast<double>(width));
    line += fmt::format(" [{}{}]", std::string(filled, '#'), std::string(width - filled, '-'));
  }
  return line + *fits;
}

progress::progress(std::string what, std::string unit, std::optional<std::uint64_t> total)
    : what_(std::move(what)), unit_(std::move(unit)), total_(total), is_terminal_(is_terminal_error()),
      begun_(steady_clock::now()), next_(begun_ + interval) {
  // nop
}

progress::~progress() {
  hide();
}

void progress::at(std::uint64_t done) {
  if (!is_due())
    return;
  auto seconds = std::chrono::duration<double>(steady_clock::now() - begun_).count();
  draw(progress_line(what_, unit_, done, total_, seconds, columns()));
}

void progress::say(std::string_view line) {
  if (is_due())
    draw(line.substr(0, columns()));
}

bool progress::is_due() {
  auto now = steady_clock::now();
  if (!is_terminal_ || now < next_)
    return false;
  next_ = now + interval;
  return true;
}

void progress::draw(std::string_view line) {
  is_shown_ = true;
  fmt::print(stderr, "\r{}\x1b[K", line);
  std::fflush(stderr);
}

void progress::rename(std::string what) {
  what_ = std::move(what);
}

void progress::hide() {
  if (!is_shown_)
    return;
  is_shown_ = false;
  fmt::print(stderr, "\r\x1b[K");
  std::fflush(stderr);
}

} // namespace corestore::programs
