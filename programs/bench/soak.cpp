// For hours: cores are opened, appended to, replicated to another store, cleared and closed, more of them than the
// stores keep in memory. Memory, descriptors, snapshots and files have to stay as they are.
#include <algorithm>
#include <cmath>
#include <fstream>
#include <random>

#include "programs/bench/resources.hpp"
#include "programs/bench/workloads.hpp"
#include "programs/bench/world.hpp"

namespace corestore::bench {

namespace {

using clock = std::chrono::steady_clock;

constexpr std::uint64_t arrival_ms_max = 60000;
constexpr std::uint64_t callers_usual = 32;

/// Open cores that nobody holds: what a server has by default.
constexpr std::size_t idle_cores_max = 1000;

/// Blocks that a core keeps: what is older is cleared on both sides.
constexpr std::uint64_t kept_batches = 4;

/// Shorter runs say nothing about growth.
constexpr std::uint64_t verdict_s_min = 60;

/// Growth from the second quarter of a run to the last that still counts as flat: noise of an allocator, and pages
/// that wait to be used again.
constexpr double growth_max = 1.2;

/// What stays of a cleared block in each store: its leaf and a parent, 40 bytes each, and half as much for the pages
/// that they are in. A log is proven with them for as long as it is kept.
constexpr double hash_bytes_max = 120;

struct sample {
  double seconds = 0;
  double own_mb = 0; ///< without the pages of the stores that are mapped
  double descriptors = 0;
  double readers = 0;
  double used_mb = 0;
  double file_mb = 0;
  double actors = 0;
};

double median_of(const std::vector<sample>& samples, std::size_t first, std::size_t end, double sample::*field) {
  std::vector<double> values;
  for (auto position = first; position < end; ++position)
    values.push_back(samples[position].*field);
  if (values.empty())
    return 0;
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

constexpr std::array<std::pair<const char*, double sample::*>, 6> fields{{{"own_mb", &sample::own_mb},
                                                                          {"descriptors", &sample::descriptors},
                                                                          {"readers", &sample::readers},
                                                                          {"used_mb", &sample::used_mb},
                                                                          {"file_mb", &sample::file_mb},
                                                                          {"actors", &sample::actors}}};

/// Watches both stores from a thread of its own, once a second.
class watcher {
public:
  watcher(const world& first, const world& second)
      : worlds_{&first, &second}, thread_{[this] {
          run();
        }} {
    // nop
  }
  ~watcher() {
    stop();
  }
  watcher(const watcher&) = delete;
  watcher& operator=(const watcher&) = delete;

  std::vector<sample> stop() {
    is_over_ = true;
    if (thread_.joinable())
      thread_.join();
    return std::move(samples_);
  }

private:
  void run() {
    auto start = clock::now();
    for (auto next = start; !is_over_; std::this_thread::sleep_for(std::chrono::milliseconds{50})) {
      if (clock::now() < next)
        continue;
      next += std::chrono::seconds{1};
      samples_.push_back(take(std::chrono::duration<double>(clock::now() - start).count()));
    }
  }

  [[nodiscard]] sample take(double seconds) const {
    sample now;
    now.seconds = seconds;
    auto held = measure_footprint();
    now.own_mb = held.anonymous_bytes / 1e6;
    now.descriptors = static_cast<double>(held.descriptors);
    for (const auto* stage : worlds_) {
      auto stored = stage->backend().stats();
      now.readers += stored.readers;
      now.used_mb += static_cast<double>(stored.used_bytes) / 1e6;
      now.file_mb += static_cast<double>(stage->file_bytes()) / 1e6;
    }
    now.actors = static_cast<double>(worlds_.front()->actors());
    return now;
  }

  std::array<const world*, 2> worlds_;
  std::vector<sample> samples_;
  std::atomic<bool> is_over_ = false;
  std::thread thread_;
};

/// One visit after the other: each caller takes a core through its steps.
class visits {
public:
  visits(const options& asked, world& writer, world& reader)
      : asked_(asked), writer_(writer), reader_(reader), pool_(asked.block_bytes, asked.seed), random_(asked.seed),
        busy_(asked.cores) {
    // nop
  }

  bool begin(driver_state& driver, std::size_t caller) {
    if (driver.take(caller, asked_.batch) == 0)
      return false;
    auto core = random_() % asked_.cores;
    while (busy_[core])
      core = (core + 1) % asked_.cores;
    busy_[core] = true;
    visit state{&driver, caller, core, driver.due(), {}, {}, 0};
    core_selector selector;
    selector.name = "soak-" + std::to_string(core);
    ask<opened_core>(
      state, writer_.store(),
      [this](visit now, const opened_core& opened) {
        now.ours = opened;
        append(std::move(now));
      },
      open_atom_v, selector);
    return true;
  }

private:
  struct visit {
    driver_state* driver = nullptr;
    std::size_t caller = 0;
    std::uint64_t core = 0;
    clock::time_point start;
    opened_core ours;
    opened_core theirs;
    std::uint64_t length = 0;
  };

  template <class Answer, class Handle, class Next, class... Content>
  void ask(visit state, const Handle& target, Next next, Content&&... content) {
    auto* driver = state.driver;
    driver->self()
      ->request(target, caf::infinite, std::forward<Content>(content)...)
      .then([state = std::move(state), next](const Answer& answer) mutable { next(std::move(state), answer); },
            [driver](caf::error& failure) { driver->finish(std::move(failure)); });
  }

  void append(visit state) {
    auto handle = state.ours.handle;
    ask<append_result>(
      std::move(state), handle,
      [this](visit now, const append_result& answer) {
        now.length = answer.length;
        open_there(std::move(now));
      },
      append_atom_v, pool_.take(asked_.batch));
  }

  void open_there(visit state) {
    core_selector selector;
    selector.kind = selector_kind::by_key;
    selector.id = hash32{state.ours.record.key.data};
    ask<opened_core>(
      std::move(state), reader_.store(),
      [this](visit now, const opened_core& opened) {
        now.theirs = opened;
        download(std::move(now));
      },
      open_atom_v, selector);
  }

  void download(visit state) {
    auto handle = state.theirs.handle;
    auto end = state.length;
    ask<bool>(
      std::move(state), handle,
      [this](visit now, bool is_here) {
        if (!is_here)
          return now.driver->finish(make_error(ec::timed_out, "a core did not arrive in time"));
        clear(std::move(now));
      },
      download_atom_v, end - asked_.batch, end, arrival_ms_max);
  }

  void clear(visit state) {
    auto end = state.length - std::min(state.length, kept_batches * asked_.batch);
    if (end == 0)
      return close(std::move(state));
    auto handle = state.ours.handle;
    ask<clear_result>(
      std::move(state), handle,
      [this, end](visit now, const clear_result&) {
        auto other = now.theirs.handle;
        ask<clear_result>(
          std::move(now), other, [this](visit last, const clear_result&) { close(std::move(last)); }, clear_atom_v,
          std::uint64_t{0}, end);
      },
      clear_atom_v, std::uint64_t{0}, end);
  }

  void close(visit state) {
    auto discovery = state.ours.record.discovery;
    ask<bool>(
      std::move(state), writer_.store(),
      [this, discovery](visit now, bool) {
        ask<bool>(
          std::move(now), reader_.store(),
          [this](visit last, bool) {
            busy_[last.core] = false;
            last.driver->done(last.caller, asked_.batch, last.start);
          },
          close_atom_v, discovery);
      },
      close_atom_v, discovery);
  }

  const options& asked_;
  world& writer_;
  world& reader_;
  block_pool pool_;
  std::mt19937_64 random_;
  std::vector<bool> busy_;
};

/// Medians of the second and the last quarter, and whether the one is much above the other. Hashes of cleared blocks
/// may make the files grow.
bool describe(const std::vector<sample>& samples, outcome& measured) {
  bool is_flat = true;
  json growth;
  const auto blocks_between = static_cast<double>(measured.blocks) / 2;
  const auto hashes_mb = 2 * hash_bytes_max * blocks_between / 1e6;
  for (const auto& [name, field] : fields) {
    auto early = median_of(samples, samples.size() / 4, samples.size() / 2, field);
    auto late = median_of(samples, samples.size() * 3 / 4, samples.size(), field);
    growth[name] = {rounded(early), rounded(late)};
    auto is_file = field == &sample::used_mb || field == &sample::file_mb;
    is_flat = is_flat && late <= growth_max * early + 1 + (is_file ? hashes_mb : 0);
    auto& curve = measured.sampled[name];
    for (const auto& one : samples)
      curve.emplace_back(one.seconds, one.*field);
  }
  measured.more["quarters"] = std::move(growth);
  measured.more["hashes_mb_max"] = rounded(hashes_mb);
  measured.more["is_flat"] = is_flat;
  return is_flat;
}

} // namespace

result<outcome> soak(const options& asked) {
  auto writer = world::open(asked, idle_cores_max);
  auto reader = writer ? world::open_beside(**writer, asked, idle_cores_max) : result<std::unique_ptr<world>>{};
  if (!writer || !reader)
    return fail(writer ? reader.error() : writer.error());
  auto bound = (*writer)->engine().listen({false, "127.0.0.1", 0});
  if (!bound)
    return fail(bound.error());
  (*reader)->engine().connect(*bound);
  visits cycle{asked, **writer, **reader};
  load what;
  what.callers = std::min<std::uint64_t>(asked.callers > 0 ? asked.callers : callers_usual, asked.cores);
  what.units = std::max<std::uint64_t>(asked.blocks * asked.cores / what.callers, 1);
  what.warm_up_s = asked.warm_up_s;
  what.duration_s = asked.duration_s;
  what.rate = asked.rate;
  what.label = "soaking";
  what.next = [&cycle](driver_state& driver, std::size_t caller) {
    return cycle.begin(driver, caller);
  };
  outcome measured;
  watcher watching{**writer, **reader};
  auto done = (*writer)->run(std::move(what), measured);
  auto samples = watching.stop();
  if (!done)
    return fail(done.error());
  auto is_flat = describe(samples, measured);
  if (!is_flat && asked.duration_s >= verdict_s_min)
    measured.failure = "something grew: see quarters";
  return measured;
}

} // namespace corestore::bench
