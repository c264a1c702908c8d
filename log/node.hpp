// One node of the Merkle tree, and where the rest of a tree is read from.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "base/error.hpp"

namespace corestore::log {

struct node {
  std::uint64_t index = 0; ///< position in the flat tree: block `i` is leaf `2 i`
  std::uint64_t size = 0;  ///< bytes of all blocks below, as stored
  hash32 hash;

  friend bool operator==(const node&, const node&) = default;
};

/// Read access to the stored nodes of one tree. A missing node is an empty optional, a failed read an error.
class node_source {
public:
  virtual ~node_source() = default;

  [[nodiscard]] virtual result<std::optional<node>> node_at(std::uint64_t index) const = 0;
};

/// Read access to everything stored for one log.
class log_source : public node_source {
public:
  [[nodiscard]] virtual result<std::optional<shared_bytes>> block_at(std::uint64_t index) const = 0;

  /// The signature of exactly that length, of a core of generation 9.
  [[nodiscard]] virtual result<std::optional<signature64>> signature_at(std::uint64_t /*length*/) const {
    return std::optional<signature64>{};
  }
};

} // namespace corestore::log
