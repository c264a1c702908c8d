#include "programs/progress.hpp"

#include <algorithm>
#include <cstdio>

#include <sys/ioctl.h>
#include <unistd.h>

#include <fmt/format.h>

#include "programs/output.hpp"

namespace corestore::programs {

namespace {

using std::chrono::steady_clock;

constexpr std::chrono::milliseconds interval{200};

constexpr std::size_t bar_columns = 24;
constexpr std::size_t columns_default = 80;

std::size_t terminal_columns() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : columns_default;
}

} // namespace

std::string progress_line(std::string_view what, std::string_view unit, std::uint64_t done,
                          std::optional<std::uint64_t> total, double seconds, std::size_t columns) {
  auto line = std::string{what};
  auto rate = seconds > 0 ? static_cast<double>(done) / seconds : 0;
  if (total && *total > 0) {
    auto share = std::min(1.0, static_cast<double>(done) / static_cast<double>(*total));
    auto filled = static_cast<std::size_t>(share * static_cast<double>(bar_columns));
    line += fmt::format(" [{}{}] {:3.0f} %  {} of {} {}", std::string(filled, '#'),
                        std::string(bar_columns - filled, '-'), share * 100, done, *total, unit);
  } else {
    line += fmt::format("  {} {}", done, unit);
  }
  line += fmt::format("  {:.0f}/s", rate);
  if (total && rate > 0 && *total > done)
    line += fmt::format("  {:.0f} s left", static_cast<double>(*total - done) / rate);
  return line.substr(0, columns);
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
  auto now = steady_clock::now();
  if (!is_terminal_ || now < next_)
    return;
  next_ = now + interval;
  is_shown_ = true;
  auto seconds = std::chrono::duration<double>(now - begun_).count();
  // The last column stays free: some terminals begin a new line behind it.
  fmt::print(stderr, "\r{}\x1b[K", progress_line(what_, unit_, done, total_, seconds, terminal_columns() - 1));
  std::fflush(stderr);
}

void progress::hide() {
  if (!is_shown_)
    return;
  is_shown_ = false;
  fmt::print(stderr, "\r\x1b[K");
  std::fflush(stderr);
}

} // namespace corestore::programs
