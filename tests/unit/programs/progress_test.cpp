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
}
