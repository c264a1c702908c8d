// How far long work is: one line on standard error that is drawn over again, and only when a person looks at a
// terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace corestore::programs {

/// The line of one moment: when the end is known, a bar, the share that is done and the time that is left; the counts
/// and the rate where there is room for them. `columns` at most; from 39 on nothing is cut off.
std::string progress_line(std::string_view what, std::string_view unit, std::uint64_t done,
                          std::optional<std::uint64_t> total, double seconds, std::size_t columns);

class progress {
public:
  /// `appending`, `blocks`; without a total what was done is counted.
  progress(std::string what, std::string unit, std::optional<std::uint64_t> total = std::nullopt);
  ~progress();
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;

  /// Whether anybody sees it: asking how far something is may be left out otherwise.
  [[nodiscard]] bool is_watched() const {
    return is_terminal_;
  }

  /// So much is done; drawn a few times a second at most.
  void at(std::uint64_t done);

  /// The same with words of its own, for work that is no single count.
  void say(std::string_view line);

  /// What is being done now.
  void rename(std::string what);

  /// Makes room for a line of output.
  void hide();

private:
  [[nodiscard]] bool is_due();
  void draw(std::string_view line);

  std::string what_;
  std::string unit_;
  std::optional<std::uint64_t> total_;
  bool is_terminal_;
  bool is_shown_ = false;
  std::chrono::steady_clock::time_point begun_;
  std::chrono::steady_clock::time_point next_;
};

} // namespace corestore::programs
