#include "programs/bench/resources.hpp"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <malloc.h>
#include <unistd.h>
#ifdef CORESTORE_JEMALLOC
#include <jemalloc/jemalloc.h>
#endif

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

namespace {

/// Gives back what is allocated no more: what earlier phases left is not counted as free room of the next one.
void trim() {
#ifdef CORESTORE_JEMALLOC
  const auto all = "arena." + std::to_string(MALLCTL_ARENAS_ALL) + ".purge";
  mallctl(all.c_str(), nullptr, nullptr, nullptr, 0);
#else
  malloc_trim(0);
#endif
}

} // namespace

footprint measure_footprint() {
  footprint now;
  trim();
  std::ifstream status{"/proc/self/status"};
  std::string field;
  while (status >> field) {
    double value = 0;
    if (field == "VmRSS:" && status >> value)
      now.resident_bytes = value * 1024;
    else if (field == "RssAnon:" && status >> value)
      now.anonymous_bytes = value * 1024;
    else if (field == "Threads:" && status >> value)
      now.threads = static_cast<std::uint64_t>(value);
  }
  now.descriptors = open_descriptors();
  return now;
}

} // namespace corestore::bench
