// Random blocks of a long log that is elsewhere: what they cost in traffic, memory and disk, whatever the length.
#include <algorithm>
#include <random>
#include <thread>

#include "programs/bench/resources.hpp"
#include "programs/bench/two_process.hpp"
#include "programs/bench/workloads.hpp"

namespace corestore::bench {

namespace {

using clock = std::chrono::steady_clock;

constexpr std::uint64_t block_ms_max = 60000;

/// Connections tell their store once a second what they have carried.
constexpr std::chrono::milliseconds report_interval{1100};

result<std::uint64_t> bytes_received(const world& stage) {
  std::this_thread::sleep_for(report_interval);
  auto peers = programs::ask<std::vector<peer_record>>(stage.self(), stage.store(), programs::patience, peers_atom_v);
  if (!peers)
    return fail(peers.error());
  std::uint64_t sum = 0;
  for (const auto& peer : *peers)
    sum += peer.bytes_in;
  return sum;
}

/// Seconds until the store is open again, and the core in it.
result<double> reopen(fetched_world& side) {
  core_selector selector;
  selector.kind = selector_kind::by_key;
  selector.id.data = side.cores.front().record.key.data;
  side.cores.clear();
  auto& stage = *side.stage;
  stage.close();
  auto start = clock::now();
  if (auto again = stage.start(); !again)
    return fail(again.error());
  auto opened =
    programs::ask<opened_core>(stage.self(), stage.store(), programs::patience, open_atom_v, std::move(selector));
  if (!opened)
    return fail(opened.error());
  return std::chrono::duration<double>(clock::now() - start).count();
}

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
  auto head_bytes = bytes_received(*side->stage);
  auto resident = resident_bytes();
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
  auto all_bytes = bytes_received(*side->stage);
  if (!head_bytes || !all_bytes)
    return fail(head_bytes ? all_bytes.error() : head_bytes.error());
  auto reopen_s = reopen(*side);
  if (!reopen_s)
    return fail(reopen_s.error());
  measured.more["head_bytes"] = *head_bytes;
  measured.more["wire_bytes_per_block"] =
    static_cast<double>(*all_bytes - *head_bytes) / static_cast<double>(std::max<std::uint64_t>(measured.blocks, 1));
  measured.more["rss_before_mb"] = resident / 1e6;
  measured.more["reopen_s"] = *reopen_s;
  return measured;
}

} // namespace corestore::bench
