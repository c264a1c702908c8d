// Another process of the same benchmark, or a peer beside us: lines in, lines out.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/error.hpp"

namespace corestore::bench {

class child {
public:
  /// Runs `words` (program first, looked up in PATH); its standard error is ours.
  static result<std::unique_ptr<child>> start(const std::vector<std::string>& words);

  /// Ends it when it still runs.
  ~child();
  child(const child&) = delete;
  child& operator=(const child&) = delete;

  result<void> write(const std::string& text);
  void close_input();

  /// The next line without its end; nothing at the end of the output.
  std::optional<std::string> read_line();

  /// Closes its input and waits. internal with the exit code when it failed.
  result<void> wait();

private:
  child(std::string name, pid_t id, int input, int output)
      : name_(std::move(name)), id_(id), input_(input), output_(output) {
    // nop
  }

  std::string name_;
  pid_t id_;
  int input_;
  int output_;
  std::string pending_;
};

/// Path of this program.
std::string own_path();

} // namespace corestore::bench
