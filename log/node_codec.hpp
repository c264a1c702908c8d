// `node := uint index | uint size | fixed32 hash`, and arrays of them, as in proofs and multi-signatures.
#pragma once

#include <vector>

#include "base/compact.hpp"
#include "log/node.hpp"

namespace corestore::log {

/// Bytes of the shortest node.
inline constexpr std::size_t node_bytes_min = 2 + hash32::size;

inline node read_node(compact::reader& source) {
  node result;
  result.index = source.uint();
  result.size = source.uint();
  source.fixed(result.hash);
  return result;
}

inline void write_node(compact::writer& target, const node& source) {
  target.uint(source.index);
  target.uint(source.size);
  target.raw(source.hash.view());
}

/// Replaces `target`. A count that the remaining bytes cannot hold fails before anything is allocated.
inline void read_nodes(compact::reader& source, std::vector<node>& target) {
  auto count = source.array(node_bytes_min);
  target.clear();
  target.reserve(count);
  for (std::size_t i = 0; i < count && !source.failed(); ++i)
    target.push_back(read_node(source));
}

inline void write_nodes(compact::writer& target, const std::vector<node>& source) {
  target.uint(source.size());
  for (const auto& one : source)
    write_node(target, one);
}

} // namespace corestore::log
