// The metrics of the server: names that dashboards for Hypercores know, and our own.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/core_totals.hpp"
#include "http/server.hpp"
#include "messages/core_types.hpp"
#include "messages/types.hpp"

namespace corestore::http {

/// Bytes of the file system that holds the store.
struct disk_space {
  std::uint64_t size = 0;
  std::uint64_t available = 0;
};

disk_space space_of(const std::string& path);

/// One core of those that are most in use.
struct top_core {
  core_record record;
  core_stats stats;
};

/// What a scrape answers that asks for single cores and peers.
std::string to_top_metrics(const std::vector<top_core>& cores, const std::vector<peer_record>& peers);

/// What a scrape answers. Everything in it was counted before: the cost does not depend on the number of cores.
std::string to_metrics(const store_record& store, const core_totals& totals, const server_counters& http,
                       const disk_space& disk, double uptime_seconds);

} // namespace corestore::http
