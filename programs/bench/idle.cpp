// What connections cost on which nothing happens: memory, descriptors, and the processor's time of one that only keeps
// them alive.
#include <chrono>
#include <thread>

#include "programs/bench/resources.hpp"
#include "programs/bench/two_process.hpp"
#include "programs/bench/workloads.hpp"
#include "programs/endpoint_of.hpp"

namespace corestore::bench {

namespace {

using clock = std::chrono::steady_clock;

constexpr auto connect_time_max = std::chrono::minutes(5);
constexpr std::chrono::milliseconds look_interval{20};
/// Rest after the last handshake, so that what it left behind is over.
constexpr std::chrono::seconds settle_time{3};
/// A second is watched at least: connections look at their clock once in each.
constexpr std::uint64_t watched_s_min = 1;

/// Waits until the store has `count` connections.
result<void> wait_for(const world& stage, std::uint64_t count) {
  auto deadline = clock::now() + connect_time_max;
  while (clock::now() < deadline) {
    auto record = programs::ask<store_record>(stage.self(), stage.store(), programs::patience, info_atom_v);
    if (!record)
      return fail(record.error());
    if (record->sessions >= count)
      return {};
    std::this_thread::sleep_for(look_interval);
  }
  return fail(ec::timed_out, "fewer than " + std::to_string(count) + " connections");
}

json line_of(const world& stage) {
  auto now = measure_footprint();
  auto record = programs::ask<store_record>(stage.self(), stage.store(), programs::patience, info_atom_v);
  return {{"connections", record ? record->sessions : 0},
          {"resident", now.resident_bytes},
          {"anonymous", now.anonymous_bytes},
          {"descriptors", now.descriptors},
          {"actors", stage.actors()},
          {"cpu_s", cpu_seconds()}};
}

result<json> look_at(const serving& server) {
  if (auto asked = server.process->write("look\n"); !asked)
    return fail(asked.error());
  return read_json(*server.process, "serving");
}

} // namespace

result<outcome> idle(const options& asked) {
  auto server = start_serving(asked);
  if (!server)
    return fail(server.error());
  auto before = look_at(*server);
  if (!before)
    return before.map([](const auto&) { return outcome{}; });
  auto fetchers = start_fetching(asked, *server);
  if (!fetchers)
    return fail(fetchers.error());
  if (auto told = fetchers->front()->write("go\n"); !told)
    return fail(told.error());
  if (auto connected = read_json(*fetchers->front(), "fetching"); !connected)
    return fail(connected.error());
  std::this_thread::sleep_for(settle_time);
  auto watched_s = std::max(asked.duration_s, watched_s_min);
  auto begun = look_at(*server);
  std::this_thread::sleep_for(std::chrono::seconds{watched_s});
  auto ended = look_at(*server);
  if (!begun || !ended)
    return fail((begun ? ended : begun).error());
  for (const auto* line : {&*begun, &*ended})
    if (auto open = line->value("connections", std::uint64_t{0}); open != asked.connections)
      return fail(ec::internal, std::to_string(open) + " connections are open");
  outcome total;
  fetchers->front()->close_input();
  if (auto lines = collect_fetched(asked, *fetchers, total); !lines)
    return fail(lines.error());
  if (auto done = end_serving(*server, total); !done)
    return fail(done.error());
  auto count = static_cast<double>(asked.connections);
  auto grown = [&](const char* field) {
    return rounded((begun->value(field, 0.0) - before->value(field, 0.0)) / count);
  };
  total.more["connections_s"] = count / std::max(total.wall_s, 1e-9);
  total.more["bytes_per_connection"] = grown("resident");
  total.more["anonymous_bytes_per_connection"] = grown("anonymous");
  total.more["descriptors_per_connection"] = grown("descriptors");
  total.more["actors_per_connection"] = grown("actors");
  total.more["idle_cpu_share"] =
    rounded((ended->value("cpu_s", 0.0) - begun->value("cpu_s", 0.0)) / static_cast<double>(watched_s));
  return total;
}

result<void> serve_idle(const options& asked) {
  auto side = serve_cores(asked, asked.blocks);
  if (!side)
    return fail(side.error());
  while (hear())
    say(line_of(*side->stage));
  say({{"event", "served"}, {"cpu_s", cpu_seconds()}, {"peak_rss_mb", peak_rss_mb()}});
  return {};
}

result<outcome> fetch_idle(const options& asked) {
  auto where = programs::dial_endpoint(asked.address);
  if (!where)
    return fail(where.error());
  const stopwatch watch;
  auto side = open_fetched(asked); // with the first connection
  if (!side)
    return fail(side.error());
  auto start = clock::now();
  for (std::uint64_t i = 1; i < asked.connections; ++i)
    side->stage->engine().connect(*where);
  if (auto done = wait_for(*side->stage, asked.connections); !done)
    return fail(done.error());
  outcome measured;
  watch.stop(measured);
  measured.wall_s = std::chrono::duration<double>(clock::now() - start).count();
  measured.blocks = asked.connections;
  side->stage->measure(measured);
  say({{"event", "connected"}});
  while (hear()) {
    // the end of the input is the end of the work
  }
  return measured;
}

} // namespace corestore::bench
