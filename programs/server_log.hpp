// Logs of the server: spdlog, to standard error only.
#pragma once

#include <string>

#include "config/settings.hpp"

namespace corestore::programs {

/// Installs the one logger of the process.
void start_log(config::log_level level, config::log_format format = config::log_format::text);
void set_log_level(config::log_level level);

void log_info(const std::string& line);
void log_warning(const std::string& line);
void log_error(const std::string& line);

/// Why the program ends, whatever the level: one line for the shell, or in the form that the log has.
void log_end(const std::string& line);

/// What actors::engine::log_sink wants; from any thread.
void log_engine(const char* severity, const std::string& line);

} // namespace corestore::programs
