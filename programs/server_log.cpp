#include "programs/server_log.hpp"

#include <cstdio>
#include <ctime>
#include <string_view>

#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
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

/// Set before any other thread starts.
bool is_json = false;

/// UTC, to the millisecond.
std::string now_text() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  tm parts{};
  ::gmtime_r(&now.tv_sec, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, now.tv_nsec / 1000000);
}

std::string to_json(spdlog::level::level_enum level, const std::string& line) {
  auto name = spdlog::level::to_string_view(level);
  nlohmann::ordered_json entry{
    {"time", now_text()}, {"level", std::string{name.data(), name.size()}}, {"message", line}, {"pid", ::getpid()}};
  return entry.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

/// Lines may hold anything: they are never a format.
void write(spdlog::level::level_enum level, const std::string& line) {
  if (spdlog::should_log(level))
    spdlog::log(level, "{}", is_json ? to_json(level, line) : line);
}

} // namespace

void start_log(config::log_level level, config::log_format format) {
  is_json = format == config::log_format::json;
  auto logger = spdlog::stderr_logger_mt("corestored");
  logger->set_pattern(is_json ? "%v" : "%Y-%m-%dT%H:%M:%S.%e%z %l %v");
  logger->flush_on(spdlog::level::trace);
  spdlog::set_default_logger(logger);
  set_log_level(level);
}

void set_log_level(config::log_level level) {
  spdlog::set_level(level_of(level));
}

void log_info(const std::string& line) {
  write(spdlog::level::info, line);
}

void log_warning(const std::string& line) {
  write(spdlog::level::warn, line);
}

void log_error(const std::string& line) {
  write(spdlog::level::err, line);
}

void log_end(const std::string& line) {
  std::fprintf(stderr, "%s\n", is_json ? to_json(spdlog::level::err, line).c_str() : ("corestored: " + line).c_str());
}

void log_engine(const char* severity, const std::string& line) {
  auto name = std::string_view{severity};
  if (name == "error")
    log_error(line);
  else if (name == "warning")
    log_warning(line);
  else if (name == "debug")
    write(spdlog::level::debug, line);
  else
    log_info(line);
}

} // namespace corestore::programs
