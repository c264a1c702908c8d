#include "storage/change_check.hpp"

#include <algorithm>
#include <string>

#include "base/limits.hpp"
#include "storage/schema.hpp"
#include "storage/tree_math.hpp"

namespace corestore::storage {

namespace {

result<void> check_run(const log::block_run& run) {
  auto where = "run at block " + std::to_string(run.first);
  if (run.blocks.empty())
    return fail(ec::bad_argument, where + " has no blocks");
  if (run.first > tree::block_max || run.blocks.size() > tree::block_max - run.first)
    return fail(ec::bad_argument, where + " is out of range");
  auto expected = tree::nodes_within(run.first, run.first + run.blocks.size());
  if (run.hashes.size() != expected)
    return fail(ec::bad_argument, where + " completes " + std::to_string(expected) + " nodes but brings " +
                                    std::to_string(run.hashes.size()));
  auto is_too_long = [](const shared_bytes& block) {
    return block.size() > limits::block_bytes_max;
  };
  if (std::any_of(run.blocks.begin(), run.blocks.end(), is_too_long))
    return fail(ec::bad_argument, where + " holds a block above the limit");
  return {};
}

result<void> check_names(const log::change_set& changes) {
  if (changes.header && changes.header->number != changes.number)
    return fail(ec::bad_argument,
                "header of core " + std::to_string(static_cast<std::uint32_t>(changes.header->number)) +
                  " in a change set of core " + std::to_string(static_cast<std::uint32_t>(changes.number)));
  if (changes.alias && changes.alias->name.size() > schema::alias_name_bytes_max)
    return fail(ec::limit_exceeded, "a name is longer than " + std::to_string(schema::alias_name_bytes_max) + " bytes");
  return {};
}

} // namespace

result<void> check(const log::change_set& changes) {
  for (const auto& range : changes.cleared) {
    if (range.end < range.start)
      return fail(ec::bad_argument, "cleared range ends before it starts");
  }
  for (const auto& range : changes.forgotten) {
    if (range.end < range.start || range.end > tree::block_max)
      return fail(ec::bad_argument, "forgotten range ends before it starts, or out of range");
  }
  for (const auto& run : changes.runs) {
    if (auto checked = check_run(run); !checked)
      return checked;
  }
  for (const auto& block : changes.blocks) {
    if (block.index > tree::block_max || block.value.size() > limits::block_bytes_max)
      return fail(ec::bad_argument, "block " + std::to_string(block.index) + " is out of range or above the limit");
  }
  for (const auto& node : changes.nodes) {
    if (node.index > tree::node_max)
      return fail(ec::bad_argument, "node " + std::to_string(node.index) + " is out of range");
  }
  if (changes.head && changes.head->length > tree::block_max)
    return fail(ec::bad_argument, "length " + std::to_string(changes.head->length) + " is out of range");
  auto is_misnamed = [](const log::user_entry& entry) {
    return entry.name.empty() || entry.name.size() > schema::user_name_bytes_max;
  };
  if (std::any_of(changes.user_data.begin(), changes.user_data.end(), is_misnamed))
    return fail(ec::bad_argument,
                "the name of a user value has 1 to " + std::to_string(schema::user_name_bytes_max) + " bytes");
  return check_names(changes);
}

depth_range crossing_depths(std::uint64_t first, std::uint64_t end) {
  if (first == 0)
    return {};
  auto start = static_cast<unsigned>(std::countr_zero(first)) + 1;
  auto depth = start;
  while (depth < 52) { // the span that holds `first` must end inside the run
    auto width = std::uint64_t{1} << depth;
    if ((first & ~(width - 1)) + width > end)
      break;
    ++depth;
  }
  return {start, depth};
}

result<std::vector<std::uint64_t>> crossing_sizes(std::uint64_t first, const std::vector<std::uint64_t>& block_ends,
                                                  const size_lookup& known) {
  std::vector<std::uint64_t> sizes;
  auto depths = crossing_depths(first, first + block_ends.size());
  std::optional<std::uint64_t> left = 0; // bytes of the blocks between the start of the span and `first`
  auto covered = first;                  // `left` covers the blocks [covered, first)
  for (auto depth = depths.start; depth < depths.end; ++depth) {
    auto width = std::uint64_t{1} << depth;
    auto start = first & ~(width - 1);
    if (left && start < covered) { // one full root: the lowest one bit of what is not covered yet
      auto bit = static_cast<unsigned>(std::countr_zero(covered));
      auto part = known(tree::node_at(bit, start));
      if (!part)
        return fail(std::move(part.error()));
      left = *part ? std::optional{*left + **part} : std::nullopt;
      covered = start;
    }
    if (left) {
      sizes.push_back(*left + block_ends[start + width - 1 - first]);
      continue;
    }
    auto whole = known(tree::node_at(depth, start));
    if (!whole)
      return fail(std::move(whole.error()));
    auto within = block_ends[start + width - 1 - first];
    if (!*whole || **whole < within)
      return fail(ec::bad_argument, "run at block " + std::to_string(first) + ": the size of node " +
                                      std::to_string(tree::node_at(depth, start)) + " is not known");
    sizes.push_back(**whole);
    left = **whole - within;
    covered = start;
  }
  return sizes;
}

result<std::vector<log::node>> nodes_of(const log::block_run& run, const size_lookup& known) {
  std::vector<std::uint64_t> ends;
  ends.reserve(run.blocks.size());
  std::uint64_t total = 0;
  for (const auto& block : run.blocks)
    ends.push_back(total += block.size());
  auto crossing = crossing_sizes(run.first, ends, known);
  if (!crossing)
    return fail(std::move(crossing.error()));
  auto depths = crossing_depths(run.first, run.first + run.blocks.size());
  std::vector<log::node> nodes;
  nodes.reserve(run.hashes.size());
  for (std::size_t i = 0; i < run.blocks.size(); ++i) {
    auto block = run.first + i;
    for (unsigned depth = 0; depth <= static_cast<unsigned>(std::countr_one(block)); ++depth) {
      auto start = block + 1 - (std::uint64_t{1} << depth);
      std::uint64_t size = 0;
      if (start < run.first)
        size = (*crossing)[depth - depths.start];
      else
        size = ends[i] - (start == run.first ? 0 : ends[start - run.first - 1]);
      nodes.push_back({tree::node_at(depth, start), size, run.hashes[nodes.size()]});
    }
  }
  return nodes;
}

} // namespace corestore::storage
