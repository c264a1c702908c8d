// What open cores cost: created, held open, known from disk only, and opened again.
#include <chrono>
#include <cstdio>

#include <unistd.h>

#include "programs/bench/driver.hpp"
#include "programs/bench/workloads.hpp"
#include "programs/bench/world.hpp"

namespace corestore::bench {

namespace {

/// Openings under way at a time: enough to fill groups of the writer.
constexpr std::uint64_t callers_max = 2048;

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

/// Opens `asked.cores` named cores, all of which stay open.
result<void> open_all(world& stage, const options& asked, outcome& measured) {
  auto left = asked.cores;
  auto next = [&](driver_state& driver, std::size_t caller) {
    if (left == 0)
      return false;
    core_selector selector;
    selector.name = "core-" + std::to_string(left--);
    driver.request<opened_core>(caller, 1, stage.store(), open_atom_v, selector);
    return true;
  };
  return drive(stage.self(), std::min(asked.cores, callers_max), next, measured);
}

} // namespace

result<outcome> open_many(const options& asked) {
  auto stage = world::open(asked.durability);
  if (!stage)
    return fail(stage.error());
  auto& there = **stage;
  outcome created;
  if (auto done = open_all(there, asked, created); !done)
    return fail(done.error());
  auto started = std::chrono::steady_clock::now();
  if (auto again = there.reopen(); !again)
    return fail(again.error());
  auto known = programs::ask<store_record>(there.self(), there.store(), programs::patience, info_atom_v);
  auto reopened = std::chrono::steady_clock::now() - started;
  if (!known)
    return fail(known.error());
  if (known->cores_known != asked.cores)
    return fail(ec::internal, std::to_string(known->cores_known) + " cores are known after reopening");
  auto before = resident_bytes();
  outcome measured;
  if (auto done = open_all(there, asked, measured); !done)
    return fail(done.error());
  auto grown = resident_bytes() - before;
  there.measure(measured);
  measured.bytes_per_core = grown / static_cast<double>(asked.cores);
  measured.create_s = created.wall_s;
  measured.reopen_s = std::chrono::duration<double>(reopened).count();
  return measured;
}

} // namespace corestore::bench
