// The two generations of Hypercore. They share the shape of the tree; in hashes generation 9 writes its integers big
// endian, generation 10 little endian.
#pragma once

#include <cstdint>

namespace corestore::log {

enum class generation : std::uint8_t { g9 = 9, g10 = 10 };

} // namespace corestore::log
