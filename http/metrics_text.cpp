#include "http/metrics_text.hpp"

#include <cmath>

#include <fmt/format.h>

namespace corestore::http {

namespace {

std::string escaped(std::string_view text) {
  std::string result;
  for (char character : text) {
    if (character == '\\' || character == '"')
      result.push_back('\\');
    if (character == '\n')
      result += "\\n";
    else
      result.push_back(character);
  }
  return result;
}

/// Whole numbers without an exponent, so that they compare as text.
std::string number(double value) {
  constexpr double exact_max = 9007199254740992.0;
  if (value == std::floor(value) && std::abs(value) < exact_max)
    return fmt::format("{}", static_cast<std::int64_t>(value));
  return fmt::format("{}", value);
}

} // namespace

metrics_text& metrics_text::family(std::string_view name, std::string_view kind, std::string_view help) {
  family_ = name;
  text_ += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, kind);
  return *this;
}

void metrics_text::line(std::string_view suffix, labels with, std::string_view bound, double value) {
  text_ += family_;
  text_ += suffix;
  std::string inside;
  for (const auto& [name, content] : with)
    inside += fmt::format("{}{}=\"{}\"", inside.empty() ? "" : ",", name, escaped(content));
  if (!bound.empty())
    inside += fmt::format("{}le=\"{}\"", inside.empty() ? "" : ",", bound);
  if (!inside.empty())
    text_ += "{" + inside + "}";
  text_ += " " + number(value) + "\n";
}

metrics_text& metrics_text::sample(double value, labels with) {
  line("", with, "", value);
  return *this;
}

void metrics_text::gauge(std::string_view name, std::string_view help, double value) {
  family(name, "gauge", help).sample(value);
}

void metrics_text::counter(std::string_view name, std::string_view help, double value) {
  family(name, "counter", help).sample(value);
}

/// Buckets of powers of two hold what is below their bound; those of Prometheus what is not above it.
void metrics_text::histogram(const power_histogram& values, labels with, double unit, double below_bound) {
  std::uint64_t below = 0;
  for (std::size_t bucket = 0; bucket < values.buckets.size(); ++bucket) {
    below += values.buckets.at(bucket);
    if (bucket + 1 < values.buckets.size()) // the last one has no bound
      line("_bucket", with, fmt::format("{}", (std::ldexp(1.0, static_cast<int>(bucket)) - below_bound) / unit),
           static_cast<double>(below));
  }
  line("_bucket", with, "+Inf", static_cast<double>(below));
  line("_sum", with, "", static_cast<double>(values.sum) / unit);
  line("_count", with, "", static_cast<double>(below));
}

void metrics_text::times(std::string_view name, std::string_view help, const power_histogram& values, labels with) {
  family(name, "histogram", help).histogram(values, with, 1e6, 0);
}

void metrics_text::sizes(std::string_view name, std::string_view help, const power_histogram& values, labels with) {
  family(name, "histogram", help).histogram(values, with, 1, 1);
}

} // namespace corestore::http
