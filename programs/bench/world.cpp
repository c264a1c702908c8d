#include "programs/bench/world.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>

#include <caf/all.hpp>
#include <caf/io/middleman.hpp>

#include "actors/remote.hpp"
#include "messages/errors.hpp"
#include "programs/ask.hpp"
#include "storage/open.hpp"

namespace corestore::bench {

namespace {

/// Memory of a pool: more than the caches of a processor, so that content is not hot by accident.
constexpr std::uint64_t pool_bytes = std::uint64_t{16} << 20U;
constexpr std::uint64_t pool_blocks_min = 4;
constexpr std::uint64_t pool_blocks_max = 4096;

/// Readers all come from one address here.
constexpr std::size_t connections_max = 100'000;

void complain(const char* severity, const std::string& line) {
  auto name = std::string_view{severity};
  if (name == "warning" || name == "error")
    std::fprintf(stderr, "corestore-bench: %s: %s\n", severity, line.c_str());
}

} // namespace

result<std::unique_ptr<temporary_folder>> temporary_folder::create() {
  std::error_code failure;
  auto base = std::filesystem::temp_directory_path(failure);
  auto pattern = (base / "corestore-bench-XXXXXX").string();
  if (failure || mkdtemp(pattern.data()) == nullptr)
    return fail(ec::storage_failed, pattern + ": " + std::strerror(errno));
  return std::unique_ptr<temporary_folder>{new temporary_folder(pattern)};
}

temporary_folder::~temporary_folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

world::networked_config::networked_config(bool is_networked) {
  if (is_networked)
    load<caf::io::middleman>();
}

result<std::unique_ptr<world>> world::open(const options& asked, std::size_t idle_max) {
  auto opened = open_in(std::make_shared<actor_host>(asked.over == way::node), asked, idle_max);
  if (opened && asked.over == way::node)
    if (auto connected = (*opened)->connect(); !connected)
      return fail(connected.error());
  return opened;
}

result<std::unique_ptr<world>> world::open_beside(const world& first, const options& asked, std::size_t idle_max) {
  return open_in(first.host_, asked, idle_max);
}

result<std::unique_ptr<world>> world::open_in(std::shared_ptr<actor_host> host, const options& asked,
                                              std::size_t idle_max) {
  auto folder = temporary_folder::create();
  if (!folder)
    return fail(folder.error());
  std::unique_ptr<world> opened{new world(std::move(*folder), std::move(host))};
  opened->durability_ = asked.durability;
  opened->generation_ = asked.generation;
  opened->idle_max_ = idle_max;
  if (auto started = opened->start(); !started)
    return fail(started.error());
  opened->self_.emplace(opened->host_->system);
  return opened;
}

result<void> world::connect() {
  auto port = host_->system.middleman().publish(engine_->store(), 0, "127.0.0.1");
  if (!port)
    return fail(from_caf(port.error()));
  distant_ = std::make_unique<distant_end>();
  auto store = actors::connect_node(distant_->system, {"127.0.0.1", *port, false});
  if (!store)
    return fail(store.error());
  distant_->store = std::move(*store);
  self_.emplace(distant_->system);
  return {};
}

result<void> world::start() {
  storage::open_options options;
  options.durability = durability_;
  auto backend = storage::open_store(folder_->path() / "store", options);
  if (!backend)
    return fail(backend.error());
  backend_ = std::move(*backend);
  actors::engine_settings settings;
  settings.guards.address.connections_max = connections_max;
  settings.guards.connections_max = connections_max;
  settings.generation = generation_;
  settings.active_cores_max = idle_max_; // what a workload opened stays open, whoever asked for it
  engine_ = std::make_unique<actors::engine>(host_->system, backend_, settings, complain);
  return {};
}

void world::close() {
  engine_->close();
  engine_.reset();
  backend_.reset();
}

world::~world() {
  self_.reset();
  distant_.reset();
  if (engine_)
    engine_->close();
}

result<std::vector<opened_core>> world::create_cores(std::uint64_t count) {
  std::vector<opened_core> cores;
  cores.reserve(count);
  auto store = this->store();
  using pending = decltype((*self_)->request(store, programs::patience, open_atom_v, core_selector{}));
  constexpr std::uint64_t window = 1024;
  while (cores.size() < count) {
    std::vector<pending> requests;
    for (auto left = std::min(window, count - cores.size()); left > 0; --left) {
      core_selector selector;
      selector.kind = selector_kind::at_random;
      requests.push_back((*self_)->request(store, programs::patience, open_atom_v, selector));
    }
    result<void> outcome;
    for (auto& request : requests)
      request.receive([&cores](opened_core& core) { cores.push_back(std::move(core)); },
                      [&outcome](caf::error& failure) { outcome = fail(from_caf(failure)); });
    if (!outcome)
      return fail(outcome.error());
  }
  return cores;
}

std::uint64_t world::file_bytes() const {
  std::error_code failure;
  auto size = std::filesystem::file_size(folder_->path() / "store" / "data.mdb", failure);
  return failure ? 0 : size;
}

result<void> world::run(load what, outcome& target) {
  what.measured_from = [this, also = std::move(what.measured_from)] {
    measure_from();
    if (also)
      also();
  };
  if (auto done = drive(self(), std::move(what), target); !done)
    return done;
  measure(target);
  return {};
}

result<void> world::fill(const std::vector<opened_core>& cores, std::uint64_t blocks, std::uint64_t batch,
                         block_pool& pool) {
  outcome ignored;
  load filling;
  filling.callers = cores.size();
  filling.units = blocks;
  filling.label = "filling";
  filling.next = [&](driver_state& driver, std::size_t caller) {
    auto count = driver.take(caller, batch);
    if (count > 0)
      driver.request<append_result>(caller, count, cores[caller].handle, append_atom_v, pool.take(count));
    return count > 0;
  };
  return drive(self(), std::move(filling), ignored);
}

void world::measure(outcome& target) const {
  auto stored = backend_->stats();
  target.syncs = stored.syncs - syncs_before_;
  target.used_bytes = stored.used_bytes;
  target.peak_rss_mb = peak_rss_mb();
}

std::uint64_t fill_batch(std::uint64_t block_bytes) {
  constexpr std::uint64_t blocks_max = 1000;
  constexpr std::uint64_t batch_bytes = std::uint64_t{4} << 20U;
  return std::clamp(batch_bytes / std::max<std::uint64_t>(block_bytes, 1), std::uint64_t{1}, blocks_max);
}

block_pool::block_pool(std::uint64_t block_bytes, std::uint64_t seed) {
  std::mt19937_64 source{seed};
  auto count = std::clamp(pool_bytes / std::max<std::uint64_t>(block_bytes, 1), pool_blocks_min, pool_blocks_max);
  for (std::uint64_t block = 0; block < count; ++block) {
    bytes content(block_bytes);
    for (auto& byte : content)
      byte = static_cast<std::uint8_t>(source());
    blocks_.emplace_back(std::move(content));
  }
}

std::vector<shared_bytes> block_pool::take(std::uint64_t count) {
  std::vector<shared_bytes> batch;
  batch.reserve(count);
  for (std::uint64_t block = 0; block < count; ++block) {
    batch.push_back(blocks_[next_]);
    next_ = (next_ + 1) % blocks_.size();
  }
  return batch;
}

} // namespace corestore::bench
