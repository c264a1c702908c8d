// Every tunable's default, with its unit and its reason. Bounds that no setting can lift live in base/limits.hpp.
// config/corestored.conf lists the same values; a test compares the two.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

namespace corestore::config::defaults {

// -- store

/// Folder of the store, relative to the working directory: a try-out leaves everything in one place.
inline constexpr std::string_view store_path = "./data";

/// Generation of new cores and of connections that we dial: what today's JavaScript ecosystem speaks.
inline constexpr std::uint8_t generation = 10;

/// Milliseconds between syncs with durability `interval`: what a power cut may cost, against syncs per second.
inline constexpr std::chrono::milliseconds sync_interval{1000};

/// Open cores that no owner holds any more: the classic cache size, about 3 MB of memory.
inline constexpr std::uint64_t active_cores_max = 1000;

/// Open cores that only peers asked for, the same size for the same reason.
inline constexpr std::uint64_t passive_cores_max = 1000;

/// Bytes of address space for the map: not disk, so take what every kernel and sanitizer grants.
inline constexpr std::uint64_t map_bytes_max = std::uint64_t{1} << 40U;

/// Bytes that the store may use on disk; 0 = as much as there is.
inline constexpr std::uint64_t quota_bytes = 0;

/// Bytes hashed in a second by the background scrub: a terabyte in three days, for less than a percent of a processor.
inline constexpr std::uint64_t scrub_bytes_s = std::uint64_t{4} << 20U;

/// From the start of one walk over everything stored to that of the next: a week.
inline constexpr std::chrono::milliseconds scrub_interval{std::chrono::hours{168}};

// -- replication

/// One address on loopback: a server is not open to the world unless it is told to be.
inline constexpr std::string_view replication_listen = "127.0.0.1:49737";

/// Connections at a time: leaves half of the usual limit of 1,024 descriptors for everything else.
inline constexpr std::uint64_t connections_max = 512;

/// Connections at a time from one network address: one host cannot take all of them.
inline constexpr std::uint64_t connections_per_address_max = 128;

/// Connections at a time of one Noise key: an application needs one, a restarted one has a few dead ones beside it.
inline constexpr std::uint64_t connections_per_peer_max = 32;

/// Channels at a time that one Noise key, and one address, opened: as many as two connections can have, and twice that.
inline constexpr std::uint64_t channels_per_peer_max = 131072;
inline constexpr std::uint64_t channels_per_address_max = 262144;

/// Broken rules until a key, and an address, is banned: no honest peer breaks one, but many may share an address.
inline constexpr std::uint64_t strikes_per_peer_max = 5;
inline constexpr std::uint64_t strikes_per_address_max = 50;

/// A strike counts for that long, and a ban lasts as long: whoever was updated meanwhile gets in again.
inline constexpr std::chrono::milliseconds strike_window{600000};
inline constexpr std::chrono::milliseconds ban_time{600000};

/// Never banned: on this machine, a proxy speaks for many peers.
inline constexpr std::string_view never_ban_ipv4 = "127.0.0.0/8";
inline constexpr std::string_view never_ban_ipv6 = "::1";

/// Until the secure stream is up: two round trips and two key agreements take milliseconds, a bad line seconds.
inline constexpr std::chrono::milliseconds handshake_timeout{10000};

/// Without a byte from the peer: six of its keep-alives are lost by then.
inline constexpr std::chrono::milliseconds idle_timeout{30000};

/// An empty message after that long without a write, as the JavaScript peers do.
inline constexpr std::chrono::milliseconds keep_alive{5000};

/// Requests in flight for each core and peer: keeps a fast line busy, and an upload queue of the peer bounded.
inline constexpr std::uint64_t in_flight_max = 512;

/// A request older than that counts as lost and is asked of another peer.
inline constexpr std::chrono::milliseconds request_timeout{30000};

// -- http

/// HTTP connections at a time: a thread for each that has a request under way.
inline constexpr std::uint64_t http_connections_max = 2048;

// -- cluster

/// Nodes that hold each core: 1 = no mirrors.
inline constexpr std::uint64_t replicas = 1;

// -- the actor system; not in the file

/// Messages that one actor handles before it goes to the back of the queue: a flooded core cannot hold a worker.
inline constexpr std::size_t actor_throughput_max = 128;

/// A node says that it lives that often, and counts as lost after that much silence.
inline constexpr std::chrono::milliseconds node_heartbeat{1000};
inline constexpr std::chrono::milliseconds node_silence_max{10000};

} // namespace corestore::config::defaults
