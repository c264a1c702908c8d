// The running server makes place for the program that is on the disk now, in the same process: clients that connect
// meanwhile wait in the listening sockets, which stay open.
#pragma once

#include <string>

#include "base/error.hpp"

namespace corestore::programs {

class hand_over {
public:
  /// Remembers the program and its arguments, and adopts what a process before left. Before any thread.
  hand_over(int argc, char** argv);

  /// Whether the program on the disk accepts the configuration as it is now. bad_argument, storage_failed.
  [[nodiscard]] result<void> check() const;

  /// Keeps the listening sockets open over the end of the server; the one of the node surface cannot be passed on.
  void keep_listening(unsigned node_port);

  /// Only returns when it failed. Everything else of this process has ended.
  [[nodiscard]] error start() const;

private:
  std::string program_;
  char** arguments_;
  std::string kept_;
};

} // namespace corestore::programs
