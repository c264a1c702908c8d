// Request targets: the path in segments, the query in pairs, numbers as the API takes them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace corestore::http {

/// Percent escapes undone (`+` stays); nothing for a broken escape.
std::optional<std::string> decode_percent(std::string_view text);

/// A decimal number of at most 2^53 - 1. bad_argument names `what`.
result<std::uint64_t> read_number(std::string_view what, std::string_view text);

class query {
public:
  /// bad_argument for a broken escape.
  static result<query> parse(std::string_view text);

  /// The first value of a name.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> all(std::string_view name) const;
  /// bad_argument for a malformed number; `fallback` when the name is absent.
  [[nodiscard]] result<std::uint64_t> number(std::string_view name, std::uint64_t fallback) const;
  /// `true`, `false`, or the bare name (true). bad_argument otherwise; false when it is absent.
  [[nodiscard]] result<bool> truth(std::string_view name) const;

private:
  std::vector<std::pair<std::string, std::string>> pairs_;
};

struct target {
  std::vector<std::string> segments; ///< of the path, decoded
  query parameters;
};

/// Splits `/a/b?c=d`. bad_argument for what is no absolute path, has a broken escape or too many segments.
result<target> parse_target(std::string_view text);

} // namespace corestore::http
