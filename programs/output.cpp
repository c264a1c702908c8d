#include "programs/output.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>

#include <unistd.h>

namespace corestore::programs {

namespace {

constexpr std::size_t buffer_bytes_max = std::size_t{64} << 10U;

} // namespace

output::output() {
  std::signal(SIGPIPE, SIG_IGN);
}

result<void> output::write(byte_view content) {
  return write(as_text(content));
}

result<void> output::write(std::string_view text) {
  buffer_.append(text);
  if (buffer_.size() >= buffer_bytes_max)
    return flush();
  return {};
}

result<void> output::line(std::string_view text) {
  buffer_.append(text);
  buffer_.push_back('\n');
  return flush();
}

result<void> output::flush() {
  auto left = std::string_view{buffer_};
  while (!left.empty()) {
    auto count = ::write(STDOUT_FILENO, left.data(), left.size());
    if (count >= 0) {
      left.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno != EINTR) {
      auto reason = errno;
      buffer_.clear();
      if (reason == EPIPE)
        return fail(ec::cancelled, "nobody reads the standard output any more");
      return fail(ec::storage_failed, std::string{"standard output: "} + std::strerror(reason));
    }
  }
  buffer_.clear();
  return {};
}

bool is_terminal_error() {
  return isatty(STDERR_FILENO) == 1;
}

} // namespace corestore::programs
