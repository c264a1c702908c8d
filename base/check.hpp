// Checks of our own invariants, on in every build.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace corestore::detail {

[[noreturn]] inline void check_failed(const char* what, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: invariant broken: %s\n", file, line, what);
  std::abort();
}

} // namespace corestore::detail

/// Ends the process when an invariant of ours does not hold; never used on input from outside.
#define CORESTORE_CHECK(condition)                                                                                     \
  (static_cast<bool>(condition) ? static_cast<void>(0)                                                                 \
                                : ::corestore::detail::check_failed(#condition, __FILE__, __LINE__))
