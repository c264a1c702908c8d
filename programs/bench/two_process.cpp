#include "programs/bench/two_process.hpp"

#include <algorithm>
#include <iostream>

#include <fmt/format.h>

#include "base/text.hpp"
#include "config/address.hpp"
#include "programs/endpoint_of.hpp"

namespace corestore::bench {

std::vector<std::string> words_for(const options& asked, std::string_view role) {
  std::vector<std::string> words{own_path(),     asked.workload,
                                 "--role",       std::string{role},
                                 "--cores",      std::to_string(asked.cores),
                                 "--blocks",     std::to_string(asked.blocks),
                                 "--block-size", std::to_string(asked.block_bytes),
                                 "--batch",      std::to_string(asked.batch),
                                 "--requests",   std::to_string(asked.requests),
                                 "--callers",    std::to_string(asked.callers),
                                 "--rate",       fmt::format("{}", asked.rate),
                                 "--warm-up",    fmt::format("{}", asked.warm_up_s),
                                 "--durability", std::string{name_of(asked.durability)},
                                 "--generation", std::to_string(static_cast<int>(asked.generation)),
                                 "--seed",       std::to_string(asked.seed),
                                 "--json"};
  if (asked.connections > 0)
    words.insert(words.end(), {"--connections", std::to_string(asked.connections)});
  return words;
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

result<serving> start_serving(const options& asked) {
  auto server = child::start(words_for(asked, "serve"));
  if (!server)
    return fail(server.error());
  auto ready = read_json(**server, "serving");
  if (!ready)
    return fail(ready.error());
  return serving{std::move(*server), ready->value("listen", std::string{}),
                 ready->value("keys", std::vector<std::string>{})};
}

result<json> end_serving(serving& server, outcome& target) {
  server.process->close_input();
  auto last = read_json(*server.process, "serving");
  if (!last)
    return last;
  if (auto ended = server.process->wait(); !ended)
    return fail(ended.error());
  target.serve_cpu_s = last->value("cpu_s", 0.0);
  target.more["serve_peak_rss_mb"] = rounded(last->value("peak_rss_mb", 0.0));
  return last;
}

result<std::vector<std::unique_ptr<child>>> start_fetching(const options& asked, const serving& server) {
  auto words = words_for(asked, "fetch");
  words.insert(words.end(), {"--connect", server.listen});
  if (asked.reader_processor)
    words.insert(words.begin(), {"taskset", "--cpu-list", std::to_string(*asked.reader_processor)});
  std::string keys;
  for (const auto& key : server.keys)
    keys += key + '\n';
  keys += "end\n";
  std::vector<std::unique_ptr<child>> fetchers;
  for (std::uint64_t peer = 0; peer < asked.peers; ++peer) {
    auto fetcher = child::start(words);
    if (!fetcher)
      return fail(fetcher.error());
    if (auto told = (*fetcher)->write(keys); !told)
      return fail(told.error());
    fetchers.push_back(std::move(*fetcher));
  }
  for (auto& fetcher : fetchers)
    if (auto ready = read_json(*fetcher, "fetching"); !ready)
      return fail(ready.error());
  return fetchers;
}

result<std::vector<json>> collect_fetched(const options& asked, std::vector<std::unique_ptr<child>>& fetchers,
                                          outcome& total) {
  std::vector<json> lines;
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
    total.syncs += line->value("syncs", std::uint64_t{0});
    total.used_bytes = line->value("bytes_per_core", std::uint64_t{0}) * asked.cores;
    for (const auto& [ns, count] : line->value("latency_ns", histogram{}.samples()))
      total.latency.add(std::chrono::nanoseconds{ns}, count);
    lines.push_back(std::move(*line));
  }
  return lines;
}

// -- the sides themselves ---------------------------------------------------------------------------------------------

void say(const json& line) {
  std::cout << line.dump() << std::endl;
}

std::optional<std::string> hear() {
  std::string line;
  if (!std::getline(std::cin, line))
    return std::nullopt;
  return line;
}

result<served_world> serve_cores(const options& asked, std::uint64_t blocks) {
  auto stage = world::open(asked);
  if (!stage)
    return fail(stage.error());
  auto cores = (*stage)->create_cores(asked.cores);
  if (!cores)
    return fail(cores.error());
  block_pool pool{asked.block_bytes, asked.seed};
  if (blocks > 0)
    if (auto filled = (*stage)->fill(*cores, blocks, asked.batch, pool); !filled)
      return fail(filled.error());
  auto bound = (*stage)->engine().listen({false, "127.0.0.1", 0});
  if (!bound)
    return fail(bound.error());
  json ready{{"event", "ready"}, {"listen", actors::to_string(*bound)}, {"keys", json::array()}};
  for (const auto& core : *cores)
    ready["keys"].push_back(text::to_hex(core.record.key.view()));
  say(ready);
  return served_world{std::move(*stage), std::move(*cores)};
}

result<fetched_world> open_fetched(const options& asked) {
  auto where = programs::dial_endpoint(asked.address);
  if (!where)
    return fail(where.error());
  auto stage = world::open(asked);
  if (!stage)
    return fail(stage.error());
  std::vector<opened_core> cores;
  for (auto line = hear(); line && *line != "end"; line = hear()) {
    auto id = text::parse_key<hash32>(*line);
    if (!id)
      return fail(id.error());
    core_selector selector;
    selector.kind = selector_kind::by_key;
    selector.id = *id;
    auto opened =
      programs::ask<opened_core>((*stage)->self(), (*stage)->store(), programs::patience, open_atom_v, selector);
    if (!opened)
      return fail(opened.error());
    cores.push_back(std::move(*opened));
  }
  say({{"event", "ready"}});
  std::ignore = hear(); // all readers begin together
  (*stage)->engine().connect(*where);
  return fetched_world{std::move(*stage), std::move(cores)};
}

} // namespace corestore::bench
