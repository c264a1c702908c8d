// What this process holds at one moment.
#pragma once

#include <cstdint>

namespace corestore::bench {

/// Resident memory; 0 where the system does not tell.
double resident_bytes();

/// Open descriptors.
std::uint64_t open_descriptors();

} // namespace corestore::bench
