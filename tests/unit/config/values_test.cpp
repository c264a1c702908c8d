#include "config/values.hpp"

#include <limits>

#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>

using namespace corestore;
using namespace corestore::config;
using namespace std::chrono_literals;

namespace {

constexpr auto anything = std::numeric_limits<std::uint64_t>::max();

} // namespace

TEST_CASE("a count is decimal digits within its range") {
  CHECK(read_count("0", 0, 5).value() == 0);
  CHECK(read_count("5", 0, 5).value() == 5);
  CHECK(read_count("18446744073709551615", 0, anything).value() == anything);
  CHECK(read_count("6", 0, 5).error().detail == "'6' is not between 0 and 5");
  for (const auto* text : {"", "-1", "+1", "1.5", "0x10", "1 ", "18446744073709551616", "ten"})
    CHECK(read_count(text, 0, anything).error() ==
          error{ec::bad_argument, "'" + std::string{text} + "' is not a whole number"});
}

TEST_CASE("a size takes binary units") {
  CHECK(read_size("4096", 0, anything).value() == 4096);
  CHECK(read_size("7B", 0, anything).value() == 7);
  CHECK(read_size("64MiB", 0, anything).value() == std::uint64_t{64} << 20U);
  CHECK(read_size("1TiB", 0, anything).value() == std::uint64_t{1} << 40U);
  for (const auto* text : {"", "MiB", "64MB", "64 MiB", "1.5GiB", "-1B", "18446744073709551615KiB"})
    CHECK(read_size(text, 0, anything).error().code == ec::bad_argument);
  CHECK(read_size("2KiB", 0, 1024).error().detail == "'2KiB' is not between 0 and 1KiB");
}

TEST_CASE("a time needs a unit unless it is zero") {
  CHECK(read_duration("0", 0ms, 1h).value() == 0ms);
  CHECK(read_duration("250ms", 0ms, 1h).value() == 250ms);
  CHECK(read_duration("5s", 0ms, 1h).value() == 5s);
  CHECK(read_duration("10min", 0ms, 1h).value() == 10min);
  CHECK(read_duration("1h", 0ms, 1h).value() == 1h);
  for (const auto* text : {"", "5", "5m", "s", "-1s", "5 s", "99999999999999999999s"})
    CHECK(read_duration(text, 0ms, 1h).error().code == ec::bad_argument);
  CHECK(read_duration("2h", 1s, 1h).error().detail == "'2h' is not between 1s and 1h");
}

TEST_CASE("sizes and times print in the largest unit that fits and read back") {
  CHECK(print_size(0) == "0");
  CHECK(print_size(1536) == "1536B");
  CHECK(print_size(std::uint64_t{16} << 20U) == "16MiB");
  CHECK(print_duration(0ms) == "0");
  CHECK(print_duration(1500ms) == "1500ms");
  CHECK(print_duration(90s) == "90s");
  CHECK(print_duration(120s) == "2min");
  rc::prop("sizes", [](std::uint64_t size) { RC_ASSERT(read_size(print_size(size), 0, anything).value() == size); });
  rc::prop("times", [] {
    auto time = std::chrono::milliseconds{*rc::gen::inRange<std::int64_t>(0, std::int64_t{1} << 40U)};
    RC_ASSERT(read_duration(print_duration(time), 0ms, std::chrono::milliseconds::max()).value() == time);
  });
}

TEST_CASE("switches and words") {
  CHECK(read_switch("on").value());
  CHECK(read_switch("true").value());
  CHECK_FALSE(read_switch("off").value());
  CHECK_FALSE(read_switch("false").value());
  CHECK(read_switch("yes").error().detail == "'yes' is not on or off");
  for (auto value : {durability::commit, durability::interval, durability::none})
    CHECK(read_durability(name_of(value)).value() == value);
  CHECK(read_durability("Commit").error().detail == "'Commit' is not one of commit interval none");
  for (auto value :
       {log_level::trace, log_level::debug, log_level::info, log_level::warn, log_level::error, log_level::off})
    CHECK(read_log_level(name_of(value)).value() == value);
  CHECK_FALSE(read_log_level("").has_value());
}
