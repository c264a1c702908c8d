// How callers name a channel.
#pragma once

#include <cstdint>

namespace corestore::replication {

/// Our own number of a channel on one connection, never 0. When the channel is over it names nothing; the same number
/// comes back only after its place in the table was used some 32,000 times.
using channel_id = std::uint32_t;

} // namespace corestore::replication
