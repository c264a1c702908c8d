// The whole configuration as one plain value. Names and ranges of the keys: config/keys.cpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/network_range.hpp"
#include "config/address.hpp"
#include "config/defaults.hpp"

namespace corestore::config {

enum class durability : std::uint8_t {
  commit,   ///< an append is acknowledged after the sync
  interval, ///< synced every `sync_interval`: a power cut may lose that much
  none      ///< synced on close only
};

enum class log_level : std::uint8_t { trace, debug, info, warn, error, off };

enum class log_format : std::uint8_t {
  text, ///< time, level, message
  json  ///< one object a line
};

struct store_settings {
  std::string path{defaults::store_path};
  std::string primary_key_file; ///< empty: the store keeps its own primary key
  std::uint8_t generation = defaults::generation;
  config::durability durability = config::durability::commit;
  std::chrono::milliseconds sync_interval = defaults::sync_interval;
  std::uint64_t active_cores_max = defaults::active_cores_max;
  std::uint64_t passive_cores_max = defaults::passive_cores_max;
  std::uint64_t map_bytes_max = defaults::map_bytes_max;
  std::uint64_t quota_bytes = defaults::quota_bytes;     ///< 0 = no quota
  std::uint64_t scrub_bytes_s = defaults::scrub_bytes_s; ///< 0 = no scrub
  std::chrono::milliseconds scrub_interval = defaults::scrub_interval;

  friend bool operator==(const store_settings&, const store_settings&) = default;
};

/// A core to keep complete. Its key does not say of which generation it is.
struct mirrored_core {
  core_key key;
  std::uint8_t generation = 0; ///< 9 or 10; 0 = what the store makes, unless it knows the core
  std::string label;           ///< what people call it, for messages; may be empty

  friend auto operator<=>(const mirrored_core&, const mirrored_core&) = default;
};

/// A Noise public key, or the addresses of a network.
using peer_name = std::variant<public_key, network_range>;

/// What one Noise key, or one address, may have at a time; rates are per second, 0 = no limit.
struct share_settings {
  std::uint64_t connections_max = 0;
  std::uint64_t channels_max = 0;
  std::uint64_t requests_max = 0;
  std::uint64_t bytes_max = 0;
  std::uint64_t strikes_max = 0; ///< 0 = never banned

  friend bool operator==(const share_settings&, const share_settings&) = default;
};

struct replication_settings {
  std::vector<address> listen = {parse_listen_address(defaults::replication_listen).value()}; ///< never holds `off`
  std::vector<address> connect;
  std::vector<mirrored_core> mirror;
  std::vector<public_key> allow; ///< Noise keys that may connect; empty = everybody
  std::vector<peer_name> deny;   ///< who may not
  std::vector<peer_name> never_ban = {network_range::parse(defaults::never_ban_ipv4).value(),
                                      network_range::parse(defaults::never_ban_ipv6).value()};
  std::uint64_t connections_max = defaults::connections_max;
  share_settings per_address{defaults::connections_per_address_max, defaults::channels_per_address_max, 0, 0,
                             defaults::strikes_per_address_max};
  share_settings per_peer{defaults::connections_per_peer_max, defaults::channels_per_peer_max, 0, 0,
                          defaults::strikes_per_peer_max};
  std::chrono::milliseconds strike_window = defaults::strike_window;
  std::chrono::milliseconds ban_time = defaults::ban_time;
  std::chrono::milliseconds handshake_timeout = defaults::handshake_timeout;
  std::chrono::milliseconds idle_timeout = defaults::idle_timeout; ///< 0 = never
  std::chrono::milliseconds keep_alive = defaults::keep_alive;     ///< 0 = never
  std::uint64_t in_flight_max = defaults::in_flight_max;
  std::chrono::milliseconds request_timeout = defaults::request_timeout;
  bool may_upload = true;
  bool may_download = true;

  friend bool operator==(const replication_settings&, const replication_settings&) = default;
};

struct http_settings {
  address listen;
  std::string token; ///< bearer token of writes over an address that is not loopback
  std::uint64_t connections_max = defaults::http_connections_max;

  friend bool operator==(const http_settings&, const http_settings&) = default;
};

struct node_settings {
  address listen;
  std::string tls_certificate; ///< path of a PEM file, as are the next two
  std::string tls_key;
  std::string tls_ca;

  /// All three of them; without any of them the surface is for this machine alone.
  [[nodiscard]] bool has_tls() const {
    return !tls_certificate.empty() && !tls_key.empty() && !tls_ca.empty();
  }

  friend bool operator==(const node_settings&, const node_settings&) = default;
};

struct cluster_settings {
  std::string name;
  std::vector<address> peers;
  std::uint64_t replicas = defaults::replicas;

  friend bool operator==(const cluster_settings&, const cluster_settings&) = default;
};

struct log_settings {
  log_level level = log_level::info;
  log_format format = log_format::text;

  friend bool operator==(const log_settings&, const log_settings&) = default;
};

struct settings {
  store_settings store;
  replication_settings replication;
  http_settings http;
  node_settings node;
  cluster_settings cluster;
  log_settings log;

  /// Where each key that was given comes from, for messages: `replication.listen` -> `corestored.conf:12`.
  std::map<std::string, std::string> origins;

  /// Values only: where they come from does not matter.
  friend bool operator==(const settings& left, const settings& right) {
    return left.store == right.store && left.replication == right.replication && left.http == right.http &&
           left.node == right.node && left.cluster == right.cluster && left.log == right.log;
  }
};

/// Whether this build can run with these settings: unsupported for a surface that it does not offer, bad_argument for
/// values that contradict each other. The detail names origin and key.
result<void> validate(const settings& what);

} // namespace corestore::config
