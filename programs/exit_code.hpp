// What the programs tell the shell.
#pragma once

#include "base/error.hpp"

namespace corestore::programs {

enum exit_code : int {
  exit_done = 0,
  exit_failed = 1,       ///< failed while running
  exit_usage = 2,        ///< bad usage or configuration
  exit_held = 3,         ///< another process holds the store
  exit_damaged = 4,      ///< the store is damaged or of an unknown format
  exit_interrupted = 130 ///< a second signal did not wait for the first one's work
};

/// The exit code that an error ends a program with. `cancelled` is what the user wished: not a failure.
inline exit_code exit_code_of(ec code) {
  switch (code) {
  case ec::none:
  case ec::cancelled:
    return exit_done;
  case ec::bad_argument:
  case ec::key_mismatch:
  case ec::unsupported:
    return exit_usage;
  case ec::store_held:
    return exit_held;
  case ec::storage_damaged:
  case ec::storage_format:
    return exit_damaged;
  default:
    return exit_failed;
  }
}

} // namespace corestore::programs
