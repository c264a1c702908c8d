// corestore-bench: named workloads, honest numbers, and the JavaScript peers beside us.
#include <algorithm>
#include <csignal>
#include <cstdio>

#include <fmt/format.h>

#include "corestore_version.hpp"
#include "programs/bench/arguments.hpp"
#include "programs/bench/beside.hpp"
#include "programs/bench/bounds.hpp"
#include "programs/bench/plot.hpp"
#include "programs/exit_code.hpp"

namespace {

using namespace corestore;
using namespace corestore::bench;

int complain(const error& what) {
  std::fprintf(stderr, "corestore-bench: %s\n", to_string(what).c_str());
  return std::max<int>(programs::exit_code_of(what.code), programs::exit_failed);
}

void print(const options& asked, const json& line) {
  auto text = asked.is_json ? line.dump() : to_text(line) + "\n";
  std::printf("%s\n", text.c_str());
  std::fflush(stdout);
}

/// The JavaScript peer alone, and where two processes are at work also reading from us.
result<void> run_beside(const options& asked, const workload& chosen, const json& ours, plot& drawn) {
  auto theirs = run_js(asked);
  if (!theirs)
    return fail(theirs.error());
  drawn.add(*theirs);
  print(asked, without_curves(*theirs));
  print(asked, compare(ours, *theirs));
  if (chosen.serve == nullptr || !is_of_generation(asked.beside, asked.generation))
    return {};
  auto mixed = run_js_reader(asked);
  if (!mixed)
    return fail(mixed.error());
  drawn.add(*mixed);
  print(asked, without_curves(*mixed));
  print(asked, compare(*mixed, *theirs));
  return {};
}

result<void> run_whole(const options& asked, const workload& chosen) {
  auto limits = measure_machine(asked);
  if (!limits)
    return fail(limits.error());
  auto measured = chosen.run(asked);
  if (!measured)
    return fail(measured.error());
  auto ours = to_json(asked, *measured);
  put_bounds(ours, asked, *limits, measured->direct_s);
  plot drawn;
  drawn.add(ours, *measured);
  print(asked, ours);
  result<void> done;
  if (asked.beside != beside::nobody)
    done = run_beside(asked, chosen, ours, drawn);
  if (done && !asked.plot.empty())
    done = drawn.write(asked.plot);
  if (done && !measured->failure.empty())
    return fail(ec::limit_exceeded, measured->failure);
  return done;
}

result<void> run(const options& asked, const workload& chosen) {
  switch (asked.role) {
  case role::serve:
    return chosen.serve(asked);
  case role::fetch:
    return chosen.fetch(asked).map([&asked](const outcome& measured) {
      auto line = to_json(asked, measured);
      line["latency_ns"] = measured.latency.samples();
      print(asked, line);
    });
  case role::whole:
    break;
  }
  return run_whole(asked, chosen);
}

} // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  CLI::App app{"Load on a fresh store in a temporary folder (TMPDIR).", "corestore-bench"};
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
  auto done = check(*chosen, scenario).and_then([&] { return run(*chosen, scenario); });
  return done ? programs::exit_done : complain(done.error());
}
