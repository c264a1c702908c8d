// What every command of the driver needs.
#pragma once

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/text.hpp"

namespace corestore::test {

using nlohmann::json;

/// Fails the command: main() answers with the text.
[[noreturn]] inline void fail_with(const std::string& what) {
  throw std::runtime_error(what);
}

template <class T>
T need(result<T> value) {
  if (!value)
    fail_with(to_string(value.error()));
  return std::move(*value);
}

inline bytes bytes_of(const json& text) {
  auto decoded = text::from_hex(text.get<std::string>());
  if (!decoded)
    fail_with("hex is expected");
  return std::move(*decoded);
}

inline hash32 hash_of(const json& text) {
  hash32 value;
  const auto decoded = bytes_of(text);
  if (decoded.size() != value.data.size())
    fail_with("32 bytes of hex are expected");
  std::copy(decoded.begin(), decoded.end(), value.data.begin());
  return value;
}

inline std::vector<shared_bytes> blocks_of(const json& command) {
  std::vector<shared_bytes> blocks;
  for (const auto& block : command.at("blocks"))
    blocks.emplace_back(bytes_of(block));
  return blocks;
}

inline std::uint64_t number(const json& command, const char* name, std::uint64_t otherwise = 0) {
  return command.value(name, otherwise);
}

} // namespace corestore::test
