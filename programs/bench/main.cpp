// corestore-bench: named workloads, honest numbers, and the JavaScript peers beside us.
//
//   append        batches on one core, each awaited
//   append-many   many cores at once, one append outstanding on each
//   get           random blocks of one core, one at a time, in process
//   replicate     every block of some cores, from process to process
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "corestore_version.hpp"
#include "programs/bench/beside.hpp"
#include "programs/bench/workloads.hpp"
#include "programs/exit_code.hpp"

namespace {

using namespace corestore;
using namespace corestore::bench;

constexpr std::uint64_t count_max = std::uint64_t{1} << 32U;
constexpr std::uint64_t block_bytes_max = 15728640;

void add_options(CLI::App& verb, options& asked) {
  const std::map<std::string, storage::durability> durabilities{{"commit", storage::durability::commit},
                                                                {"interval", storage::durability::interval},
                                                                {"none", storage::durability::none}};
  const std::map<std::string, role> roles{{"serve", role::serve}, {"fetch", role::fetch}};
  const auto positive = CLI::Range(std::uint64_t{1}, count_max);
  verb.add_option("--cores", asked.cores, "Cores")->check(positive)->capture_default_str();
  verb.add_option("--blocks", asked.blocks, "Blocks of each core")->check(positive)->capture_default_str();
  verb.add_option("--block-size", asked.block_bytes, "Bytes of each block")
    ->check(CLI::Range(std::uint64_t{0}, block_bytes_max))
    ->capture_default_str();
  verb.add_option("--batch", asked.batch, "Blocks of one append")->check(positive)->capture_default_str();
  verb.add_option("--peers", asked.peers, "Processes that fetch")
    ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{256}))
    ->capture_default_str();
  verb.add_option("--durability", asked.durability, "When an append is answered: commit, interval or none")
    ->transform(CLI::CheckedTransformer(durabilities).description(""))
    ->type_name("MODE=commit");
  verb.add_option("--duration", asked.duration_s, "Seconds to run, instead of a number of blocks");
  if (asked.workload == "open-many")
    verb.add_option("--held", asked.held, "Cores that are open at once (default: all)")->check(positive);
  verb.add_option("--seed", asked.seed, "Of content and order")->capture_default_str();
  verb.add_flag("--json", asked.is_json, "One line of JSON");
  verb.add_option("--role", asked.role, "One side of a two-process run: serve or fetch")
    ->transform(CLI::CheckedTransformer(roles).description(""))
    ->type_name("ROLE");
  verb.add_option("--connect", asked.address, "The serving side, for --role fetch");
  verb
    .add_option_function<std::string>(
      "--peer", [&asked](const std::string&) { asked.is_beside_js = true; }, "js: the JavaScript peer beside us")
    ->check(CLI::IsMember({"js"}));
}

int complain(const error& what) {
  std::fprintf(stderr, "corestore-bench: %s\n", to_string(what).c_str());
  return std::max<int>(programs::exit_code_of(what.code), programs::exit_failed);
}

void print(const options& asked, const json& line) {
  auto text = asked.is_json ? line.dump() : to_text(line) + "\n";
  std::printf("%s\n", text.c_str());
  std::fflush(stdout);
}

result<void> run_whole(const options& asked, const workload& chosen) {
  auto measured = chosen.run(asked);
  if (!measured)
    return fail(measured.error());
  auto ours = to_json(asked, *measured);
  print(asked, ours);
  if (!asked.is_beside_js)
    return {};
  auto theirs = run_js(asked);
  if (!theirs)
    return fail(theirs.error());
  print(asked, *theirs);
  print(asked, compare(ours, *theirs));
  if (asked.workload != "replicate")
    return {};
  auto mixed = run_js_reader(asked);
  if (!mixed)
    return fail(mixed.error());
  print(asked, *mixed);
  print(asked, compare(*mixed, *theirs));
  return {};
}

result<void> run(const options& asked, const workload& chosen) {
  switch (asked.role) {
  case role::serve:
    return serve_role(asked);
  case role::fetch:
    return fetch_role(asked).map([&asked](const outcome& measured) {
      auto line = to_json(asked, measured);
      line["latency_ns"] = measured.latency.samples();
      print(asked, line);
    });
  case role::whole:
    break;
  }
  return run_whole(asked, chosen);
}

result<void> check(const options& asked) {
  auto is_whole = asked.role == role::whole;
  if (!is_whole && asked.workload != "replicate")
    return fail(ec::bad_argument, "--role belongs to replicate");
  if (!is_whole && asked.is_beside_js)
    return fail(ec::bad_argument, "--role and --peer exclude each other");
  if ((asked.role == role::fetch) == asked.address.empty())
    return fail(ec::bad_argument, "--role fetch and --connect need each other");
  return {};
}

} // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  CLI::App app{"Load on a fresh store in a temporary folder.", "corestore-bench"};
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string{version});
  std::vector<options> asked;
  for (const auto& scenario : workloads())
    asked.push_back(scenario.defaults);
  for (std::size_t position = 0; position < asked.size(); ++position) {
    const auto& scenario = workloads()[position];
    asked[position].workload = scenario.name;
    add_options(*app.add_subcommand(std::string{scenario.name}, std::string{scenario.help}), asked[position]);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& failure) {
    if (failure.get_exit_code() == 0)
      return app.exit(failure);
    std::fprintf(stderr, "corestore-bench: %s; see corestore-bench --help\n", failure.what());
    return programs::exit_usage;
  }
  auto name = app.get_subcommands().front()->get_name();
  auto chosen = std::find_if(asked.begin(), asked.end(), [&name](const auto& one) { return one.workload == name; });
  const auto& scenario = workloads()[static_cast<std::size_t>(chosen - asked.begin())];
  if (scenario.is_single_core)
    chosen->cores = 1;
  auto done = check(*chosen).and_then([&] { return run(*chosen, scenario); });
  return done ? programs::exit_done : complain(done.error());
}
