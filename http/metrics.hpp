// The metrics of the server: names that dashboards for Hypercores know, and our own.
#pragma once

#include <cstdint>
#include <string>

#include "base/core_totals.hpp"
#include "http/server.hpp"
#include "messages/types.hpp"

namespace corestore::http {

/// Bytes of the file system that holds the store.
struct disk_space {
  std::uint64_t size = 0;
  std::uint64_t available = 0;
};

disk_space space_of(const std::string& path);

/// What a scrape answers. Everything in it was counted before: the cost does not depend on the number of cores.
std::string to_metrics(const store_record& store, const core_totals& totals, const server_counters& http,
                       const disk_space& disk, double uptime_seconds);

} // namespace corestore::http
