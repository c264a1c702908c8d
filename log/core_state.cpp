#include "log/core_state.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "base/limits.hpp"
#include "log/flat_tree.hpp"
#include "log/hashes.hpp"
#include "log/legacy/signing.hpp"
#include "log/merkle_tree.hpp"
#include "log/signable.hpp"
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

/// A manifest with several signers gets a multi-signature with one part.
bytes as_stored(const core_state& state, bytes signature, const key_pair& keys) {
  const auto& rules = *state.manifest;
  if (rules.signers.size() < 2 || is_compat(state.header.key, rules))
    return signature;
  auto who = std::find_if(rules.signers.begin(), rules.signers.end(),
                          [&](const signer& one) { return one.key == keys.public_part; });
  contribution part;
  part.part.signer = static_cast<std::uint64_t>(who - rules.signers.begin());
  if (auto raw = signature64::from(signature))
    part.part.signature = *raw;
  return encode_multi_signature(assemble({&part, 1}), rules.version, 0);
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
  if (state.manifest->quorum > 1)
    return fail(ec::not_writable, "one key does not sign this core: " + std::to_string(state.manifest->quorum) +
                                    " of its signers have to");
  head.signature = as_stored(state, std::move(*signature), keys);
  return {};
}

result<void> authorize(const core_state& state, tree_head& head, const authority& signer) {
  if (signer.keys != nullptr)
    return sign_head(state, head, *signer.keys);
  if (state.header.generation == generation::g9)
    return fail(ec::unsupported, "a core of generation 9 is signed by its own key only");
  if (!state.manifest)
    return fail(ec::not_writable, "the manifest of the core is not known");
  head.signature = to_bytes(signer.signature);
  return verify_head(state.header.key, *state.manifest, state.header.manifest, head);
}

result<void> check_prologue(const core_state& state, std::uint64_t length) {
  if (state.manifest && state.manifest->beginning && length < state.manifest->beginning->length)
    return fail(ec::invalid_operation, "a log of " + std::to_string(length) + " blocks is shorter than its prologue");
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

result<tree_head> head_at(const tree_head& head, const node_source& source, std::uint64_t length) {
  if (length == head.length)
    return head;
  auto roots = roots_at(head, source, length);
  if (!roots)
    return fail(roots.error());
  tree_head shorter;
  shorter.fork = head.fork;
  shorter.length = length;
  shorter.roots = std::move(*roots);
  for (const auto& root : shorter.roots)
    shorter.byte_length += root.size;
  return shorter;
}

bytes signable(const core_header& header, const manifest& rules, const tree_head& head) {
  auto hash = tree_hash(head.roots);
  if (is_compat(header.key, rules)) {
    auto message = compat_signable_of(hash, head.length, head.fork);
    return bytes(message.begin(), message.end());
  }
  auto is_first = rules.version == 0 && !rules.signers.empty();
  auto context = is_first ? rules.signers.front().name_space.view() : header.key.view();
  auto message = signable_of(context, hash, head.length, head.fork);
  return bytes(message.begin(), message.end());
}

namespace {

block_run run_of(std::uint64_t first, const std::vector<shared_bytes>& blocks, const tree_batch& batch) {
  block_run run;
  run.first = first;
  run.blocks = blocks;
  run.hashes.reserve(batch.added().size());
  for (const auto& added : batch.added())
    run.hashes.push_back(added.hash);
  return run;
}

result<tree_batch> grown(const tree_head& base, generation which, const std::vector<shared_bytes>& blocks) {
  tree_batch batch{base, which};
  batch.reserve(blocks.size());
  for (const auto& block : blocks) {
    if (block.size() > block_bytes_max(which))
      return fail(ec::bad_argument, "a block of " + std::to_string(block.size()) + " bytes is too large");
  }
  if (!batch.append_all(blocks))
    return fail(ec::limit_exceeded, "the log cannot become longer than " + std::to_string(flat_tree::length_max));
  return batch;
}

} // namespace

result<change_set> stage_append(const core_state& state, const std::vector<shared_bytes>& blocks,
                                const authority& signer) {
  auto changes = staged_on(state);
  if (blocks.empty())
    return changes;
  auto batch = grown(state.head, state.header.generation, blocks);
  if (!batch)
    return fail(batch.error());
  if (auto checked = check_prologue(state, batch->length()); !checked)
    return fail(checked.error());
  auto head = batch->head(state.head.fork, {});
  if (auto status = authorize(state, head, signer); !status)
    return fail(status.error());
  changes.runs.push_back(run_of(state.head.length, blocks, *batch));
  if (state.is_complete())
    changes.contiguous_length = head.length;
  if (state.header.generation == generation::g9)
    changes.signatures.push_back({head.length, *signature64::from(head.signature)});
  changes.head = std::move(head);
  return changes;
}

result<change_set> stage_append(const core_state& state, const std::vector<shared_bytes>& blocks,
                                const key_pair& keys) {
  return stage_append(state, blocks, authority{&keys, {}});
}

result<change_set> stage_rewrite(const core_state& state, const node_source& source, std::uint64_t kept,
                                 std::uint64_t fork, const std::vector<shared_bytes>& blocks, const authority& signer) {
  if (state.header.generation == generation::g9)
    return fail(ec::unsupported, "a core of generation 9 cannot be truncated: it has no forks");
  if (kept > state.head.length || fork <= state.head.fork)
    return fail(ec::invalid_operation, "the log has " + std::to_string(state.head.length) + " blocks on fork " +
                                         std::to_string(state.head.fork));
  auto base = head_at(state.head, source, kept);
  if (!base)
    return fail(base.error());
  auto batch = grown(*base, state.header.generation, blocks);
  if (!batch)
    return fail(batch.error());
  if (auto checked = check_prologue(state, batch->length()); !checked)
    return fail(checked.error());
  auto head = batch->head(fork, {});
  if (auto status = authorize(state, head, signer); !status)
    return fail(status.error());
  auto changes = staged_on(state);
  changes.truncate_to = kept;
  if (!blocks.empty())
    changes.runs.push_back(run_of(kept, blocks, *batch));
  changes.contiguous_length = state.contiguous_length() >= kept ? head.length : state.contiguous_length();
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
  if (auto checked = check_prologue(state, length); !checked)
    return fail(checked.error());
  auto shorter = head_at(state.head, source, length);
  if (!shorter)
    return fail(shorter.error());
  auto head = std::move(*shorter);
  head.fork = fork;
  head.signature.clear();
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
  for (const auto& range : changes.forgotten)
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
