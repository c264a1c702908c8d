// What a server hears that wants to hand over and cannot.
#include <catch2/catch.hpp>

#include <array>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "programs/hand_over.hpp"

namespace corestore::programs {

namespace {

/// No descriptor is left while it lives.
class exhausted_descriptors {
public:
  exhausted_descriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    auto fewer = before_;
    fewer.rlim_cur = 64;
    ::setrlimit(RLIMIT_NOFILE, &fewer);
    for (int next = ::open("/dev/null", O_RDONLY | O_CLOEXEC); next >= 0;
         next = ::open("/dev/null", O_RDONLY | O_CLOEXEC))
      held_.push_back(next);
  }
  exhausted_descriptors(const exhausted_descriptors&) = delete;
  exhausted_descriptors& operator=(const exhausted_descriptors&) = delete;
  ~exhausted_descriptors() {
    for (auto one : held_)
      ::close(one);
    ::setrlimit(RLIMIT_NOFILE, &before_);
  }

private:
  rlimit before_{};
  std::vector<int> held_;
};

} // namespace

TEST_CASE("a hand-over without a descriptor left is refused, and the process goes on") {
  std::string name = "corestored";
  std::array<char*, 2> arguments{name.data(), nullptr};
  hand_over next{1, arguments.data()};
  auto checked = [&] {
    exhausted_descriptors none_left;
    return next.check();
  }();
  REQUIRE_FALSE(checked);
  CHECK(checked.error().code == ec::storage_failed);
  CHECK(checked.error().detail.find("Too many open files") != std::string::npos);
}

} // namespace corestore::programs
