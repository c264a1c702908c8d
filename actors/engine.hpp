// A store at work inside a host's actor system: backend, writer, store actor, sockets, and their ordered end.
// The programs, the benchmark and embedding applications all start here.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <caf/fwd.hpp>

#include "actors/endpoint.hpp"
#include "actors/peer_guard.hpp"
#include "base/bytes.hpp"
#include "base/core_totals.hpp"
#include "base/error.hpp"
#include "messages/interfaces.hpp"
#include "storage/backend.hpp"

namespace corestore::actors {

struct engine_settings {
  std::uint64_t sync_interval_ms = 1000;  ///< with durability `interval`
  std::size_t active_cores_max = 1000;    ///< open cores that no owner holds any more
  std::size_t passive_cores_max = 1000;   ///< open cores that only peers asked for
  std::uint64_t handshake_ms_max = 10000; ///< a silent stranger is cut off after that
  std::uint64_t idle_ms_max = 0;          ///< a connection without a byte for that long is cut off; 0 = never
  std::uint64_t keep_alive_ms = 5000;
  std::size_t in_flight_max = 512;      ///< requests in flight for each core and connection
  std::uint64_t request_ms_max = 30000; ///< a request unanswered for that long is asked elsewhere
  std::uint64_t redial_first_ms = 250;  ///< pause before the first new attempt of a lost connection
  std::uint64_t redial_ms_max = 30000;
  log::generation generation = log::generation::g10; ///< of new cores, and of peers that are dialled
  std::uint8_t manifest_version = 1;       ///< 0 to 2: of the manifests of new cores; another version is another key
  bool may_upload = true;                  ///< answer requests of peers
  bool may_download = true;                ///< ask peers
  guard_limits guards;                     ///< who may connect, and how much a stranger may take
  std::uint64_t quota_bytes = 0;           ///< of the pages in use; 0 = none
  std::uint64_t scrub_bytes_s = 0;         ///< hashed in the background; 0 = nothing is
  std::uint64_t scrub_interval_ms = 0;     ///< from the start of one walk to that of the next
  std::uint64_t mailbox_age_ms_max = 5000; ///< messages that wait longer for an actor are worth a warning
  std::optional<key_pair> identity;        ///< Noise static keys; derived from the primary key when absent
};

/// Owns what it starts. Must end (close() or destruction) before the actor system does.
class engine {
public:
  /// Log lines go to `log` (severity `info`, `warning`, `error`, one line each); it may be called from any thread.
  using log_sink = std::function<void(const char* severity, const std::string& line)>;

  engine(caf::actor_system& system, std::shared_ptr<storage::backend> backend, engine_settings settings,
         log_sink log = {});
  ~engine();
  engine(const engine&) = delete;
  engine& operator=(const engine&) = delete;

  [[nodiscard]] store_actor store() const;

  /// Sums over all cores, for as long as one wants to look at them.
  [[nodiscard]] std::shared_ptr<const core_totals> totals() const;

  /// Noise public key of this side.
  [[nodiscard]] public_key identity() const;

  /// Other limits and another allow list for connections that start from now on, and another pace of the scrub; no
  /// connection is dropped. The identity, the sync interval and the limits of requests stay as they were at the start.
  void apply(engine_settings settings);

  /// Binds and accepts; answers the address with the port that the system chose. storage_failed or bad_argument with
  /// the system's reason when it cannot bind.
  result<endpoint> listen(const endpoint& where);

  /// Dials, and dials again with back-off whenever the connection is lost, until disconnect() or the end.
  void connect(const endpoint& where);
  void disconnect(const endpoint& where);

  /// Attempts that failed since the start or the last success, with the last reason; for messages to people.
  [[nodiscard]] std::string last_dial_failure(const endpoint& where) const;

  /// Stops accepting, ends connections, lets cores finish and commit, closes the store. Blocks; idempotent.
  void close();

private:
  struct implementation;
  std::unique_ptr<implementation> implementation_;
};

} // namespace corestore::actors
