// Verified proofs as one change set: what extends the contiguous prefix becomes runs, and so do longer stretches of
// blocks elsewhere and what follows a log that grows; the rest stays sparse.
#include <algorithm>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

#include "log/core_state.hpp"
#include "log/flat_tree.hpp"
#include "log/hashes.hpp"

namespace corestore::log {

namespace {

using node_map = std::unordered_map<std::uint64_t, node>;
using block_map = std::map<std::uint64_t, shared_bytes>;

/// Blocks that follow each other somewhere in the log are one value from here on. Fewer are left to be gathered with
/// their neighbours once the prefix reaches them.
constexpr std::ptrdiff_t stretch_blocks_min = 8;

/// Builds runs block by block; knows the nodes of this step and computes parents where both children are at hand.
class run_builder {
public:
  run_builder(const node_map& fresh, const node_source& source, generation which)
      : fresh_(fresh), source_(source), generation_(which) {
    // nop
  }

  void begin(std::uint64_t first) {
    run_ = {first, {}, {}};
    pending_.clear();
  }

  /// False when a node that the block completes is neither known nor computable: the block cannot be part of a run.
  result<bool> add(std::uint64_t index, const shared_bytes& value) {
    auto before = run_.hashes.size();
    std::optional<node> below; // the node just completed, then its ancestors
    auto count = flat_tree::completed_by(index);
    auto position = 2 * index;
    for (std::uint64_t level = 0; level < count; ++level, position = flat_tree::parent(position)) {
      auto completed = find(position, below);
      if (!completed)
        return fail(completed.error());
      auto is_complete = result<bool>{completed->has_value()};
      if (*is_complete && below && flat_tree::first_block(position) < run_.first)
        is_complete = is_known(flat_tree::sibling(below->index));
      if (!is_complete)
        return is_complete;
      if (!*is_complete) {
        run_.hashes.resize(before);
        return false;
      }
      below = **completed;
      run_.hashes.push_back(below->hash);
    }
    pending_.push_back(*below);
    run_.blocks.push_back(value);
    return true;
  }

  [[nodiscard]] bool is_empty() const {
    return run_.blocks.empty();
  }
  block_run take() {
    return std::move(run_);
  }

private:
  /// The size of a node that reaches to the left of the run follows from what is there.
  result<bool> is_known(std::uint64_t index) {
    if (fresh_.contains(index))
      return true;
    return source_.node_at(index).map([](const auto& found) { return found.has_value(); });
  }

  /// `right`: the right child when it was completed just before.
  result<std::optional<node>> find(std::uint64_t index, const std::optional<node>& right) {
    std::optional<node> left;
    if (right && !pending_.empty() && pending_.back().index == flat_tree::sibling(right->index)) {
      left = pending_.back();
      pending_.pop_back();
    }
    if (auto entry = fresh_.find(index); entry != fresh_.end())
      return entry->second;
    if (left)
      return parent_node(*left, *right, generation_);
    return source_.node_at(index);
  }

  const node_map& fresh_;
  const node_source& source_;
  generation generation_;
  block_run run_;
  std::vector<node> pending_; ///< full roots of the run so far
};

struct gathered {
  node_map nodes;
  block_map blocks;
  const tree_head* head = nullptr;
  const bytes* manifest = nullptr;
};

result<gathered> gather(const core_state& state, const std::vector<verification>& verified) {
  gathered all;
  for (const auto& one : verified) {
    if (one.head) {
      if (all.head != nullptr && state.header.generation != generation::g9)
        return fail(ec::invalid_operation, "two heads in one step");
      if (one.head->fork != state.head.fork || one.head->length <= state.head.length)
        return fail(ec::stale_base, "the verified head does not follow the current one");
      if (all.head == nullptr || one.head->length > all.head->length)
        all.head = &*one.head;
    }
    if (one.manifest && !state.manifest)
      all.manifest = &*one.manifest;
    for (const auto& proven : one.nodes)
      all.nodes.insert_or_assign(proven.index, proven);
    if (one.block && !state.bits.test(one.block->index))
      all.blocks.emplace(one.block->index, one.block->value);
  }
  return all;
}

/// Moves the blocks that extend the contiguous prefix into runs and returns the new contiguous length.
result<std::uint64_t> extract_runs(const core_state& state, const node_source& source, gathered& all,
                                   change_set& changes) {
  run_builder builder{all.nodes, source, state.header.generation};
  auto length = state.contiguous_length();
  builder.begin(length);
  auto finish_run = [&] {
    if (!builder.is_empty())
      changes.runs.push_back(builder.take());
  };
  auto is_open = true; // false once a node was missing: then the rest stays sparse
  for (auto next = all.blocks.begin();;) {
    if (auto stored_until = state.bits.first_unset({length, UINT64_MAX}).value_or(length); stored_until > length) {
      finish_run();
      length = stored_until;
      builder.begin(length);
    }
    if (next == all.blocks.end() || next->first != length)
      break;
    if (is_open) {
      auto added = builder.add(length, next->second);
      if (!added)
        return fail(added.error());
      is_open = *added;
      if (!is_open)
        finish_run();
    }
    if (is_open)
      next = all.blocks.erase(next);
    else
      ++next;
    ++length;
  }
  if (is_open)
    finish_run();
  return length;
}

/// The same for blocks that do not: enough of them, or new ones of a log that grows. The first blocks of a log may be
/// cleared, or never wanted.
result<void> extract_stretches(const core_state& state, const node_source& source, gathered& all, change_set& changes) {
  run_builder builder{all.nodes, source, state.header.generation};
  for (auto first = all.blocks.begin(); first != all.blocks.end();) {
    auto end = std::next(first);
    while (end != all.blocks.end() && end->first == std::prev(end)->first + 1)
      ++end;
    if (std::distance(first, end) < stretch_blocks_min && first->first < state.head.length) {
      first = end;
      continue;
    }
    builder.begin(first->first);
    auto next = first;
    for (auto is_added = true; is_added && next != end;) {
      auto added = builder.add(next->first, next->second);
      if (!added)
        return fail(added.error());
      is_added = *added;
      if (is_added)
        ++next;
    }
    if (builder.is_empty()) {
      ++first;
      continue;
    }
    changes.runs.push_back(builder.take());
    first = all.blocks.erase(first, next);
  }
  return {};
}

bool is_in_a_run(const std::vector<block_run>& runs, std::uint64_t index) {
  auto block = flat_tree::completing_block(index);
  return std::any_of(runs.begin(), runs.end(), [block](const block_run& run) {
    return run.first <= block && block < run.first + run.blocks.size();
  });
}

} // namespace

result<change_set> stage_verified(const core_state& state, const log_source& source,
                                  const std::vector<verification>& verified) {
  auto all = gather(state, verified);
  if (!all)
    return fail(all.error());
  change_set changes;
  changes.number = state.header.number;
  changes.base_fork = state.head.fork;
  changes.base_length = state.head.length;
  if (all->manifest != nullptr) {
    changes.header = state.header;
    changes.header->manifest = *all->manifest;
  }
  auto contiguous = extract_runs(state, source, *all, changes);
  if (!contiguous)
    return fail(contiguous.error());
  if (*contiguous != state.contiguous_length())
    changes.contiguous_length = *contiguous;
  if (auto done = extract_stretches(state, source, *all, changes); !done)
    return fail(done.error());
  for (auto& [index, value] : all->blocks)
    changes.blocks.push_back({index, std::move(value)});
  changes.nodes.reserve(all->nodes.size());
  for (const auto& [index, proven] : all->nodes)
    if (!is_in_a_run(changes.runs, index) && flat_tree::completing_block(index) >= state.contiguous_length())
      changes.nodes.push_back(proven);
  std::sort(changes.nodes.begin(), changes.nodes.end(),
            [](const node& one, const node& other) { return one.index < other.index; });
  if (all->head != nullptr)
    changes.head = *all->head;
  for (const auto& one : verified)
    changes.signatures.insert(changes.signatures.end(), one.signatures.begin(), one.signatures.end());
  return changes;
}

} // namespace corestore::log
