// Values of a configuration file as text, both ways. Every reader fails with bad_argument and a reason.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "config/settings.hpp"

namespace corestore::config {

/// A decimal number in [low, high].
result<std::uint64_t> read_count(std::string_view text, std::uint64_t low, std::uint64_t high);

/// A number of bytes with an optional unit `B`, `KiB`, `MiB`, `GiB` or `TiB`: `64MiB`.
result<std::uint64_t> read_size(std::string_view text, std::uint64_t low, std::uint64_t high);
std::string print_size(std::uint64_t bytes);

/// A time with a unit `ms`, `s`, `min` or `h`: `5s`. Only 0 goes without.
result<std::chrono::milliseconds> read_duration(std::string_view text, std::chrono::milliseconds low,
                                                std::chrono::milliseconds high);
std::string print_duration(std::chrono::milliseconds time);

/// `on` or `off`; `true` and `false` say the same.
result<bool> read_switch(std::string_view text);

result<durability> read_durability(std::string_view text);
std::string_view name_of(durability what);

result<log_format> read_log_format(std::string_view text);
std::string_view name_of(log_format what);

result<log_level> read_log_level(std::string_view text);
std::string_view name_of(log_level what);

} // namespace corestore::config
