#include "log/core_state.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "base/limits.hpp"
#include "log/legacy/signing.hpp"
#include "log/merkle_tree.hpp"
#include "log/tree_batch.hpp"
#include "log/verifier.hpp"

namespace corestore::log {

namespace {

change_set staged_on(const core_state& state) {
  change_set changes;
  changes.number = state.header.number;
  changes.base_fork = state.head.fork;
  changes.base_length = state.head.length;
  return changes;
}

result<void> sign_head(const core_state& state, tree_head& head, const key_pair& keys) {
  if (state.header.generation == generation::g9) {
    return legacy::sign(state.header.key, head.roots, head.length, keys).map([&](const signature64& signature) {
      head.signature = to_bytes(signature.view());
    });
  }
  if (!state.manifest)
    return fail(ec::not_writable, "the manifest of the core is not known");
  auto signature = sign(state.header.key, *state.manifest, state.header.manifest, head, keys);
  if (!signature)
    return fail(signature.error());
  head.signature = std::move(*signature);
  return {};
}

} // namespace

std::uint64_t core_state::contiguous_length() const {
  return std::min(bits.contiguous_length(), head.length);
}

bool core_state::is_complete() const {
  return contiguous_length() == head.length;
}

std::size_t block_bytes_max(generation which) {
  return which == generation::g9 ? limits::legacy_block_bytes_max : limits::block_bytes_max;
}

result<change_set> stage_append(const core_state& state, const std::vector<shared_bytes>& blocks,
                                const key_pair& keys) {
  auto changes = staged_on(state);
  if (blocks.empty())
    return changes;
  tree_batch batch{state.head, state.header.generation};
  batch.reserve(blocks.size());
  for (const auto& block : blocks) {
    if (block.size() > block_bytes_max(state.header.generation))
      return fail(ec::bad_argument, "a block of " + std::to_string(block.size()) + " bytes is too large");
    if (!batch.append(block.view()))
      return fail(ec::limit_exceeded, "the log cannot become longer than " + std::to_string(batch.length()));
  }
  auto head = batch.head(state.head.fork, {});
  if (auto status = sign_head(state, head, keys); !status)
    return fail(status.error());
  block_run run;
  run.first = state.head.length;
  run.blocks = blocks;
  run.hashes.reserve(batch.added().size());
  for (const auto& added : batch.added())
    run.hashes.push_back(added.hash);
  changes.runs.push_back(std::move(run));
  if (state.is_complete())
    changes.contiguous_length = head.length;
  if (state.header.generation == generation::g9)
    changes.signatures.push_back({head.length, *signature64::from(head.signature)});
  changes.head = std::move(head);
  return changes;
}

result<change_set> stage_truncate(const core_state& state, const log_source& source, std::uint64_t length,
                                  std::uint64_t fork, const key_pair& keys) {
  if (state.header.generation == generation::g9)
    return fail(ec::unsupported, "a core of generation 9 cannot be truncated: it has no forks");
  if (length > state.head.length)
    return fail(ec::invalid_operation, "cannot truncate to " + std::to_string(length) + ": the length is " +
                                         std::to_string(state.head.length));
  if (state.manifest && state.manifest->beginning && length < state.manifest->beginning->length)
    return fail(ec::invalid_operation, "cannot truncate to " + std::to_string(length) + ": the prologue is longer");
  auto roots = roots_at(state.head, source, length);
  if (!roots)
    return fail(roots.error());
  tree_head head;
  head.fork = fork;
  head.length = length;
  head.roots = std::move(*roots);
  for (const auto& root : head.roots)
    head.byte_length += root.size;
  if (auto status = sign_head(state, head, keys); !status)
    return fail(status.error());
  auto changes = staged_on(state);
  changes.truncate_to = length;
  changes.contiguous_length = std::min(state.contiguous_length(), length);
  changes.head = std::move(head);
  return changes;
}

change_set stage_clear(const core_state& state, block_range range) {
  auto changes = staged_on(state);
  range.end = std::min(range.end, state.head.length);
  if (range.start >= range.end)
    return changes;
  changes.cleared.push_back(range);
  changes.contiguous_length = std::min(state.contiguous_length(), range.start);
  return changes;
}

result<change_set> stage_reorg(const core_state& state, const verification& fork_proof, std::uint64_t ancestors) {
  if (!fork_proof.head || ancestors > state.head.length || ancestors > fork_proof.head->length)
    return fail(ec::invalid_operation, "not a fork proof for this log");
  if (fork_proof.head->fork <= state.head.fork)
    return fail(ec::stale_base, "fork " + std::to_string(fork_proof.head->fork) + " is not newer than ours");
  auto changes = staged_on(state);
  changes.truncate_to = ancestors;
  changes.nodes = fork_proof.nodes;
  std::stable_sort(changes.nodes.begin(), changes.nodes.end(),
                   [](const node& one, const node& other) { return one.index < other.index; });
  auto repeated = std::unique(changes.nodes.begin(), changes.nodes.end(),
                              [](const node& one, const node& other) { return one.index == other.index; });
  changes.nodes.erase(repeated, changes.nodes.end());
  changes.contiguous_length = std::min(state.contiguous_length(), ancestors);
  changes.head = *fork_proof.head;
  if (!state.manifest && fork_proof.manifest) {
    changes.header = state.header;
    changes.header->manifest = *fork_proof.manifest;
  }
  return changes;
}

result<void> adopt(core_state& state, const change_set& changes) {
  auto moves_head = changes.head || changes.truncate_to;
  auto fits = moves_head ? changes.base_length == state.head.length : changes.base_length <= state.head.length;
  if (changes.base_fork != state.head.fork || !fits)
    return fail(ec::stale_base, "staged on length " + std::to_string(changes.base_length) + " of fork " +
                                  std::to_string(changes.base_fork));
  std::optional<manifest> learned;
  if (changes.header && !changes.header->manifest.empty()) {
    auto decoded = decode_manifest(changes.header->manifest);
    if (!decoded)
      return fail(decoded.error());
    learned = std::move(*decoded);
  }
  if (changes.header) {
    state.header = *changes.header;
    state.manifest = std::move(learned);
  }
  if (changes.truncate_to)
    state.bits.clear({*changes.truncate_to, UINT64_MAX});
  for (const auto& range : changes.cleared)
    state.bits.clear(range);
  for (const auto& run : changes.runs)
    state.bits.set({run.first, run.first + run.blocks.size()});
  for (const auto& block : changes.blocks)
    state.bits.set({block.index, block.index + 1});
  if (changes.head)
    state.head = *changes.head;
  return {};
}

} // namespace corestore::log
