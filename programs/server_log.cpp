#include "programs/server_log.hpp"

#include <string_view>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace corestore::programs {

namespace {

spdlog::level::level_enum level_of(config::log_level level) {
  switch (level) {
  case config::log_level::trace:
    return spdlog::level::trace;
  case config::log_level::debug:
    return spdlog::level::debug;
  case config::log_level::info:
    return spdlog::level::info;
  case config::log_level::warn:
    return spdlog::level::warn;
  case config::log_level::error:
    return spdlog::level::err;
  case config::log_level::off:
    break;
  }
  return spdlog::level::off;
}

} // namespace

void start_log(config::log_level level) {
  auto logger = spdlog::stderr_logger_mt("corestored");
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
  logger->flush_on(spdlog::level::trace);
  spdlog::set_default_logger(logger);
  set_log_level(level);
}

void set_log_level(config::log_level level) {
  spdlog::set_level(level_of(level));
}

// Lines may hold anything: they are never a format.

void log_info(const std::string& line) {
  spdlog::info("{}", line);
}

void log_warning(const std::string& line) {
  spdlog::warn("{}", line);
}

void log_error(const std::string& line) {
  spdlog::error("{}", line);
}

void log_engine(const char* severity, const std::string& line) {
  auto name = std::string_view{severity};
  if (name == "error")
    log_error(line);
  else if (name == "warning")
    log_warning(line);
  else if (name == "debug")
    spdlog::debug("{}", line);
  else
    log_info(line);
}

} // namespace corestore::programs
