#include "programs/hand_over.hpp"

#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

#include <csignal>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/inherited.hpp"
#include "programs/process_environment.hpp"

extern char** environ; // NOLINT: POSIX

namespace corestore::programs {

namespace {

constexpr const char* variable = "CORESTORE_INHERITED";

std::string path_of_program(const char* called) {
  std::array<char, PATH_MAX> path{};
  auto size = ::readlink("/proc/self/exe", path.data(), path.size());
  return size > 0 ? std::string{path.data(), static_cast<std::size_t>(size)} : std::string{called};
}

} // namespace

hand_over::hand_over(int argc, char** argv) : program_(path_of_program(argc > 0 ? argv[0] : "")), arguments_(argv) {
  if (auto names = process_environment(variable)) {
    inherited::adopt(*names);
    ::unsetenv(variable);
  }
}

result<void> hand_over::check() const {
  std::vector<char*> arguments;
  for (auto* next = arguments_; *next != nullptr; ++next)
    arguments.push_back(*next);
  std::string flag = "--check";
  arguments.push_back(flag.data());
  arguments.push_back(nullptr);
  pid_t child = 0;
  if (auto code = ::posix_spawn(&child, program_.c_str(), nullptr, nullptr, arguments.data(), environ); code != 0)
    return fail(ec::storage_failed, program_ + ": " + std::strerror(code));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR)
      return fail(ec::storage_failed, program_ + ": " + std::strerror(errno));
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    return fail(ec::bad_argument, program_ + " --check does not accept the configuration: its reason is above");
  return {};
}

void hand_over::keep_listening(unsigned node_port) {
  kept_ = inherited::keep_listening(node_port);
}

error hand_over::start() const {
  ::setenv(variable, kept_.c_str(), 1);
  ::execv(program_.c_str(), arguments_);
  return {ec::storage_failed, program_ + ": " + std::strerror(errno)};
}

} // namespace corestore::programs
