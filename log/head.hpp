// The signed tip of a log.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.hpp"
#include "log/node.hpp"

namespace corestore::log {

struct tree_head {
  std::uint64_t fork = 0;
  std::uint64_t length = 0;      ///< blocks
  std::uint64_t byte_length = 0; ///< sum of the root sizes
  std::vector<node> roots;       ///< full roots of `length`, left to right
  bytes signature;               ///< as the manifest kind stores it; empty for an unsigned head

  friend bool operator==(const tree_head&, const tree_head&) = default;
};

} // namespace corestore::log
