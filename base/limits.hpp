// Hard bounds that no setting can lift. Tunables live in config/defaults.hpp.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace corestore::limits {

/// Largest integer that may appear in any encoding: JavaScript numbers are exact up to here.
inline constexpr std::uint64_t safe_integer_max = (std::uint64_t{1} << 53U) - 1;

/// Elements of a compact-encoding array (the reference refuses more).
inline constexpr std::uint64_t array_elements_max = 0x100000;

/// Bytes of one block, as `append` of the reference enforces it (15 MiB).
inline constexpr std::size_t block_bytes_max = 15728640;

/// The same in generation 9.
inline constexpr std::size_t legacy_block_bytes_max = std::size_t{8} << 20U;

/// Body of one secret-stream frame: a 24-bit length.
inline constexpr std::size_t frame_bytes_max = 16777215;

/// Plaintext of one secret-stream frame: the body less tag and MAC.
inline constexpr std::size_t message_bytes_max = frame_bytes_max - 17;

/// Body of a frame before the handshake is complete; no legal one is longer.
inline constexpr std::size_t handshake_frame_bytes_max = 96;

/// Channels that one connection may have open, in each direction.
inline constexpr std::size_t channels_per_connection_max = 65536;

/// Opens of one peer that wait for the store to answer.
inline constexpr std::size_t pending_opens_max = 1024;

/// Bytes of the name of a core or of a namespace; it becomes part of a storage key.
inline constexpr std::size_t name_bytes_max = 400;

/// Namespaces within each other.
inline constexpr std::size_t namespace_depth_max = 64;

/// Addresses that one store keeps dialling.
inline constexpr std::size_t dialled_addresses_max = 4096;

/// Messages held for channels that are not answered yet, in bytes for each connection.
inline constexpr std::size_t pending_channel_bytes_max = 4 * message_bytes_max;

/// Requests of one peer for one core that wait to be answered.
inline constexpr std::size_t upload_queue_max = 8192;

/// Requests of ours in flight to one peer for one core.
inline constexpr std::size_t requests_in_flight_max = 1024;

/// Wants of one peer for one core, before it counts as wanting everything.
inline constexpr std::size_t wants_max = 512;

/// Extensions registered for one core, and bytes of the name of one.
inline constexpr std::size_t extensions_max = 64;
inline constexpr std::size_t extension_name_bytes_max = 256;

/// Listeners of all extensions of one core, or of one store or namespace.
inline constexpr std::size_t extension_listeners_max = 1024;

/// Bytes that replies to one connection may hold in memory before the peer has to read.
inline constexpr std::size_t unsent_bytes_max = 2 * frame_bytes_max;

/// Blocks that one download may name one by one.
inline constexpr std::size_t download_blocks_max = 65536;

/// One frame of an archive: a block of the largest size, what proves it, and a page of smaller ones.
inline constexpr std::size_t archive_frame_bytes_max = std::size_t{20} << 20U;

/// Bytes that a batch may hold in memory before it is flushed.
inline constexpr std::size_t batch_bytes_max = std::size_t{256} << 20U;

/// Bytes of truncated blocks that are kept for the views of a core.
inline constexpr std::size_t rescued_bytes_max = std::size_t{16} << 20U;

/// One value that an application keeps beside a core.
inline constexpr std::size_t user_value_bytes_max = std::size_t{1} << 20U;

/// Bytes of one LMDB transaction's change sets before the group is closed.
inline constexpr std::size_t group_bytes_max = std::size_t{8} << 20U;

/// Change sets in one LMDB transaction.
inline constexpr std::size_t group_count_max = 4096;

/// Request line and fields of one HTTP request, in bytes.
inline constexpr std::uint32_t http_header_bytes_max = 16384;

/// Body of an HTTP request that carries blocks in JSON: two blocks of the largest size, in base64.
inline constexpr std::size_t http_blocks_body_bytes_max = std::size_t{42} << 20U;

/// Body of any other JSON request, in bytes; the longest are manifests.
inline constexpr std::size_t http_json_body_bytes_max = std::size_t{1} << 20U;

/// Bodies of all HTTP requests that are being read, in bytes: many large ones at once wait their turn elsewhere.
inline constexpr std::size_t http_bodies_bytes_max = std::size_t{512} << 20U;

/// Cores that stay open because they were opened over HTTP; the one used longest ago is closed for another.
inline constexpr std::size_t http_open_cores_max = 1024;

/// An HTTP client that takes no byte for that long is gone.
inline constexpr std::chrono::milliseconds http_write_timeout{30000};

/// Until the header of a request that began is complete, and between two pieces of a body.
inline constexpr std::chrono::milliseconds http_read_timeout{20000};

/// Between two requests of one connection; longer than the clients that pool connections.
inline constexpr std::chrono::milliseconds http_idle_timeout{120000};

/// Longest wait for peers that an HTTP request may ask for.
inline constexpr std::chrono::milliseconds http_wait_max{3600000};

/// Events that wait for one HTTP client, in bytes; a client that is further behind is cut off.
inline constexpr std::size_t http_event_bytes_max = std::size_t{1} << 20U;

static_assert(message_bytes_max > block_bytes_max);
static_assert(unsent_bytes_max > frame_bytes_max);

} // namespace corestore::limits
