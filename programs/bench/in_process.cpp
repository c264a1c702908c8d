// The scenarios that run in one process: appends and reads.
#include <algorithm>
#include <random>

#include "programs/bench/workloads.hpp"
#include "programs/bench/world.hpp"

namespace corestore::bench {

namespace {

/// Bytes of one page of a scan.
constexpr std::uint64_t page_bytes = std::uint64_t{256} << 10U;

load load_of(const options& asked, std::size_t callers, std::uint64_t units) {
  load what;
  what.callers = callers;
  what.units = units;
  what.rate = asked.rate;
  what.warm_up_s = asked.warm_up_s;
  what.duration_s = asked.duration_s;
  what.label = asked.workload.c_str();
  return what;
}

/// `callers` callers, each with one append outstanding; together they go round all cores. An actor looks through all
/// its outstanding requests with each answer: from some thousands of callers on that is what is measured.
result<outcome> append_to(const options& asked, std::uint64_t core_count, std::uint64_t callers) {
  auto stage = world::open(asked);
  if (!stage)
    return fail(stage.error());
  auto cores = (*stage)->create_cores(core_count);
  if (!cores)
    return fail(cores.error());
  block_pool pool{asked.block_bytes, asked.seed};
  auto what = load_of(asked, callers, std::max<std::uint64_t>(asked.blocks * core_count / callers, 1));
  std::vector<std::uint64_t> rounds(callers);
  what.next = [&](driver_state& driver, std::size_t caller) {
    auto count = driver.take(caller, asked.batch);
    if (count == 0)
      return false;
    auto core = (caller + callers * rounds[caller]++) % core_count;
    driver.request<append_result>(caller, count, (*cores)[core].handle, append_atom_v, pool.take(count));
    return true;
  };
  outcome measured;
  if (auto done = (*stage)->run(std::move(what), measured); !done)
    return fail(done.error());
  return measured;
}

/// A world with one complete core.
struct filled_world {
  std::unique_ptr<world> stage;
  core_actor core;
};

result<filled_world> fill_one(const options& asked) {
  auto stage = world::open(asked);
  if (!stage)
    return fail(stage.error());
  auto cores = (*stage)->create_cores(1);
  if (!cores)
    return fail(cores.error());
  block_pool pool{asked.block_bytes, asked.seed};
  if (auto filled = (*stage)->fill(*cores, asked.blocks, fill_batch(asked.block_bytes), pool); !filled)
    return fail(filled.error());
  return filled_world{std::move(*stage), cores->front().handle};
}

/// The only core of a fresh store.
constexpr log::core_number only_core{0};

/// Seconds of one block when the same is read from the storage directly.
template <class Read>
result<double> direct_seconds(std::uint64_t blocks, Read read) {
  auto start = std::chrono::steady_clock::now();
  std::uint64_t done = 0;
  while (done < blocks) {
    auto count = read();
    if (!count)
      return fail(count.error());
    done += *count;
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / static_cast<double>(done);
}

} // namespace

result<outcome> append(const options& asked) {
  return append_to(asked, 1, std::max<std::uint64_t>(asked.callers, 1));
}

result<outcome> append_many(const options& asked) {
  return append_to(asked, asked.cores, asked.callers > 0 ? asked.callers : asked.cores);
}

result<outcome> get(const options& asked) {
  if (asked.over == way::plain)
    return get_plain(asked);
  auto filled = fill_one(asked);
  if (!filled)
    return fail(filled.error());
  auto& stage = *filled->stage;
  std::mt19937_64 random{asked.seed};
  std::uniform_int_distribution<std::uint64_t> index{0, asked.blocks - 1};
  auto callers = std::max<std::uint64_t>(asked.callers, 1);
  auto what = load_of(asked, callers, std::max<std::uint64_t>(asked.gets() / callers, 1));
  what.next = [&](driver_state& driver, std::size_t caller) {
    if (driver.take(caller, 1) == 0)
      return false;
    driver.request<shared_bytes>(caller, 1, filled->core, fetch_atom_v, index(random), std::uint64_t{0});
    return true;
  };
  outcome measured;
  if (auto done = stage.run(std::move(what), measured); !done)
    return fail(done.error());
  auto direct = direct_seconds(std::min<std::uint64_t>(asked.gets(), 20000), [&]() -> result<std::uint64_t> {
    auto view = stage.backend().open_snapshot();
    if (!view)
      return fail(view.error());
    return (*view)->block(only_core, index(random)).map([](const auto&) { return std::uint64_t{1}; });
  });
  if (!direct)
    return fail(direct.error());
  measured.direct_s = *direct;
  return measured;
}

result<outcome> scan(const options& asked) {
  auto filled = fill_one(asked);
  if (!filled)
    return fail(filled.error());
  auto& stage = *filled->stage;
  auto what = load_of(asked, 1, asked.blocks);
  std::uint64_t position = 0;
  what.next = [&](driver_state& driver, std::size_t caller) {
    if (driver.take(caller, 1) == 0)
      return false;
    auto start = driver.due();
    driver.self()
      ->request(filled->core, caf::infinite, read_atom_v, position, asked.blocks, page_bytes)
      .then(
        [&, caller, start](const block_batch& page) {
          position = (position + page.blocks.size()) % asked.blocks;
          std::ignore = driver.take(caller, page.blocks.size() - 1);
          driver.done(caller, page.blocks.size(), start);
        },
        [&](caf::error& failure) { driver.finish(std::move(failure)); });
    return true;
  };
  outcome measured;
  if (auto done = stage.run(std::move(what), measured); !done)
    return fail(done.error());
  auto direct = direct_seconds(asked.blocks, [&]() -> result<std::uint64_t> {
    auto view = stage.backend().open_snapshot();
    if (!view)
      return fail(view.error());
    std::uint64_t count = 0;
    std::vector<shared_bytes> page; // as a caller gets them
    std::uint64_t bytes_of_page = 0;
    auto read = (*view)->each_block(only_core, {0, asked.blocks}, [&](std::uint64_t, byte_view value) {
      if (bytes_of_page > page_bytes) {
        page.clear();
        bytes_of_page = 0;
      }
      page.push_back(shared_bytes::copy_of(value));
      bytes_of_page += value.size();
      ++count;
      return true;
    });
    if (!read)
      return fail(read.error());
    return std::max<std::uint64_t>(count, 1);
  });
  if (!direct)
    return fail(direct.error());
  measured.direct_s = *direct;
  return measured;
}

result<outcome> mixed(const options& asked) {
  auto stage = world::open(asked);
  if (!stage)
    return fail(stage.error());
  auto cores = (*stage)->create_cores(asked.cores);
  if (!cores)
    return fail(cores.error());
  block_pool pool{asked.block_bytes, asked.seed};
  if (auto filled = (*stage)->fill(*cores, asked.batch, asked.batch, pool); !filled)
    return fail(filled.error());
  std::mt19937_64 random{asked.seed};
  std::vector<std::uint64_t> lengths(cores->size(), asked.batch); // all acknowledged
  histogram appends;
  histogram gets;
  auto callers = asked.callers > 0 ? asked.callers : asked.cores;
  auto what = load_of(asked, callers, std::max<std::uint64_t>(asked.blocks * asked.cores / callers, 1));
  what.next = [&](driver_state& driver, std::size_t caller) {
    auto core = random() % cores->size();
    const auto& handle = (*cores)[core].handle;
    if (random() % 100 < asked.reads) {
      if (driver.take(caller, 1) == 0)
        return false;
      driver.request_into<shared_bytes>(&gets, caller, 1, handle, fetch_atom_v, random() % lengths[core],
                                        std::uint64_t{0});
      return true;
    }
    auto count = driver.take(caller, asked.batch);
    if (count == 0)
      return false;
    auto start = driver.due();
    driver.self()
      ->request(handle, caf::infinite, append_atom_v, pool.take(count))
      .then(
        [&, core, caller, count, start](const append_result& answer) {
          lengths[core] = std::max(lengths[core], answer.length);
          driver.done(caller, count, start, &appends);
        },
        [&](caf::error& failure) { driver.finish(std::move(failure)); });
    return true;
  };
  outcome measured;
  if (auto done = (*stage)->run(std::move(what), measured); !done)
    return fail(done.error());
  json parts;
  put_percentiles(parts, gets, "get_");
  put_percentiles(parts, appends, "append_");
  parts["gets"] = gets.count();
  parts["appends"] = appends.count();
  for (const auto& [name, value] : parts.items())
    measured.more[name] = value;
  return measured;
}

} // namespace corestore::bench
