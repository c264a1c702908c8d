// Bodies of requests as JSON objects with known fields: a wrong type, a missing or an unknown field is a clear error.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "messages/core_types.hpp"

namespace corestore::http {

class fields {
public:
  /// An empty text is an empty object. bad_argument for what is no object, and for a field that is not among `known`.
  static result<fields> parse(std::string_view text, std::initializer_list<std::string_view> known);

  /// Null when the field is absent or null.
  [[nodiscard]] const nlohmann::json* find(std::string_view name) const;

  [[nodiscard]] bool has(std::string_view name) const {
    return object_.contains(name);
  }

  [[nodiscard]] result<std::optional<std::uint64_t>> number(std::string_view name) const;
  [[nodiscard]] result<std::uint64_t> number(std::string_view name, std::uint64_t fallback) const;
  /// bad_argument when it is absent.
  [[nodiscard]] result<std::uint64_t> needed_number(std::string_view name) const;
  [[nodiscard]] result<std::optional<bool>> truth(std::string_view name) const;
  /// `keep` when the field is absent or null.
  [[nodiscard]] result<toggle> toggled(std::string_view name) const;
  [[nodiscard]] result<std::optional<std::string>> text(std::string_view name) const;
  [[nodiscard]] result<std::vector<std::string>> texts(std::string_view name) const;

private:
  nlohmann::json object_;
};

/// A key of so many bytes in hex (32 bytes: also z-base-32). bad_argument names `what`.
result<bytes> read_key_bytes(std::string_view what, const nlohmann::json& value, std::size_t size);

template <class Key>
result<Key> read_key(std::string_view what, const nlohmann::json& value) {
  return read_key_bytes(what, value, Key::size).map([](const bytes& raw) { return *Key::from(raw); });
}

/// A whole number of at most 2^53 - 1. bad_argument names `what`.
result<std::uint64_t> read_whole(std::string_view what, const nlohmann::json& value);

} // namespace corestore::http
