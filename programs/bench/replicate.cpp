// Replication between processes: a serving one, and as many fetching ones as there are peers.
#include "programs/bench/two_process.hpp"
#include "programs/bench/workloads.hpp"

namespace corestore::bench {

namespace {

/// A core that does not arrive within this time fails the run.
constexpr std::uint64_t arrival_ms_max = 600000;

} // namespace

result<outcome> replicate(const options& asked) {
  auto server = start_serving(asked);
  if (!server)
    return fail(server.error());
  auto fetchers = start_fetching(asked, *server);
  if (!fetchers)
    return fail(fetchers.error());
  const progress shown{asked.workload, 0};
  for (auto& fetcher : *fetchers) {
    if (auto told = fetcher->write("go\n"); !told)
      return fail(told.error());
  }
  outcome total;
  auto lines = collect_fetched(asked, *fetchers, total);
  if (!lines)
    return fail(lines.error());
  for (const auto* field : {"head_bytes", "wire_bytes_per_block", "rss_before_mb", "reopen_s"})
    if (lines->front().contains(field)) // of a sparse reader
      total.more[field] = lines->front()[field];
  if (auto ended = end_serving(*server, total); !ended)
    return fail(ended.error());
  return total;
}

result<void> serve_replicate(const options& asked) {
  auto side = serve_cores(asked, asked.blocks);
  if (!side)
    return fail(side.error());
  const stopwatch watch;
  while (hear()) {
    // the end of the input is the end of the work
  }
  outcome served;
  watch.stop(served);
  say({{"event", "served"}, {"cpu_s", served.cpu_s}, {"peak_rss_mb", peak_rss_mb()}});
  return {};
}

result<outcome> fetch_replicate(const options& asked) {
  auto side = open_fetched(asked);
  if (!side)
    return fail(side.error());
  load what;
  what.callers = side->cores.size();
  what.units = 1;
  what.next = [&](driver_state& driver, std::size_t caller) {
    if (driver.take(caller, 1) == 0)
      return false;
    driver.request<bool>(caller, asked.blocks, side->cores[caller].handle, download_atom_v, std::uint64_t{0},
                         asked.blocks, arrival_ms_max);
    return true;
  };
  outcome measured;
  if (auto done = side->stage->run(std::move(what), measured); !done)
    return fail(done.error());
  return measured;
}

} // namespace corestore::bench
