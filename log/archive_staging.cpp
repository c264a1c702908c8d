// What an archive adds to a log, as change sets: heads are signed, and blocks hang below them.
#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>

#include "log/archive.hpp"
#include "log/flat_tree.hpp"
#include "log/hashes.hpp"
#include "log/legacy/proofs.hpp"
#include "log/legacy/signing.hpp"
#include "log/merkle_tree.hpp"
#include "log/tree_batch.hpp"
#include "log/verify.hpp"

namespace corestore::log::archive {

namespace {

std::string lengths(const core_state& state, const head_frame& head) {
  return "the archive holds length " + std::to_string(head.head.length) + " of fork " + std::to_string(head.head.fork) +
         ", the store length " + std::to_string(state.head.length) + " of fork " + std::to_string(state.head.fork);
}

/// An archive of what we have already, or of less.
result<change_set> compare(const core_state& state, const log_source& source, const head_frame& head) {
  auto ours = roots_at(state.head, source, head.head.length);
  if (!ours)
    return fail(std::move(ours.error()));
  if (*ours != head.head.roots)
    return fail(ec::conflict, "the archive tells another history: " + lengths(state, head));
  return change_set{};
}

/// The nodes that lead from our length to that of the archive.
result<std::vector<node>> nodes_between(const core_state& state, const head_frame& head) {
  std::unordered_map<std::uint64_t, node> known;
  for (const auto* list : {&head.path, &head.head.roots})
    for (const auto& one : *list)
      known.insert_or_assign(one.index, one);
  std::vector<node> found;
  for (auto index : flat_tree::needed_nodes(state.head.length, head.head.length)) {
    auto position = known.find(index);
    if (position == known.end())
      return fail(ec::not_found,
                  "the archive does not hold what connects it to the log that is here: " + lengths(state, head));
    found.push_back(position->second);
  }
  return found;
}

result<verification> verify_current(const core_state& state, const log_source& source, const head_frame& head,
                                    std::vector<node> nodes) {
  proof candidate;
  candidate.fork = head.head.fork;
  candidate.upgrade.emplace();
  candidate.upgrade->start = state.head.length;
  candidate.upgrade->length = head.head.length - state.head.length;
  candidate.upgrade->nodes = std::move(nodes);
  candidate.upgrade->signature = head.head.signature;
  if (!head.manifest.empty() && !state.manifest)
    candidate.manifest = head.manifest;
  auto base = state.head;
  base.fork = head.head.fork; // of an empty log it is open
  const auto* known = state.manifest ? &*state.manifest : nullptr;
  proof_verifier verifier{state.header.key, known, state.header.manifest, base, source};
  return verifier.verify(candidate);
}

result<verification> verify_legacy(const core_state& state, const head_frame& head, const std::vector<node>& nodes) {
  tree_batch batch{state.head, generation::g9};
  for (const auto& one : nodes)
    if (!batch.push(one))
      return fail(ec::invalid_operation, "tree node " + std::to_string(one.index) + " does not fit the archive");
  verification outcome;
  outcome.head = batch.head(0, head.head.signature);
  if (auto signed_head = legacy::verify_head(state.header.key, *outcome.head); !signed_head)
    return fail(std::move(signed_head.error()));
  outcome.nodes = batch.added();
  if (auto signature = signature64::from(head.head.signature))
    outcome.signatures.push_back({head.head.length, *signature});
  return outcome;
}

result<verification> verify_block(const block_proof& one, proof_verifier& verifier, std::uint64_t fork) {
  proof candidate;
  candidate.fork = fork;
  candidate.block = one;
  return verifier.verify(candidate);
}

} // namespace

result<change_set> stage_head(const core_state& state, const log_source& source, const head_frame& head) {
  if (head.key != state.header.key)
    return fail(ec::key_mismatch, "the archive is of another core");
  if (head.generation != state.header.generation)
    return fail(ec::bad_argument, "the archive is of a core of another generation");
  if (head.head.fork < state.head.fork || (state.head.length > 0 && head.head.fork != state.head.fork))
    return fail(ec::bad_argument, lengths(state, head) + ": purge the core first if the archive is to take its place");
  if (head.head.length <= state.head.length)
    return compare(state, source, head);
  auto nodes = nodes_between(state, head);
  if (!nodes)
    return fail(std::move(nodes.error()));
  auto verified = head.generation == generation::g9 ? verify_legacy(state, head, *nodes)
                                                    : verify_current(state, source, head, std::move(*nodes));
  if (!verified)
    return fail(std::move(verified.error()));
  if (!verified->head || verified->head->roots != head.head.roots)
    return fail(ec::conflict, "the archive tells another history: " + lengths(state, head));
  return head.head.fork == state.head.fork ? stage_verified(state, source, {*verified})
                                           : stage_reorg(state, *verified, 0);
}

result<change_set> stage_blocks(const core_state& state, const log_source& source, const blocks_frame& blocks,
                                std::uint64_t& added) {
  added = 0;
  std::vector<verification> verified;
  const auto* known = state.manifest ? &*state.manifest : nullptr;
  proof_verifier current{state.header.key, known, state.header.manifest, state.head, source};
  auto head = state.head;
  legacy::answer_verifier previous{state.header.key, head, source};
  for (const auto& one : blocks.blocks) {
    if (one.index >= state.head.length)
      return fail(ec::invalid_operation, "block " + std::to_string(one.index) + " lies past the head");
    if (state.bits.test(one.index))
      continue;
    auto outcome = state.header.generation == generation::g9
                     ? previous.verify({one.index, one.value, one.nodes, std::nullopt})
                     : verify_block(one, current, state.head.fork);
    if (!outcome)
      return fail(outcome.error().code, "block " + std::to_string(one.index) + ": " + outcome.error().detail);
    verified.push_back(std::move(*outcome));
    ++added;
  }
  return verified.empty() ? change_set{} : stage_verified(state, source, verified);
}

} // namespace corestore::log::archive
