// What the server was asked to do: flags over the file over the defaults.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "config/settings.hpp"

namespace corestore::programs {

/// The settings that the command line itself gives.
struct server_options {
  std::string config_file; ///< empty: none
  /// Full key (`replication.listen`), flag (`--listen`) and values, in the order of the command line.
  struct assignment {
    std::string key;
    std::string flag;
    std::vector<std::string> values;
  };
  std::vector<assignment> assignments;
  bool is_check = false;
  bool is_print_config = false;
  bool is_development = false;
};

/// Reads the command line. Either options, or the exit code when everything is said already (--help, --version, or
/// a usage error with its one line on standard error).
std::pair<std::optional<server_options>, int> parse_server_options(int argc, char** argv);

/// The effective settings, checked. bad_argument and unsupported with origin, key and reason.
result<config::settings> effective_settings(const server_options& options);

} // namespace corestore::programs
