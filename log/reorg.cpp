#include "log/reorg.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "base/check.hpp"
#include "base/limits.hpp"
#include "log/flat_tree.hpp"
#include "log/hashes.hpp"

namespace corestore::log {

namespace {

result<bool> is_stored(const node& one, const node_source& local) {
  auto stored = local.node_at(one.index);
  if (!stored)
    return fail(stored.error());
  return *stored && (*stored)->hash == one.hash;
}

tl::unexpected<error> off_the_path(const node& target) {
  return fail(ec::invalid_checksum, "the answer does not lead to tree node " + std::to_string(target.index));
}

} // namespace

reorg_search::reorg_search(verification fork_proof, std::uint64_t local_length)
    : collected_(std::move(fork_proof)), local_length_(local_length) {
  CORESTORE_CHECK(collected_.head.has_value());
}

result<reorg_search> reorg_search::start(verification fork_proof, std::uint64_t local_length,
                                         const node_source& local) {
  reorg_search search{std::move(fork_proof), local_length};
  const auto& head = *search.collected_.head;
  for (const auto& root : head.roots) {
    auto is_ours = is_stored(root, local);
    if (!is_ours)
      return fail(is_ours.error());
    if (*is_ours)
      continue;
    known_nodes known;
    for (const auto& one : search.collected_.nodes)
      known.insert_or_assign(one.index, one);
    search.difference_ = root;
    if (auto status = search.descend(known, local); !status)
      return fail(status.error());
    return search;
  }
  search.ancestors_ = std::min(head.length, local_length);
  return search;
}

/// Follows the differing nodes down as far as the last answer goes.
result<void> reorg_search::descend(const known_nodes& known, const node_source& local) {
  auto reached = difference_;
  while (!flat_tree::is_leaf(reached.index)) {
    auto left = known.find(flat_tree::left_child(reached.index));
    auto right = known.find(flat_tree::right_child(reached.index));
    if (left == known.end() || right == known.end())
      break;
    auto is_ours = is_stored(left->second, local);
    if (!is_ours)
      return fail(is_ours.error());
    reached = *is_ours ? right->second : left->second;
  }
  aim_at(reached);
  return {};
}

void reorg_search::aim_at(const node& difference) {
  difference_ = difference;
  block_range blocks{flat_tree::first_block(difference.index),
                     std::min(local_length_, flat_tree::completing_block(difference.index) + 1)};
  ancestors_ = std::min(blocks.start, local_length_);
  wanted_.reset();
  if (!flat_tree::is_leaf(difference.index) && blocks.start < blocks.end)
    wanted_ = reorg_request{blocks, flat_tree::depth(difference.index)};
}

result<void> reorg_search::accept(const proof& answer, const node_source& local) {
  if (!wanted_)
    return {};
  if (answer.fork != fork() || !answer.hash || answer.hash->nodes.empty() ||
      answer.hash->nodes.size() != wanted_->nodes + 1)
    return off_the_path(difference_);
  const auto& nodes = answer.hash->nodes;
  if (nodes.front().index > flat_tree::index_max || !flat_tree::is_leaf(nodes.front().index) ||
      !flat_tree::covers(difference_.index, nodes.front().index))
    return off_the_path(difference_);
  known_nodes known;
  auto current = nodes.front();
  known.insert_or_assign(current.index, current);
  for (std::size_t i = 1; i < nodes.size(); ++i) {
    if (nodes[i].index != flat_tree::sibling(current.index) || nodes[i].size > limits::safe_integer_max ||
        current.size > limits::safe_integer_max)
      return off_the_path(difference_);
    known.insert_or_assign(nodes[i].index, nodes[i]);
    current = parent_node(current, nodes[i]);
    known.insert_or_assign(current.index, current);
  }
  if (current.index != difference_.index || current.hash != difference_.hash)
    return off_the_path(difference_);
  for (auto index = nodes.front().index; index != difference_.index; index = flat_tree::parent(index)) {
    collected_.nodes.push_back(known.at(index));
    collected_.nodes.push_back(known.at(flat_tree::sibling(index)));
  }
  return descend(known, local);
}

} // namespace corestore::log
