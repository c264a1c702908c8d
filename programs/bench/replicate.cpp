// Replication between processes: a serving one, and as many fetching ones as there are peers.
#include <algorithm>
#include <iostream>
#include <string>

#include <fmt/format.h>

#include "base/text.hpp"
#include "config/address.hpp"
#include "programs/bench/child.hpp"
#include "programs/bench/driver.hpp"
#include "programs/bench/workloads.hpp"
#include "programs/bench/world.hpp"
#include "programs/endpoint_of.hpp"

namespace corestore::bench {

namespace {

/// A core that does not arrive within this time fails the run.
constexpr std::uint64_t arrival_ms_max = 600000;

/// The command line that gives another process of this program the same parameters.
std::vector<std::string> words_for(const options& asked, std::string_view role) {
  return {own_path(),     asked.workload,
          "--role",       std::string{role},
          "--cores",      std::to_string(asked.cores),
          "--blocks",     std::to_string(asked.blocks),
          "--block-size", std::to_string(asked.block_bytes),
          "--batch",      std::to_string(asked.batch),
          "--durability", std::string{name_of(asked.durability)},
          "--seed",       std::to_string(asked.seed),
          "--json"};
}

result<json> read_json(child& process, std::string_view what) {
  auto line = process.read_line();
  if (!line)
    return fail(ec::connection_closed, fmt::format("the {} process ended without a result", what));
  auto value = json::parse(*line, nullptr, false);
  if (!value.is_object())
    return fail(ec::decoding_failed, fmt::format("the {} process said: {}", what, *line));
  return value;
}

/// Creates the cores and fills them.
result<std::vector<opened_core>> fill(world& stage, const options& asked) {
  auto cores = stage.create_cores(asked.cores);
  if (!cores)
    return cores;
  block_pool pool{asked.block_bytes, asked.seed};
  std::vector<std::uint64_t> left(asked.cores, asked.blocks);
  outcome ignored;
  auto filled = drive(
    stage.self(), asked.cores,
    [&](driver_state& driver, std::size_t caller) {
      auto count = std::min(asked.batch, left[caller]);
      if (count == 0)
        return false;
      left[caller] -= count;
      driver.request<append_result>(caller, count, (*cores)[caller].handle, append_atom_v, pool.take(count));
      return true;
    },
    ignored);
  if (!filled)
    return fail(filled.error());
  return cores;
}

/// What the parent learns of the fetching processes together.
result<outcome> fetch_all(const options& asked, const json& ready) {
  auto words = words_for(asked, "fetch");
  words.insert(words.end(), {"--connect", ready.value("listen", std::string{})});
  std::string keys;
  for (const auto& key : ready.value("keys", std::vector<std::string>{}))
    keys += key + '\n';
  std::vector<std::unique_ptr<child>> fetchers;
  for (std::uint64_t peer = 0; peer < asked.peers; ++peer) {
    auto fetcher = child::start(words);
    if (!fetcher)
      return fail(fetcher.error());
    fetchers.push_back(std::move(*fetcher));
  }
  outcome total;
  for (auto& fetcher : fetchers) {
    if (auto told = fetcher->write(keys); !told)
      return fail(told.error());
    fetcher->close_input();
  }
  for (auto& fetcher : fetchers) {
    auto line = read_json(*fetcher, "fetching");
    if (!line)
      return fail(line.error());
    if (auto ended = fetcher->wait(); !ended)
      return fail(ended.error());
    total.blocks += line->value("blocks", std::uint64_t{0});
    total.wall_s = std::max(total.wall_s, line->value("wall_s", 0.0));
    total.cpu_s += line->value("cpu_s", 0.0);
    total.peak_rss_mb = std::max(total.peak_rss_mb, line->value("peak_rss_mb", 0.0));
    total.bytes_written += line->value("bytes_written", std::uint64_t{0});
    total.used_bytes = line->value("bytes_per_core", std::uint64_t{0}) * asked.cores;
    for (const auto& [ns, count] : line->value("latency_ns", histogram{}.samples()))
      total.latency.add(std::chrono::nanoseconds{ns}, count);
  }
  return total;
}

} // namespace

result<outcome> replicate(const options& asked) {
  auto server = child::start(words_for(asked, "serve"));
  if (!server)
    return fail(server.error());
  auto ready = read_json(**server, "serving");
  if (!ready)
    return fail(ready.error());
  auto measured = fetch_all(asked, *ready);
  if (!measured)
    return measured;
  (*server)->close_input();
  auto last = read_json(**server, "serving");
  if (!last)
    return fail(last.error());
  if (auto ended = (*server)->wait(); !ended)
    return fail(ended.error());
  measured->serve_cpu_s = last->value("cpu_s", 0.0);
  return measured;
}

result<void> serve_role(const options& asked) {
  auto stage = world::open(asked.durability);
  if (!stage)
    return fail(stage.error());
  auto cores = fill(**stage, asked);
  if (!cores)
    return fail(cores.error());
  auto bound = (*stage)->engine().listen({false, "127.0.0.1", 0});
  if (!bound)
    return fail(bound.error());
  json ready{{"event", "ready"}, {"listen", actors::to_string(*bound)}, {"keys", json::array()}};
  for (const auto& core : *cores)
    ready["keys"].push_back(text::to_hex(core.record.key.view()));
  const stopwatch watch;
  std::cout << ready.dump() << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    // the end of the input is the end of the work
  }
  outcome served;
  watch.stop(served);
  std::cout << json{{"event", "served"}, {"cpu_s", served.cpu_s}, {"peak_rss_mb", peak_rss_mb()}}.dump() << std::endl;
  return {};
}

result<outcome> fetch_role(const options& asked) {
  auto where = programs::dial_endpoint(asked.address);
  if (!where)
    return fail(where.error());
  auto stage = world::open(asked.durability);
  if (!stage)
    return fail(stage.error());
  std::vector<core_actor> cores;
  for (std::string line; std::getline(std::cin, line);) {
    auto id = text::parse_key<hash32>(line);
    if (!id)
      return fail(id.error());
    core_selector selector;
    selector.kind = selector_kind::by_key;
    selector.id = *id;
    auto opened =
      programs::ask<opened_core>((*stage)->self(), (*stage)->store(), programs::patience, open_atom_v, selector);
    if (!opened)
      return fail(opened.error());
    cores.push_back(opened->handle);
  }
  std::vector<bool> is_asked(cores.size());
  outcome measured;
  (*stage)->engine().connect(*where);
  auto done = drive((*stage)->self(), cores.size(),
                    [&](driver_state& driver, std::size_t caller) {
                      if (is_asked[caller])
                        return false;
                      is_asked[caller] = true;
                      driver.request<bool>(caller, asked.blocks, cores[caller], download_atom_v, std::uint64_t{0},
                                           asked.blocks, arrival_ms_max);
                      return true;
                    },
                    measured);
  if (!done)
    return fail(done.error());
  (*stage)->measure(measured);
  return measured;
}

} // namespace corestore::bench
