// What a benchmark run was asked for.
#pragma once

#include <cstdint>
#include <string>

#include "storage/backend.hpp"

namespace corestore::bench {

enum class role : std::uint8_t {
  whole, ///< everything, in as many processes as it takes
  serve, ///< one side of a two-process run: holds the cores
  fetch  ///< the other side: gets them
};

struct options {
  std::string workload;
  std::uint64_t cores = 1;
  std::uint64_t blocks = 1;      ///< of each core
  std::uint64_t block_bytes = 1; ///< size of each block
  std::uint64_t batch = 1;       ///< blocks of one append
  std::uint64_t peers = 1;       ///< processes that fetch
  storage::durability durability = storage::durability::commit;
  std::uint64_t duration_s = 0; ///< instead of a number of blocks; 0 = count
  std::uint64_t held = 0;       ///< cores that are open at once, of open-many; 0 = all
  std::uint64_t seed = 1;
  bool is_json = false;
  bench::role role = role::whole;
  std::string address; ///< of the serving side, for `fetch`
  bool is_beside_js = false;
};

std::string_view name_of(storage::durability what);

} // namespace corestore::bench
