#include "programs/bench/beside.hpp"

#include <cmath>
#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>

#include "programs/bench/child.hpp"

namespace corestore::bench {

namespace {

std::filesystem::path peers_folder() {
  const auto* named = std::getenv("CORESTORE_PEERS");
  return named != nullptr ? named : CORESTORE_PEERS_FOLDER;
}

/// Two digits after the point; nothing to compare gives null.
json ratio(const json& upper, const json& lower, const char* field) {
  auto above = upper.value(field, 0.0);
  auto below = lower.value(field, 0.0);
  if (above <= 0 || below <= 0)
    return nullptr;
  return std::round(above / below * 100) / 100;
}

/// Workloads that are others with other parameters.
std::string script_of(const std::string& workload) {
  return workload == "replicate-many" || workload == "fanout" || workload == "sparse" ? "replicate" : workload;
}

result<json> run_script(const options& asked, const std::vector<std::string>& more) {
  auto script = peers_folder() / (script_of(asked.workload) + ".js");
  if (!std::filesystem::exists(script))
    return fail(ec::not_found, "no JavaScript peer for this workload: " + script.string());
  std::vector<std::string> words{"node",         script.string(),
                                 "--cores",      std::to_string(asked.cores),
                                 "--blocks",     std::to_string(asked.blocks),
                                 "--block-size", std::to_string(asked.block_bytes),
                                 "--batch",      std::to_string(asked.batch),
                                 "--peers",      std::to_string(asked.peers),
                                 "--durability", std::string{name_of(asked.durability)},
                                 "--callers",    std::to_string(asked.callers),
                                 "--requests",   std::to_string(asked.requests),
                                 "--reads",      std::to_string(asked.reads),
                                 "--rate",       fmt::format("{}", asked.rate),
                                 "--warm-up",    fmt::format("{}", asked.warm_up_s),
                                 "--workload",   asked.workload,
                                 "--generation", asked.beside == beside::js9 ? "9" : "10",
                                 "--seed",       std::to_string(asked.seed),
                                 "--json"};
  if (asked.reader_processor)
    words.insert(words.end(), {"--reader-processor", std::to_string(*asked.reader_processor)});
  words.insert(words.end(), more.begin(), more.end());
  auto peer = child::start(words);
  if (!peer)
    return fail(peer.error());
  (*peer)->close_input();
  auto line = (*peer)->read_line();
  auto ended = (*peer)->wait();
  if (!ended)
    return fail(ended.error());
  auto value = json::parse(line.value_or(""), nullptr, false);
  if (!value.is_object())
    return fail(ec::decoding_failed, script.string() + " printed no result");
  return value;
}

} // namespace

result<json> run_js(const options& asked) {
  return run_script(asked, {});
}

result<json> run_js_reader(const options& asked) {
  return run_script(asked, {"--serve-with", own_path()}).map([](json line) {
    line["peer"] = "javascript reading from native";
    return line;
  });
}

json compare(const json& ours, const json& theirs) {
  return {{"workload", ours.value("workload", "")},
          {"peer", "ratio"},
          {"blocks_s", ratio(ours, theirs, "blocks_s")},
          {"cpu_s", ratio(theirs, ours, "cpu_s")},
          {"p50_ms", ratio(theirs, ours, "p50_ms")}};
}

} // namespace corestore::bench
