// The text format of Prometheus (exposition format 0.0.4).
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "base/power_histogram.hpp"

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

  /// A histogram of microseconds, told in seconds.
  void times(std::string_view name, std::string_view help, const power_histogram& values, labels with = {});

  /// A histogram of whole numbers.
  void sizes(std::string_view name, std::string_view help, const power_histogram& values, labels with = {});

  [[nodiscard]] const std::string& text() const {
    return text_;
  }

private:
  void histogram(const power_histogram& values, labels with, double unit, double below_bound);
  void line(std::string_view suffix, labels with, std::string_view bound, double value);

  std::string text_;
  std::string family_;
};

} // namespace corestore::http
