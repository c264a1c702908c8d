// Results on standard output: buffered, flushed where the caller promises it, silent about a reader that left.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/error.hpp"

namespace corestore::programs {

class output {
public:
  /// SIGPIPE is ignored from here on: a reader that left is an error value, `cancelled`.
  output();

  /// Every write may fail with `cancelled` (nobody reads any more) or `storage_failed` (the system's reason).
  result<void> write(byte_view content);
  result<void> write(std::string_view text);

  /// The text, a line end, and a flush.
  result<void> line(std::string_view text);

  result<void> flush();

private:
  std::string buffer_;
};

/// Whether a progress line makes sense.
bool is_terminal_error();

} // namespace corestore::programs
