#include "programs/bench/arguments.hpp"

#include <map>

namespace corestore::bench {

namespace {

constexpr std::uint64_t count_max = std::uint64_t{1} << 32U;
constexpr std::uint64_t block_bytes_max = 15728640;
constexpr std::uint64_t callers_max = 100000;
constexpr std::uint64_t connections_max = 100000;
constexpr std::uint64_t processor_max = 8191;
constexpr double rate_max = 1e7;
constexpr double warm_up_s_max = 3600;

/// Workloads with processes that fetch while others serve.
bool has_readers(const std::string& workload) {
  return workload == "replicate" || workload == "replicate-many" || workload == "fanout" || workload == "live" ||
         workload == "sparse";
}

/// Room for the moment of an append.
constexpr std::uint64_t live_block_bytes_min = 8;

/// Workloads whose callers are where the store is.
bool is_in_process(const std::string& workload) {
  return workload == "append" || workload == "append-many" || workload == "get" || workload == "scan" ||
         workload == "mixed";
}

void add_sizes(CLI::App& verb, options& asked) {
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
  verb
    .add_option("--requests", asked.requests, "Measured requests of sparse and live, and of get; 0: as many as blocks")
    ->check(CLI::Range(std::uint64_t{0}, count_max))
    ->capture_default_str();
}

void add_load(CLI::App& verb, options& asked) {
  verb.add_option("--callers", asked.callers, "Requests in flight; 0: what the workload is about")
    ->check(CLI::Range(std::uint64_t{0}, callers_max))
    ->capture_default_str();
  verb.add_option("--rate", asked.rate, "Open loop: requests a second, timed from when they are due; 0: closed loop")
    ->check(CLI::Range(0.0, rate_max))
    ->capture_default_str();
  verb.add_option("--reads", asked.reads, "Percent of reads in mixed")
    ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{100}))
    ->capture_default_str();
  verb.add_option("--warm-up", asked.warm_up_s, "Seconds of the same load before it is measured")
    ->check(CLI::Range(0.0, warm_up_s_max))
    ->capture_default_str();
  verb.add_option("--duration", asked.duration_s, "Seconds to run, instead of a number of blocks");
  if (asked.workload == "open-many")
    verb.add_option("--held", asked.held, "Cores that are open at once (default: all)")
      ->check(CLI::Range(std::uint64_t{1}, count_max));
  if (asked.workload == "idle")
    verb.add_option("--connections", asked.connections, "Connections to the serving process")
      ->check(CLI::Range(std::uint64_t{1}, connections_max))
      ->capture_default_str();
  if (has_readers(asked.workload))
    verb.add_option("--reader-processor", asked.reader_processor, "Processor that each process that fetches stays on")
      ->check(CLI::Range(std::uint64_t{0}, processor_max))
      ->type_name("NUMBER");
  verb.add_option("--seed", asked.seed, "Of content and order")->capture_default_str();
}

} // namespace

void add_options(CLI::App& verb, options& asked) {
  const std::map<std::string, storage::durability> durabilities{{"commit", storage::durability::commit},
                                                                {"interval", storage::durability::interval},
                                                                {"none", storage::durability::none}};
  const std::map<std::string, log::generation> generations{{"9", log::generation::g9}, {"10", log::generation::g10}};
  const std::map<std::string, role> roles{{"serve", role::serve}, {"fetch", role::fetch}};
  const std::map<std::string, beside> peers{{"js", beside::js}, {"js9", beside::js9}};
  const std::map<std::string, way> ways{{"process", way::process}, {"plain", way::plain}, {"node", way::node}};
  add_sizes(verb, asked);
  add_load(verb, asked);
  verb.add_option("--durability", asked.durability, "When an append is answered: commit, interval or none")
    ->transform(CLI::CheckedTransformer(durabilities).description(""))
    ->type_name("MODE=commit");
  if (is_in_process(asked.workload))
    verb
      .add_option("--over", asked.over,
                  "How callers reach the store: process, node for a CAF connection on loopback, or (get) plain for the "
                  "plain interface")
      ->transform(CLI::CheckedTransformer(ways).description(""))
      ->type_name("WAY=process");
  verb.add_option("--generation", asked.generation, "Of the cores, and of what is spoken: 10 or 9")
    ->transform(CLI::CheckedTransformer(generations).description(""))
    ->type_name("GENERATION=10");
  verb.add_flag("--json", asked.is_json, "One line of JSON");
  verb.add_option("--plot", asked.plot, "One HTML file with the curves")->type_name("FILE.html");
  verb.add_option("--role", asked.role, "One side of a two-process run: serve or fetch")
    ->transform(CLI::CheckedTransformer(roles).description(""))
    ->type_name("ROLE");
  verb.add_option("--connect", asked.address, "The serving side, for --role fetch");
  verb
    .add_option("--peer", asked.beside,
                "The JavaScript peer beside us, and the ratio: js (generation 10) or js9 (generation 9)")
    ->transform(CLI::CheckedTransformer(peers).description(""))
    ->type_name("PEER");
}

result<void> check(const options& asked, const workload& chosen) {
  auto is_whole = asked.role == role::whole;
  if (!is_whole && chosen.serve == nullptr)
    return fail(ec::bad_argument, "--role belongs to replicate, replicate-many, fanout, live, sparse and idle");
  if (!is_whole && asked.beside != beside::nobody)
    return fail(ec::bad_argument, "--role and --peer exclude each other");
  if (!is_whole && asked.reader_processor)
    return fail(ec::bad_argument, "--role and --reader-processor exclude each other");
  if ((asked.role == role::fetch) == asked.address.empty())
    return fail(ec::bad_argument, "--role fetch and --connect need each other");
  if (asked.workload == "live" && asked.block_bytes < live_block_bytes_min)
    return fail(ec::bad_argument, "live needs blocks of 8 bytes at least");
  if (asked.over == way::plain && asked.workload != "get")
    return fail(ec::bad_argument, "--over plain belongs to get");
  if (asked.over == way::plain && (asked.duration_s > 0 || asked.rate > 0))
    return fail(ec::bad_argument, "--over plain runs for a number of reads, as fast as it can");
  auto has_requests = asked.workload == "live" || asked.workload == "sparse";
  if (has_requests && asked.requests == 0)
    return fail(ec::bad_argument, "--requests has to be above 0");
  if (asked.duration_s > 0 && asked.workload != "idle" && (chosen.serve != nullptr || asked.workload == "open-many"))
    return fail(ec::bad_argument, asked.workload + " runs for its number of blocks or requests, not for a time");
  if (asked.duration_s > 0 && asked.beside != beside::nobody)
    return fail(ec::bad_argument, "the JavaScript peers run for a number of blocks, not for a time");
  return {};
}

} // namespace corestore::bench
