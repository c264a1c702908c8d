#include "programs/bench/child.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace corestore::bench {

namespace {

constexpr std::size_t read_bytes = 4096;

} // namespace

result<std::unique_ptr<child>> child::start(const std::vector<std::string>& words) {
  std::array<int, 2> input{-1, -1};
  std::array<int, 2> output{-1, -1};
  if (pipe2(input.data(), O_CLOEXEC) != 0 || pipe2(output.data(), O_CLOEXEC) != 0)
    return fail(ec::storage_failed, std::string{"pipe: "} + std::strerror(errno));
  posix_spawn_file_actions_t actions{};
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO);
  std::vector<std::string> copies = words;
  std::vector<char*> arguments;
  arguments.reserve(copies.size() + 1);
  for (auto& word : copies)
    arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t id = -1;
  auto failure = posix_spawnp(&id, arguments.front(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(input[0]);
  close(output[1]);
  if (failure != 0) {
    close(input[1]);
    close(output[0]);
    return fail(ec::not_found, words.front() + ": " + std::strerror(failure));
  }
  return std::unique_ptr<child>{new child(words.front(), id, input[1], output[0])};
}

child::~child() {
  close_input();
  close(output_);
  if (id_ > 0) {
    kill(id_, SIGKILL);
    waitpid(id_, nullptr, 0);
  }
}

result<void> child::write(const std::string& text) {
  std::size_t done = 0;
  while (done < text.size()) {
    auto count = ::write(input_, text.data() + done, text.size() - done);
    if (count < 0 && errno != EINTR)
      return fail(ec::connection_closed, name_ + " does not read: " + std::strerror(errno));
    done += count > 0 ? static_cast<std::size_t>(count) : 0;
  }
  return {};
}

void child::close_input() {
  if (input_ >= 0)
    close(input_);
  input_ = -1;
}

std::optional<std::string> child::read_line() {
  for (;;) {
    auto end = pending_.find('\n');
    if (end != std::string::npos) {
      auto line = pending_.substr(0, end);
      pending_.erase(0, end + 1);
      return line;
    }
    std::array<char, read_bytes> buffer{};
    auto count = read(output_, buffer.data(), buffer.size());
    if (count == 0 || (count < 0 && errno != EINTR))
      return std::nullopt;
    if (count > 0)
      pending_.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

result<void> child::wait() {
  close_input();
  int status = 0;
  while (waitpid(id_, &status, 0) < 0 && errno == EINTR) {
    // again
  }
  id_ = -1;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
    return {};
  return fail(ec::internal, name_ + (WIFEXITED(status) ? " ended with exit code " + std::to_string(WEXITSTATUS(status))
                                                       : " was ended by a signal"));
}

std::string own_path() {
  std::error_code failure;
  auto path = std::filesystem::read_symlink("/proc/self/exe", failure);
  return failure ? std::string{"corestore-bench"} : path.string();
}

} // namespace corestore::bench
