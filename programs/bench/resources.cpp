#include "programs/bench/resources.hpp"

#include <cstdio>
#include <filesystem>
#include <iterator>

#include <unistd.h>

namespace corestore::bench {

double resident_bytes() {
  long pages = 0;
  long resident = 0;
  if (auto* file = std::fopen("/proc/self/statm", "re"); file != nullptr) {
    if (std::fscanf(file, "%ld %ld", &pages, &resident) != 2)
      resident = 0;
    std::fclose(file);
  }
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

std::uint64_t open_descriptors() {
  std::error_code failure;
  std::filesystem::directory_iterator folder{"/proc/self/fd", failure};
  return failure ? 0 : static_cast<std::uint64_t>(std::distance(begin(folder), end(folder)));
}

} // namespace corestore::bench
