// The environment of this process, for `${NAME}` in the configuration file.
#pragma once

#include <cstdlib>
#include <optional>
#include <string>

namespace corestore::programs {

inline std::optional<std::string> process_environment(const std::string& name) {
  const auto* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>{value};
}

} // namespace corestore::programs
