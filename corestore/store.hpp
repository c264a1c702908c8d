// The plain interface of the engine: blocking calls, typed errors thrown, nothing of the actor system in sight.
//
//   auto store = corestore::store::open("./data");
//   auto log = store.get({.name = "log"});
//   log.append("hello");
//
// Threads: opening a store starts the actor system's workers (store_options::workers), one thread that writes, one that
// waits for sockets and one that runs callbacks. Callers block their own thread only.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "corestore/core.hpp"
#include "corestore/failure.hpp"

namespace corestore {

namespace facade {
class connection;
class piped;
class scope;
} // namespace facade

/// When an append counts as done.
enum class sync_mode : std::uint8_t {
  commit,   ///< when it is on disk
  interval, ///< when it is written; on disk within a second, so that a power cut may lose that much
  none      ///< when it is written; on disk when the store closes
};

struct store_options {
  std::optional<corestore::primary_key> primary_key{}; ///< for a new store; an existing one must have the same
  bool create = true;                                  ///< otherwise a missing store is not_found
  bool read_only = false; ///< look at a store that another process may hold: as it is at every request, without writing
  sync_mode durability = sync_mode::commit;
  std::uint64_t bytes_max = std::uint64_t{1} << 40U;     ///< beyond it an append is storage_full
  core_generation generation = core_generation::current; ///< of new cores, and of peers that are dialled; not `both`
  std::uint8_t manifest_version = 1; ///< 0 to 2: of the manifests of new cores; another version is another key
  std::size_t workers = 0;           ///< threads that run actors; 0 = one for each processor
};

/// Which core is meant. Set one of name, key, discovery_key, key_pair and manifest; none of them is a new random core.
struct core_options {
  std::optional<std::string> name{}; ///< derived from the primary key and the namespace; writable
  std::optional<core_key> key{};
  std::optional<corestore::discovery_key> discovery_key{}; ///< of a core that the store knows
  std::optional<corestore::key_pair> key_pair{};           ///< that signs
  std::optional<bytes> manifest{};                         ///< encoded
  std::optional<bytes> encryption_key{};                   ///< 32 bytes
  core_generation generation = core_generation::of_store;
  bool create = true;     ///< otherwise not_found when the store does not know the core
  bool exclusive = false; ///< core_held while another exclusive opening lasts
  bool read_only = false;
  std::optional<hash32> group{}; ///< as core::join_group()
};

/// The last change of one core of a group: it got longer, was truncated, or was reorganised by its writer.
struct group_change {
  std::uint64_t position = 0; ///< microseconds since 1970, and past every change of the store before it
  core_key key;
  corestore::discovery_key discovery_key;
  std::uint64_t length = 0;
  std::uint64_t fork = 0;
};

/// Which changes of a group are meant.
struct group_options {
  std::uint64_t since = 0;  ///< at this position or later: one more than the last one seen
  std::uint64_t until = 0;  ///< before this position; 0: up to the newest
  bool reverse = false;     ///< the newest first
  std::size_t limit = 1000; ///< of the changes that are answered at once
};

struct store_info {
  std::uint64_t cores_known = 0;
  std::uint64_t cores_loaded = 0;
  std::uint64_t connections = 0;
  std::uint64_t used_bytes = 0;
  std::uint64_t commits = 0;
  std::string durability;
  std::string version;
};

/// What may pass over a connection, seen from this side.
struct replicate_options {
  bool upload = true;   ///< answer requests of the peer
  bool download = true; ///< ask it
};

/// A connection until the last copy of this is gone. One that is dialled is dialled again when it is lost.
class [[nodiscard]] link {
public:
  link() = default;
  explicit link(std::shared_ptr<facade::connection> connection) : connection_(std::move(connection)) {
    // nop
  }

  void drop() {
    connection_.reset();
  }

private:
  std::shared_ptr<facade::connection> connection_;
};

/// A replication as a stream of bytes, for callers with a transport of their own: what read() gives is the other side's
/// to write(), and the other way round. It ends with the last copy of this.
class [[nodiscard]] byte_stream {
public:
  using milliseconds = std::chrono::milliseconds;

  explicit byte_stream(std::shared_ptr<facade::piped> pipe) : pipe_(std::move(pipe)) {
    // nop
  }

  /// Bytes for the other side, at most 64 KiB; no bytes when none came within `timeout`; nothing when the replication
  /// has ended. By one thread at a time.
  [[nodiscard]] std::optional<bytes> read(milliseconds timeout) const;

  /// Bytes from the other side; blocks while the store has too many of them. False when the replication has ended. By
  /// one thread at a time.
  bool write(byte_view content) const;

  void end() const;

private:
  std::shared_ptr<facade::piped> pipe_;
};

/// One store, or a namespace of it. Copies are the same store. It closes by close(), or with the last copy and the last
/// core, link and watch of it. Every member may be called from any thread, blocks, and throws corestore::failure.
class store {
public:
  /// Opens or creates the store in a directory. store_held (with the holder's pid), key_mismatch, storage_damaged,
  /// storage_format, storage_failed, not_found.
  static store open(const std::filesystem::path& directory, const store_options& options = {});

  /// The store of a running server on this machine (`corestored --node host:port`). connection_closed.
  static store attach(const std::string& address);

  explicit store(std::shared_ptr<facade::scope> scope) : scope_(std::move(scope)) {
    // nop
  }

  [[nodiscard]] core get(const core_options& options) const;
  [[nodiscard]] core get_default() const;

  /// The namespace of that name below this one: names and default core of its own, same storage, same connections.
  /// Without a name: a random one.
  [[nodiscard]] store create_namespace(const std::string& name = {}) const;

  /// The pair that signs the core of that name.
  [[nodiscard]] corestore::key_pair create_key_pair(const std::string& name) const;

  /// Every core that the store knows, or that the namespace has named.
  [[nodiscard]] std::vector<core_info> list() const;
  [[nodiscard]] store_info info() const;
  [[nodiscard]] bool is_loaded(const core_options& options) const;

  /// Replicates with a peer: `host:port` or `unix:PATH`. A namespace carries what was opened in it. bad_argument.
  [[nodiscard]] link connect(const std::string& address, const replicate_options& options = {}) const;

  /// Replicates with another store (or namespace) that this process has open, through memory.
  [[nodiscard]] link replicate(const store& other, const replicate_options& options = {}) const;

  /// Replicates over a stream that the caller carries; one side of it is the initiator, the other is not.
  [[nodiscard]] byte_stream replicate(bool is_initiator, const replicate_options& options = {}) const;

  /// Accepts peers (port 0: any free port); answers the address bound. unsupported for a store of a server.
  std::string listen(const std::string& address) const;

  /// Calls back whenever a core of this store or namespace is loaded.
  watch on_feed(std::function<void(const core_key& key, const corestore::discovery_key& discovery_key)> callback) const;

  /// The cores of the group of that topic, by the last change of each; those that have not changed since they joined
  /// are not listed. Of a namespace the same as of its store.
  [[nodiscard]] std::vector<group_change> group_changes(const hash32& topic, const group_options& options = {}) const;

  /// Calls back after a core of the group has changed, as long as it is in memory; changes within a moment are one
  /// call, with the last. Without a key, more cores changed than are named: list them. `position` is 0. Of a namespace
  /// the same as of its store.
  watch on_group(const hash32& topic, std::function<void(const group_change& change)> callback) const;

  /// Finishes what was begun, makes it durable, ends connections. Everything else then throws store_closed. A second
  /// time does no harm. Closing a namespace closes what was opened in it.
  void close() const;

private:
  std::shared_ptr<facade::scope> scope_;
};

} // namespace corestore
