// The scenarios that run in one process, and the list of all.
#include "programs/bench/workloads.hpp"

#include <algorithm>
#include <array>
#include <random>

#include "programs/bench/driver.hpp"
#include "programs/bench/world.hpp"

namespace corestore::bench {

namespace {

/// Blocks of one append while a workload is set up.
constexpr std::uint64_t fill_batch = 1000;

/// One append outstanding on each core until all have `asked.blocks` blocks, or the time is up.
result<outcome> append_to(const options& asked, std::uint64_t core_count) {
  auto stage = world::open(asked.durability);
  if (!stage)
    return fail(stage.error());
  auto cores = (*stage)->create_cores(core_count);
  if (!cores)
    return fail(cores.error());
  block_pool pool{asked.block_bytes, asked.seed};
  std::vector<std::uint64_t> left(core_count, asked.duration_s > 0 ? ~std::uint64_t{0} : asked.blocks);
  outcome measured;
  auto next = [&](driver_state& driver, std::size_t caller) {
    auto count = std::min(asked.batch, left[caller]);
    if (count == 0)
      return false;
    left[caller] -= count;
    driver.request<append_result>(caller, count, (*cores)[caller].handle, append_atom_v, pool.take(count));
    return true;
  };
  auto done = drive((*stage)->self(), core_count, next, measured, asked.duration_s);
  if (!done)
    return fail(done.error());
  (*stage)->measure(measured);
  return measured;
}

constexpr std::uint64_t block_bytes_small = 100;
constexpr std::uint64_t block_bytes_usual = 1024;

options with(std::uint64_t cores, std::uint64_t blocks, std::uint64_t block_bytes, std::uint64_t batch) {
  options defaults;
  defaults.cores = cores;
  defaults.blocks = blocks;
  defaults.block_bytes = block_bytes;
  defaults.batch = batch;
  return defaults;
}

} // namespace

result<outcome> append(const options& asked) {
  return append_to(asked, 1);
}

result<outcome> append_many(const options& asked) {
  return append_to(asked, asked.cores);
}

result<outcome> get(const options& asked) {
  auto stage = world::open(asked.durability);
  if (!stage)
    return fail(stage.error());
  auto cores = (*stage)->create_cores(1);
  if (!cores)
    return fail(cores.error());
  auto core = cores->front().handle;
  block_pool pool{asked.block_bytes, asked.seed};
  for (std::uint64_t start = 0; start < asked.blocks; start += fill_batch) {
    auto batch = pool.take(std::min(fill_batch, asked.blocks - start));
    auto filled = programs::ask<append_result>((*stage)->self(), core, programs::patience, append_atom_v, batch);
    if (!filled)
      return fail(filled.error());
  }
  std::mt19937_64 random{asked.seed};
  std::uniform_int_distribution<std::uint64_t> index{0, asked.blocks - 1};
  auto left = asked.duration_s > 0 ? ~std::uint64_t{0} : asked.blocks;
  outcome measured;
  auto next = [&](driver_state& driver, std::size_t caller) {
    if (left-- == 0)
      return false;
    driver.request<shared_bytes>(caller, 1, core, fetch_atom_v, index(random), std::uint64_t{0});
    return true;
  };
  auto done = drive((*stage)->self(), 1, next, measured, asked.duration_s);
  if (!done)
    return fail(done.error());
  (*stage)->measure(measured);
  return measured;
}

std::span<const workload> workloads() {
  static const std::array<workload, 5> list{{
    {"append", "batches on one core, each awaited", with(1, 100000, block_bytes_small, 1000), append, true},
    {"append-many", "many cores at once, one append outstanding on each", with(1000, 20, block_bytes_usual, 1),
     append_many},
    {"get", "random blocks of one core, one at a time, in process; as many reads as blocks",
     with(1, 20000, block_bytes_usual, fill_batch), get, true},
    {"open-many", "cores created, known from disk, and held open all at once", with(10000, 1, 1, 1), open_many},
    {"replicate", "every block of some cores, from process to process", with(1, 20000, block_bytes_small, 1000),
     replicate},
  }};
  return list;
}

} // namespace corestore::bench
