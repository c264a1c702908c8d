// What open cores cost: created, known from disk only, held open all at once, and opened again.
#include <algorithm>
#include <chrono>
#include <string>

#include "programs/bench/driver.hpp"
#include "programs/bench/resources.hpp"
#include "programs/bench/workloads.hpp"
#include "programs/bench/world.hpp"

namespace corestore::bench {

namespace {

using clock = std::chrono::steady_clock;

/// Openings under way at a time: enough to fill groups of the writer.
constexpr std::uint64_t callers_max = 2048;

/// Cores that are held while others are created.
constexpr std::uint64_t created_at_once = 50000;

/// Open cores that nobody holds: what a server has by default.
constexpr std::size_t idle_cores_max = 1000;

double seconds_since(clock::time_point start) {
  return std::chrono::duration<double>(clock::now() - start).count();
}

/// This process, and the actors in it.
struct crowded : footprint {
  std::uint64_t actors = 0;
};

crowded measure_process(const world& stage) {
  return {measure_footprint(), stage.actors()};
}

/// Opens the named cores [first, last), all of which stay open until the next call. With `then`, calls it before they
/// are released.
result<void> open_all(world& stage, std::uint64_t first, std::uint64_t last, outcome& measured,
                      const std::function<void()>& then = {}) {
  auto number = first;
  load what;
  what.callers = std::min(last - first, callers_max);
  what.at_end = then;
  what.next = [&](driver_state& driver, std::size_t caller) {
    if (number == last)
      return false;
    core_selector selector;
    selector.name = "core-" + std::to_string(number++);
    driver.request<opened_core>(caller, 1, stage.store(), open_atom_v, selector);
    return true;
  };
  return stage.run(std::move(what), measured);
}

} // namespace

result<outcome> open_many(const options& asked) {
  auto stage = world::open(asked, idle_cores_max);
  if (!stage)
    return fail(stage.error());
  auto& there = **stage;
  auto start = clock::now();
  for (std::uint64_t first = 0; first < asked.cores; first += created_at_once) {
    outcome ignored;
    if (auto done = open_all(there, first, std::min(asked.cores, first + created_at_once), ignored); !done)
      return fail(done.error());
  }
  auto create_s = seconds_since(start);
  there.close();
  start = clock::now();
  if (auto again = there.start(); !again)
    return fail(again.error());
  auto known = programs::ask<store_record>(there.self(), there.store(), programs::patience, info_atom_v);
  auto reopen_s = seconds_since(start);
  if (!known)
    return fail(known.error());
  if (known->cores_known != asked.cores)
    return fail(ec::internal, std::to_string(known->cores_known) + " cores are known after reopening");

  auto held = asked.held == 0 ? asked.cores : std::min(asked.held, asked.cores);
  auto before = measure_process(there);
  crowded after;
  outcome measured;
  if (auto done = open_all(there, 0, held, measured, [&] { after = measure_process(there); }); !done)
    return fail(done.error());
  auto each = static_cast<double>(held);
  measured.more = {{"bytes_per_core", (after.resident_bytes - before.resident_bytes) / each},
                   {"anonymous_bytes_per_core", (after.anonymous_bytes - before.anonymous_bytes) / each},
                   {"disk_bytes_per_core", measured.used_bytes / asked.cores},
                   {"create_s", create_s},
                   {"creates_s", static_cast<double>(asked.cores) / create_s},
                   {"reopen_s", reopen_s},
                   {"held", held},
                   {"actors_before", before.actors},
                   {"actors_after", after.actors},
                   {"descriptors_before", before.descriptors},
                   {"descriptors_after", after.descriptors},
                   {"threads_before", before.threads},
                   {"threads_after", after.threads}};
  return measured;
}

} // namespace corestore::bench
