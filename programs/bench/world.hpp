// A fresh store in a temporary folder, with the actors around it; gone without a trace afterwards.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include <caf/actor_system.hpp>
#include <caf/scoped_actor.hpp>

#include "actors/engine.hpp"
#include "config/system_config.hpp"
#include "programs/bench/driver.hpp"
#include "programs/bench/options.hpp"
#include "programs/bench/outcome.hpp"

namespace corestore::bench {

/// A folder below the system's place for temporary files (TMPDIR), removed with its content.
class temporary_folder {
public:
  static result<std::unique_ptr<temporary_folder>> create();
  ~temporary_folder();
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const {
    return path_;
  }

private:
  explicit temporary_folder(std::filesystem::path path) : path_(std::move(path)) {
    // nop
  }

  std::filesystem::path path_;
};

/// Distinct random blocks that a workload takes its content from, again and again.
class block_pool {
public:
  block_pool(std::uint64_t block_bytes, std::uint64_t seed);

  /// `count` blocks.
  std::vector<shared_bytes> take(std::uint64_t count);

private:
  std::vector<shared_bytes> blocks_;
  std::size_t next_ = 0;
};

/// Blocks of one append while a workload is set up: a thousand, or 4 MiB of them.
std::uint64_t fill_batch(std::uint64_t block_bytes);

class world {
public:
  /// At most `idle_max` cores stay open that nobody holds any more. With way::node the store of store() and its cores
  /// are reached over a connection, and self() is at its other end.
  static result<std::unique_ptr<world>> open(const options& asked, std::size_t idle_max = 100'000'000);
  /// One more store, among the actors of `first`: whoever talks to both has to be in one system with both. (A message
  /// between two systems of one process has an actor run on a thread of the other system, which then keeps hold of
  /// the first one's logger, and whose destructor waits for it.)
  static result<std::unique_ptr<world>> open_beside(const world& first, const options& asked, std::size_t idle_max);
  ~world();
  world(const world&) = delete;
  world& operator=(const world&) = delete;

  /// Closes the store: handles of its cores are dead then. Nothing else is valid until it was started again.
  void close();
  result<void> start();

  /// Size of the data file.
  [[nodiscard]] std::uint64_t file_bytes() const;

  /// Actors that are alive, in all worlds of one system together.
  [[nodiscard]] std::uint64_t actors() const {
    return host_->system.registry().running();
  }

  /// Runs the load with the storage watched, and fills the whole outcome.
  result<void> run(load what, outcome& target);

  /// Appends `blocks` blocks to each core.
  result<void> fill(const std::vector<opened_core>& cores, std::uint64_t blocks, std::uint64_t batch, block_pool& pool);

  /// New random cores.
  result<std::vector<opened_core>> create_cores(std::uint64_t count);

  [[nodiscard]] actors::engine& engine() {
    return *engine_;
  }
  [[nodiscard]] caf::actor_system& system() {
    return host_->system;
  }
  [[nodiscard]] const caf::scoped_actor& self() const {
    return *self_;
  }
  [[nodiscard]] store_actor store() const {
    return distant_ ? distant_->store : engine_->store();
  }

  [[nodiscard]] storage::backend& backend() const {
    return *backend_;
  }

  /// Fills what storage and the process tell about themselves; syncs since the last call of measure_from().
  void measure(outcome& target) const;
  void measure_from() {
    syncs_before_ = backend_->stats().syncs;
  }

private:
  struct networked_config : config::system_config {
    explicit networked_config(bool is_networked);
  };

  struct actor_host {
    explicit actor_host(bool is_networked) : config(is_networked), system(config) {
      // nop
    }
    networked_config config;
    caf::actor_system system;
  };

  /// The other end of a connection to the store.
  struct distant_end : actor_host {
    distant_end() : actor_host(true) {
      // nop
    }
    store_actor store;
  };

  world(std::unique_ptr<temporary_folder> folder, std::shared_ptr<actor_host> host)
      : folder_(std::move(folder)), host_(std::move(host)) {
    // nop
  }

  static result<std::unique_ptr<world>> open_in(std::shared_ptr<actor_host> host, const options& asked,
                                                std::size_t idle_max);
  result<void> connect();

  std::unique_ptr<temporary_folder> folder_;
  storage::durability durability_ = storage::durability::commit;
  log::generation generation_ = log::generation::g10;
  std::size_t idle_max_ = 0;
  std::shared_ptr<actor_host> host_;
  std::shared_ptr<storage::backend> backend_;
  std::unique_ptr<actors::engine> engine_;
  std::unique_ptr<distant_end> distant_;
  std::optional<caf::scoped_actor> self_;
  std::uint64_t syncs_before_ = 0;
};

} // namespace corestore::bench
