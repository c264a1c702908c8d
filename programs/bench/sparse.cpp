// Random blocks of a long log that is elsewhere, one at a time.
#include <algorithm>
#include <random>

#include "programs/bench/two_process.hpp"
#include "programs/bench/workloads.hpp"

namespace corestore::bench {

namespace {

constexpr std::uint64_t block_ms_max = 60000;

} // namespace

result<outcome> fetch_sparse(const options& asked) {
  auto side = open_fetched(asked);
  if (!side)
    return fail(side.error());
  const auto& core = side->cores.front().handle;
  auto known =
    programs::ask<bool>(side->stage->self(), core, programs::patience_with(block_ms_max), update_atom_v, block_ms_max);
  if (!known)
    return fail(known.error());
  std::mt19937_64 random{asked.seed};
  std::uniform_int_distribution<std::uint64_t> index{0, asked.blocks - 1};
  load what;
  what.callers = std::max<std::uint64_t>(asked.callers, 1);
  what.units = std::max<std::uint64_t>(asked.requests / what.callers, 1);
  what.rate = asked.rate;
  what.warm_up_s = asked.warm_up_s;
  what.next = [&](driver_state& driver, std::size_t caller) {
    if (driver.take(caller, 1) == 0)
      return false;
    driver.request<shared_bytes>(caller, 1, core, fetch_atom_v, index(random), block_ms_max);
    return true;
  };
  outcome measured;
  if (auto done = side->stage->run(std::move(what), measured); !done)
    return fail(done.error());
  return measured;
}

} // namespace corestore::bench
