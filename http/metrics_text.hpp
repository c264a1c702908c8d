// The text format of Prometheus (exposition format 0.0.4).
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace corestore::http {

class metrics_text {
public:
  using labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  /// Name, help and type of the samples that follow. `kind`: counter, gauge or histogram.
  metrics_text& family(std::string_view name, std::string_view kind, std::string_view help);

  /// One sample of the family.
  metrics_text& sample(double value, labels with = {});

  /// A family with one sample.
  void gauge(std::string_view name, std::string_view help, double value);
  void counter(std::string_view name, std::string_view help, double value);

  /// A histogram whose bucket `i` counts what was below 2^i microseconds, and at least half of that; in seconds.
  void histogram(std::string_view name, std::string_view help, std::span<const std::uint64_t> buckets, double sum_us,
                 labels with = {});

  [[nodiscard]] const std::string& text() const {
    return text_;
  }

private:
  void line(std::string_view suffix, labels with, std::string_view bound, double value);

  std::string text_;
  std::string family_;
};

} // namespace corestore::http
