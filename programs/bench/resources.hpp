// What this process holds at one moment.
#pragma once

#include <cstdint>

namespace corestore::bench {

/// Resident memory; 0 where the system does not tell.
double resident_bytes();

/// Open descriptors.
std::uint64_t open_descriptors();

/// What a process has of everything that could grow with cores or connections.
struct footprint {
  double resident_bytes = 0;  ///< with the pages of the store that are mapped
  double anonymous_bytes = 0; ///< what only this process has
  std::uint64_t descriptors = 0;
  std::uint64_t threads = 0;
};

/// This process, after memory that it does not use went back to the system.
footprint measure_footprint();

} // namespace corestore::bench
