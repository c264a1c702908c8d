// Reads by the plain interface of the library: callers are threads, and nothing of the actor system is in their way.
#include <random>
#include <thread>

#include "corestore/store.hpp"
#include "programs/bench/workloads.hpp"
#include "programs/bench/world.hpp"

namespace corestore::bench {

namespace {

constexpr core_generation generation_of(log::generation which) {
  return which == log::generation::g9 ? core_generation::previous : core_generation::current;
}

constexpr sync_mode mode_of(storage::durability what) {
  switch (what) {
  case storage::durability::interval:
    return sync_mode::interval;
  case storage::durability::none:
    return sync_mode::none;
  default:
    return sync_mode::commit;
  }
}

/// What one caller does: `count` random blocks, one after the other.
struct reader {
  histogram latency;
  std::string failure;

  void run(const core& from, std::uint64_t count, std::uint64_t blocks, std::uint64_t seed) {
    std::mt19937_64 random{seed};
    std::uniform_int_distribution<std::uint64_t> index{0, blocks - 1};
    try {
      for (std::uint64_t i = 0; i < count; ++i) {
        auto start = std::chrono::steady_clock::now();
        if (!from.get(index(random)))
          failure = "a block is missing";
        latency.add(std::chrono::steady_clock::now() - start);
      }
    } catch (const corestore::failure& problem) {
      failure = problem.what();
    }
  }
};

void run_all(std::vector<reader>& readers, const core& from, std::uint64_t each, const options& asked) {
  std::vector<std::thread> threads;
  threads.reserve(readers.size());
  for (std::size_t caller = 0; caller < readers.size(); ++caller)
    threads.emplace_back([&, caller] { readers[caller].run(from, each, asked.blocks, asked.seed + caller); });
  for (auto& one : threads)
    one.join();
}

} // namespace

result<outcome> get_plain(const options& asked) {
  auto folder = temporary_folder::create();
  if (!folder)
    return fail(folder.error());
  try {
    store_options settings;
    settings.durability = mode_of(asked.durability);
    settings.generation = generation_of(asked.generation);
    auto opened = store::open((*folder)->path() / "store", settings);
    auto log = opened.get({});
    block_pool pool{asked.block_bytes, asked.seed};
    for (std::uint64_t done = 0; done < asked.blocks;) {
      std::vector<bytes> batch;
      for (const auto& block : pool.take(std::min(fill_batch(asked.block_bytes), asked.blocks - done)))
        batch.push_back(to_bytes(block.view()));
      done += batch.size();
      log.append(batch);
    }
    auto callers = std::max<std::uint64_t>(asked.callers, 1);
    auto each = std::max<std::uint64_t>(asked.gets() / callers, 1);
    std::vector<reader> warming(callers);
    run_all(warming, log, std::max<std::uint64_t>(each / 10, 1), asked);
    std::vector<reader> readers(callers);
    outcome measured;
    const stopwatch watch;
    run_all(readers, log, each, asked);
    watch.stop(measured);
    for (const auto& one : readers) {
      if (!one.failure.empty())
        return fail(ec::internal, one.failure);
      for (const auto& [ns, count] : one.latency.samples())
        measured.latency.add(std::chrono::nanoseconds{ns}, count);
    }
    measured.blocks = each * callers;
    measured.peak_rss_mb = peak_rss_mb();
    measured.used_bytes = opened.info().used_bytes;
    opened.close();
    return measured;
  } catch (const corestore::failure& problem) {
    return fail(problem.code(), problem.what());
  }
}

} // namespace corestore::bench
