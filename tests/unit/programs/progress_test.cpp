#include "programs/progress.hpp"

#include <catch2/catch.hpp>

using corestore::programs::progress_line;

TEST_CASE("a known end makes a bar, with the time that is left") {
  CHECK(progress_line("verifying", "blocks", 500, 2000, 2.0, 200) ==
        "verifying [######------------------]  25 %  500 of 2000 blocks  250/s  6 s left");
  CHECK(progress_line("verifying", "blocks", 2000, 2000, 2.0, 200) ==
        "verifying [########################] 100 %  2000 of 2000 blocks  1000/s");
  CHECK(progress_line("verifying", "blocks", 0, 2000, 0, 200) ==
        "verifying [------------------------]   0 %  0 of 2000 blocks  0/s");
}

TEST_CASE("more than everything is everything, and nothing of nothing is no bar") {
  CHECK(progress_line("x", "blocks", 7, 5, 1.0, 200).find("100 %  7 of 5") != std::string::npos);
  CHECK(progress_line("x", "blocks", 7, 0, 1.0, 200) == "x  7 blocks  7/s");
}

TEST_CASE("an unknown end is counted, and the line fits the terminal") {
  CHECK(progress_line("appending", "blocks", 30, std::nullopt, 3.0, 200) == "appending  30 blocks  10/s");
  CHECK(progress_line("appending", "blocks", 30, std::nullopt, 3.0, 12) == "appending  3");
  CHECK(progress_line("appending", "blocks", 30000000000, std::nullopt, 3.0, 39) == "appending  30.0G blocks  10.0G/s");
}

TEST_CASE("a narrow terminal shortens the bar, then the counts, and never what is left") {
  CHECK(progress_line("verifying", "blocks", 12345678, 23456789, 100, 79) ==
        "verifying [#####------]  53 %  12345678 of 23456789 blocks  123457/s  90 s left");
  CHECK(progress_line("verifying", "blocks", 12345678, 23456789, 100, 59) ==
        "verifying [#######-------]  53 %  12.3M of 23.5M  90 s left");
  CHECK(progress_line("verifying", "blocks", 12345678, 23456789, 100, 39) == "verifying [#####-----]  53 %  90 s left");
  CHECK(progress_line("verifying", "blocks", 1, 23456789, 1, 39) == "verifying [--------]   0 %  6516 h left");
}

TEST_CASE("every line fits its terminal, and from 40 columns up says how much and how long") {
  for (std::size_t columns = 39; columns <= 200; ++columns) {
    for (std::uint64_t total : {std::uint64_t{1}, std::uint64_t{999}, std::uint64_t{1} << 20U, std::uint64_t{1} << 33U,
                                std::uint64_t{1} << 52U}) {
      for (auto done : {total / 1000, total / 3, total - 1}) {
        if (done == 0)
          continue;
        for (auto seconds : {0.1, 60.0, 1e5}) {
          auto line = progress_line("verifying", "blocks", done, total, seconds, columns);
          INFO(columns << " columns: " << line);
          CHECK(line.size() <= columns);
          CHECK(line.find('[') != std::string::npos);
          CHECK(line.find(" %  ") != std::string::npos);
          CHECK(line.ends_with(" left"));
        }
      }
    }
  }
}
