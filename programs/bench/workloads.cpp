#include "programs/bench/workloads.hpp"

#include <array>

namespace corestore::bench {

namespace {

constexpr std::uint64_t block_bytes_small = 100;
constexpr std::uint64_t block_bytes_usual = 1024;

options with(std::uint64_t cores, std::uint64_t blocks, std::uint64_t block_bytes, std::uint64_t batch) {
  options defaults;
  defaults.cores = cores;
  defaults.blocks = blocks;
  defaults.block_bytes = block_bytes;
  defaults.batch = batch;
  return defaults;
}

options warmed(options defaults) {
  defaults.warm_up_s = 0.3;
  return defaults;
}

options of_readers(options defaults, std::uint64_t peers) {
  defaults.peers = peers;
  return defaults;
}

options requesting(options defaults, std::uint64_t requests, double rate) {
  defaults.requests = requests;
  defaults.rate = rate;
  return defaults;
}

options connected(options defaults, std::uint64_t connections) {
  defaults.connections = connections;
  return defaults;
}

options reading(options defaults, std::uint64_t percent, std::uint64_t callers) {
  defaults.reads = percent;
  defaults.callers = callers;
  return defaults;
}

} // namespace

std::span<const workload> workloads() {
  static const std::array<workload, 13> list{{
    {"append", "batches on one core, each awaited", warmed(with(1, 100000, block_bytes_small, 1000)), append, true},
    {"append-many", "many cores at once, one append outstanding on each", warmed(with(1000, 20, block_bytes_usual, 1)),
     append_many},
    {"get", "random blocks of one core, one at a time, in process", warmed(with(1, 20000, block_bytes_usual, 1000)),
     get, true},
    {"scan", "all blocks of one core in order, in process", warmed(with(1, 100000, block_bytes_usual, 1000)), scan,
     true},
    {"replicate", "every block of some cores, from process to process", with(1, 20000, block_bytes_small, 1000),
     replicate, false, serve_replicate, fetch_replicate},
    {"replicate-many", "many cores over one connection", with(1000, 20, block_bytes_small, 20), replicate, false,
     serve_replicate, fetch_replicate},
    {"fanout", "one server, many readers of everything", of_readers(with(1, 20000, block_bytes_small, 1000), 50),
     replicate, false, serve_replicate, fetch_replicate},
    {"live", "from an append to its event in another process", requesting(with(1, 1, block_bytes_usual, 1), 1000, 200),
     live, true, serve_live, fetch_live},
    {"open-many", "cores created, known from disk, and held open all at once", with(10000, 1, 1, 1), open_many},
    {"sparse", "random blocks of a long log in another process, one at a time",
     requesting(with(1, 1000000, block_bytes_small, 1000), 1000, 0), replicate, true, serve_replicate, fetch_sparse},
    {"idle", "connections on which nothing happens: what one costs", connected(with(1, 1, block_bytes_small, 1), 1000),
     idle, true, serve_idle, fetch_idle},
    {"mixed", "random reads and appends of many callers on many cores",
     warmed(reading(with(100, 1000, block_bytes_usual, 1), 70, 64)), mixed},
    {"soak", "cores opened, appended to, replicated, cleared and closed; fails when something grows",
     reading(with(5000, 100, block_bytes_usual, 10), 0, 32), soak},
  }};
  return list;
}

} // namespace corestore::bench
