// The effective configuration in the syntax of the configuration file.
#pragma once

#include <string>

#include "config/settings.hpp"

namespace corestore::config {

/// Every key with its value, section by section; parse_settings() of it gives equal settings. A token that is set is
/// replaced by `hidden` unless `with_secrets`.
std::string print_settings(const settings& what, bool with_secrets = false);

} // namespace corestore::config
