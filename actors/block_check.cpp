#include "actors/block_check.hpp"

#include <optional>
#include <utility>

#include "log/flat_tree.hpp"
#include "log/hashes.hpp"

namespace corestore::actors {

namespace {

constexpr std::size_t faults_max = 1000;

} // namespace

void add_fault(verify_report& report, std::string what) {
  if (report.faults.size() < faults_max)
    report.faults.push_back(std::move(what));
}

bool check_block(verify_report& report, const storage::snapshot& source, const log::core_header& header,
                 std::uint64_t index, byte_view value) {
  ++report.blocks;
  report.bytes_hashed += value.size();
  auto node_at = [&](std::uint64_t position) -> std::optional<log::node> {
    auto found = source.node(header.number, position);
    return found ? *found : std::nullopt;
  };
  auto leaf = node_at(2 * index);
  if (!leaf) {
    add_fault(report, "block " + std::to_string(index) + " has no tree node");
    return false;
  }
  auto is_sound = true;
  auto complain = [&](std::string what) {
    is_sound = false;
    add_fault(report, std::move(what));
  };
  if (leaf->size != value.size() || leaf->hash != log::leaf_hash(value, header.generation))
    complain("block " + std::to_string(index) + " does not match its hash");
  auto current = *leaf;
  for (auto rest = index; (rest & 1U) != 0; rest >>= 1U) {
    auto left = node_at(log::flat_tree::sibling(current.index));
    auto parent = node_at(log::flat_tree::parent(current.index));
    if (!left || !parent)
      break;
    auto expected = log::parent_node(*left, current, header.generation);
    if (expected.hash != parent->hash || expected.size != parent->size)
      complain("tree node " + std::to_string(parent->index) + " does not match its children");
    current = *parent;
  }
  return is_sound;
}

} // namespace corestore::actors
