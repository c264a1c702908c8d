// What a benchmark run was asked for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "log/generation.hpp"
#include "storage/backend.hpp"

namespace corestore::bench {

enum class role : std::uint8_t {
  whole, ///< everything, in as many processes as it takes
  serve, ///< one side of a two-process run: holds the cores
  fetch  ///< the other side: gets them
};

/// Who does the same work beside us.
enum class beside : std::uint8_t {
  nobody,
  js, ///< generation 10: corestore 7, hypercore 11
  js9 ///< generation 9: corestore 5, hypercore 9
};

/// How the callers of a workload in one process reach the store.
enum class way : std::uint8_t {
  process, ///< by its handle
  plain,   ///< by the plain interface of the library, from threads of their own; reads only
  node     ///< over a CAF node connection on loopback, from an actor system of their own
};

struct options {
  std::string workload;
  std::uint64_t cores = 1;
  std::uint64_t blocks = 1;      ///< of each core
  std::uint64_t block_bytes = 1; ///< size of each block
  std::uint64_t batch = 1;       ///< blocks of one append
  std::uint64_t peers = 1;       ///< processes that fetch
  std::uint64_t callers = 0;     ///< requests in flight; 0 = what the workload is about
  std::uint64_t requests = 0;    ///< measured ones, where they are not one for each block
  std::uint64_t reads = 0;       ///< percent of the requests that read, of a mixed load
  double rate = 0;               ///< open loop: requests a second whatever the answers do; 0 = closed loop
  double warm_up_s = 0;          ///< of the same load, before anything is measured
  storage::durability durability = storage::durability::commit;
  log::generation generation = log::generation::g10; ///< of the cores, and of what is spoken between processes
  std::uint64_t duration_s = 0;                      ///< instead of a number of blocks; 0 = count
  std::uint64_t connections = 0;                     ///< of idle
  std::uint64_t held = 0;                            ///< cores that are open at once, of open-many; 0 = all
  std::uint64_t seed = 1;
  way over = way::process;
  bool is_json = false;
  std::string plot; ///< a file for the curves; empty = none
  bench::role role = role::whole;
  std::string address; ///< of the serving side, for `fetch`
  bench::beside beside = beside::nobody;
  std::optional<std::uint64_t> reader_processor; ///< that every fetching process stays on; none = the kernel's choice

  /// Reads of `get`: as many as blocks unless it is told otherwise.
  [[nodiscard]] std::uint64_t gets() const {
    return requests > 0 ? requests : blocks;
  }
};

std::string_view name_of(storage::durability what);
std::string_view name_of(way over);

/// Whether the peer beside us speaks the generation that we run as.
bool is_of_generation(beside peer, log::generation generation);

} // namespace corestore::bench
