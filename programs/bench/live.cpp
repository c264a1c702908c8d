// How long an append takes to be an event elsewhere: one process appends at a steady rate, the other follows. A block
// begins with the moment at which its append was due; the clock is the same for all processes of a machine.
#include <algorithm>
#include <cstring>
#include <map>

#include "programs/bench/two_process.hpp"
#include "programs/bench/workloads.hpp"

namespace corestore::bench {

namespace {

using clock = std::chrono::steady_clock;

constexpr std::size_t stamp_bytes = 8;
constexpr std::uint64_t first_ms_max = 60000;

std::int64_t nanoseconds_of(clock::time_point moment) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(moment.time_since_epoch()).count();
}

shared_bytes stamped(const shared_bytes& content, clock::time_point moment) {
  auto block = to_bytes(content.view());
  block.resize(std::max(block.size(), stamp_bytes));
  auto stamp = nanoseconds_of(moment);
  std::memcpy(block.data(), &stamp, stamp_bytes);
  return shared_bytes{std::move(block)};
}

/// When each length was announced and each block arrived.
struct notes {
  std::uint64_t wanted = 0;
  std::uint64_t length = 0;
  std::map<std::uint64_t, clock::time_point> known;   ///< by block: in the log
  std::map<std::uint64_t, clock::time_point> arrived; ///< by block: here
  caf::typed_response_promise<bool> promise;

  void note(const core_event& event) {
    auto now = clock::now();
    if (event.kind == event_kind::append)
      for (; length < event.length; ++length)
        known.emplace(length, now);
    else if (event.kind == event_kind::download)
      arrived.emplace(event.index, now);
    if (promise.pending() && known.size() >= wanted && arrived.size() >= wanted)
      promise.deliver(true);
  }
};

} // namespace

result<void> serve_live(const options& asked) {
  auto side = serve_cores(asked, 1);
  if (!side)
    return fail(side.error());
  const auto& core = side->cores.front().handle;
  if (!hear())
    return {};
  block_pool pool{asked.block_bytes, asked.seed};
  load what;
  what.units = asked.requests;
  what.rate = asked.rate;
  what.next = [&](driver_state& driver, std::size_t caller) {
    if (driver.take(caller, 1) == 0)
      return false;
    driver.request<append_result>(caller, 1, core, append_atom_v,
                                  std::vector<shared_bytes>{stamped(pool.take(1).front(), driver.due())});
    return true;
  };
  outcome served;
  if (auto done = side->stage->run(std::move(what), served); !done)
    return done;
  while (hear()) {
    // the end of the input is the end of the work
  }
  json last{{"event", "served"}, {"cpu_s", served.cpu_s}, {"peak_rss_mb", peak_rss_mb()}, {"syncs", served.syncs}};
  put_percentiles(last, served.latency, "append_");
  say(last);
  return {};
}

result<outcome> fetch_live(const options& asked) {
  auto side = open_fetched(asked);
  if (!side)
    return fail(side.error());
  const auto& self = side->stage->self();
  const auto& core = side->cores.front().handle;
  notes heard;
  heard.length = 1;
  heard.wanted = asked.requests;
  auto following = self->spawn([&heard](caf::event_based_actor* sink) -> caf::behavior {
    return {[&heard](const core_event& event) { heard.note(event); },
            [&heard, sink](wake_atom) {
              heard.promise = sink->make_response_promise<bool>();
              return heard.promise;
            },
            [sink](close_atom) {
              sink->quit();
              return true;
            }};
  });
  auto first = programs::ask<bool>(self, core, programs::patience_with(first_ms_max), download_atom_v, std::uint64_t{0},
                                   std::uint64_t{1}, first_ms_max);
  if (!first || !*first)
    return first ? fail(ec::timed_out, "the first block did not arrive") : fail(first.error());
  auto mirrored = programs::ask<core_record>(self, core, programs::patience, mirror_atom_v, true);
  auto watched = programs::ask<core_record>(self, core, programs::patience, subscribe_atom_v,
                                            caf::actor_cast<event_sink>(following));
  if (!mirrored || !watched)
    return fail(mirrored ? watched.error() : mirrored.error());
  say({{"event", "following"}});
  const stopwatch watch;
  outcome measured;
  auto complete = programs::ask<bool>(self, following, std::chrono::minutes{10}, wake_atom_v);
  watch.stop(measured);
  auto ended = programs::ask<bool>(self, following, programs::patience, close_atom_v); // it notes nothing more
  if (!complete || !ended)
    return fail(complete ? ended.error() : complete.error());
  side->stage->measure(measured);
  histogram arrivals;
  for (const auto& [index, moment] : heard.known) {
    auto block = programs::ask<shared_bytes>(self, core, programs::patience, fetch_atom_v, index, std::uint64_t{0});
    if (!block)
      return fail(block.error());
    std::int64_t stamp = 0;
    std::memcpy(&stamp, block->view().data(), stamp_bytes);
    measured.latency.add(std::chrono::nanoseconds{nanoseconds_of(moment) - stamp});
    arrivals.add(std::chrono::nanoseconds{nanoseconds_of(heard.arrived[index]) - stamp});
  }
  measured.blocks = heard.known.size();
  json parts;
  put_percentiles(parts, arrivals, "block_");
  for (const auto& [name, value] : parts.items())
    measured.more[name] = value;
  return measured;
}

result<outcome> live(const options& asked) {
  auto server = start_serving(asked);
  if (!server)
    return fail(server.error());
  auto fetchers = start_fetching(asked, *server);
  if (!fetchers)
    return fail(fetchers.error());
  for (auto& fetcher : *fetchers) {
    if (auto told = fetcher->write("go\n"); !told)
      return fail(told.error());
    if (auto following = read_json(*fetcher, "fetching"); !following)
      return fail(following.error());
  }
  if (auto told = server->process->write("go\n"); !told)
    return fail(told.error());
  const progress shown{asked.workload, 0};
  outcome total;
  auto lines = collect_fetched(asked, *fetchers, total);
  if (!lines)
    return fail(lines.error());
  auto last = end_serving(*server, total);
  if (!last)
    return fail(last.error());
  for (const auto* field : {"append_p50_ms", "append_p90_ms", "append_p99_ms", "append_max_ms"})
    total.more[field] = last->value(field, 0.0);
  for (const auto* field : {"block_p50_ms", "block_p90_ms", "block_p99_ms", "block_max_ms"})
    total.more[field] = lines->front().value(field, 0.0);
  return total;
}

} // namespace corestore::bench
