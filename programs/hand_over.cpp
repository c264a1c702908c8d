#include "programs/hand_over.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include <csignal>
#include <fcntl.h>
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

/// What a child writes to standard error, which is the other end of a pipe.
class captured_errors {
public:
  captured_errors() {
    ::posix_spawn_file_actions_init(&actions_);
    if (::pipe2(ends_.data(), O_CLOEXEC) != 0)
      return;
    ::posix_spawn_file_actions_adddup2(&actions_, ends_[1], STDERR_FILENO);
  }
  ~captured_errors() {
    ::posix_spawn_file_actions_destroy(&actions_);
    if (is_open())
      ::close(ends_[0]);
    close_target();
  }
  captured_errors(const captured_errors&) = delete;
  captured_errors& operator=(const captured_errors&) = delete;

  /// False when the process has no descriptors left; errno says so.
  [[nodiscard]] bool is_open() const {
    return ends_[0] >= 0;
  }

  [[nodiscard]] const posix_spawn_file_actions_t* actions() const {
    return &actions_;
  }

  /// All of it, once the child runs; as one line.
  std::string read() {
    close_target();
    std::string all;
    std::array<char, 1024> part{};
    for (;;) {
      auto size = ::read(ends_[0], part.data(), part.size());
      if (size < 0 && errno == EINTR)
        continue;
      if (size <= 0)
        break;
      all.append(part.data(), static_cast<std::size_t>(size));
    }
    while (!all.empty() && all.back() == '\n')
      all.pop_back();
    std::replace(all.begin(), all.end(), '\n', ' ');
    return all;
  }

private:
  void close_target() {
    if (ends_[1] >= 0)
      ::close(std::exchange(ends_[1], -1));
  }

  std::array<int, 2> ends_{-1, -1};
  posix_spawn_file_actions_t actions_{};
};

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
  captured_errors errors;
  if (!errors.is_open())
    return fail(ec::storage_failed, program_ + " --check cannot be started: " + std::strerror(errno));
  if (auto code = ::posix_spawn(&child, program_.c_str(), errors.actions(), nullptr, arguments.data(), environ);
      code != 0)
    return fail(ec::storage_failed, program_ + ": " + std::strerror(code));
  auto reason = errors.read();
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR)
      return fail(ec::storage_failed, program_ + ": " + std::strerror(errno));
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    return fail(ec::bad_argument, program_ + " --check does not accept the configuration: " +
                                    (reason.empty() ? "it says no reason" : reason));
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
