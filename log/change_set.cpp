#include "log/change_set.hpp"

namespace corestore::log {

namespace {

constexpr std::size_t node_bytes = 16 + hash32::size;
constexpr std::size_t block_overhead_bytes = 8; ///< size or key of a block
constexpr std::size_t head_overhead_bytes = 32;
constexpr std::size_t header_overhead_bytes = 256;

} // namespace

bool is_empty(const change_set& changes) {
  return !changes.is_purge && !changes.header && !changes.alias && !changes.truncate_to && changes.cleared.empty() &&
         changes.forgotten.empty() && changes.runs.empty() && changes.blocks.empty() && changes.nodes.empty() &&
         changes.signatures.empty() && !changes.head && !changes.contiguous_length && changes.user_data.empty() &&
         !changes.group;
}

std::size_t size_of(const change_set& changes) {
  std::size_t total = 0;
  if (changes.header)
    total += header_overhead_bytes + changes.header->manifest.size() + changes.header->name.size();
  if (changes.alias)
    total += 2 * hash32::size + changes.alias->name.size();
  for (const auto& run : changes.runs) {
    total += run.hashes.size() * hash32::size + run.blocks.size() * block_overhead_bytes;
    for (const auto& block : run.blocks)
      total += block.size();
  }
  for (const auto& block : changes.blocks)
    total += block_overhead_bytes + block.value.size();
  total += changes.nodes.size() * node_bytes;
  for (const auto& entry : changes.user_data)
    total += block_overhead_bytes + entry.name.size() + (entry.value ? entry.value->size() : 0);
  if (changes.group)
    total += hash32::size;
  if (changes.head)
    total += head_overhead_bytes + changes.head->signature.size() + changes.head->roots.size() * node_bytes;
  return total;
}

} // namespace corestore::log
