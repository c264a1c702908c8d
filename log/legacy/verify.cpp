#include <algorithm>
#include <span>
#include <string>
#include <utility>

#include "base/limits.hpp"
#include "log/flat_tree.hpp"
#include "log/hashes.hpp"
#include "log/legacy/proofs.hpp"
#include "log/legacy/signing.hpp"

namespace corestore::log::legacy {

/// Where the way up from one block stands.
struct answer_verifier::climb {
  std::optional<node> trusted; ///< the node on the way that is known already
  std::vector<node> helpers;   ///< siblings on the way that are known here and were left out
  node top;                    ///< the node that the answer has proven to belong below the next one
  std::span<const node> rest;  ///< nodes of the answer that are not used yet
  std::vector<node> gathered;  ///< to be stored once something trusted is reached
  bool are_sizes_open = false; ///< hash only: of the two lowest nodes only the sum of the sizes is covered
};

namespace {

bool is_plausible(const node& candidate) {
  return candidate.index <= flat_tree::index_max && candidate.size <= limits::safe_integer_max;
}

bool is_same(const node& left, const node& right) {
  return left.index == right.index && left.hash == right.hash;
}

} // namespace

result<std::optional<node>> answer_verifier::known(std::uint64_t index) const {
  if (auto found = proven_.find(index); found != proven_.end())
    return found->second;
  if (index > flat_tree::index_max)
    return std::optional<node>{};
  return source_.node_at(index);
}

result<void> answer_verifier::find_trusted(const block_answer& answer, climb& state) const {
  std::size_t used = answer.value ? 0 : 1;
  auto position = 2 * answer.index;
  for (;;) {
    auto found = known(position);
    if (!found)
      return fail(std::move(found.error()));
    if (*found) {
      state.trusted = **found;
      return {};
    }
    if (position >= flat_tree::length_max)
      return {};
    auto sibling = flat_tree::sibling(position);
    position = flat_tree::parent(position);
    if (used < answer.nodes.size() && answer.nodes[used].index == sibling) {
      ++used;
      continue;
    }
    auto helper = known(sibling);
    if (!helper)
      return fail(std::move(helper.error()));
    if (!*helper)
      break;
    state.helpers.push_back(**helper);
  }
  return known(position).map([&](std::optional<node> found) { state.trusted = std::move(found); });
}

/// True when the way ends at the trusted node, false when nothing continues it.
result<bool> answer_verifier::reach_trusted(climb& state) const {
  std::size_t helpers_used = 0;
  bool is_lowest = true;
  for (;;) {
    if (state.trusted && is_same(*state.trusted, state.top))
      return true;
    auto sibling = flat_tree::sibling(state.top.index);
    const node* partner = nullptr;
    if (!state.rest.empty() && state.rest.front().index == sibling) {
      partner = &state.rest.front();
      state.rest = state.rest.subspan(1);
      if (!is_lowest || !state.are_sizes_open)
        state.gathered.push_back(*partner);
    } else if (helpers_used < state.helpers.size() && state.helpers[helpers_used].index == sibling) {
      partner = &state.helpers[helpers_used++];
    } else {
      return false;
    }
    if (!is_lowest || !state.are_sizes_open)
      state.gathered.push_back(state.top);
    is_lowest = false;
    auto parent = parent_node(state.top, *partner, generation::g9);
    if (!is_plausible(parent))
      return fail(ec::invalid_proof, "node " + std::to_string(parent.index) + " is out of range");
    state.top = parent;
  }
}

result<void> answer_verifier::reach_signature(const block_answer& answer, climb& state, verification& outcome) const {
  auto last = state.rest.empty() ? state.top.index : state.rest.back().index;
  auto length = std::max(flat_tree::right_span(state.top.index), flat_tree::right_span(last)) / 2 + 1;
  if (length > flat_tree::length_max)
    return fail(ec::invalid_proof, "a proof for " + std::to_string(length) + " blocks");
  tree_head proven;
  proven.length = length;
  for (auto root : flat_tree::full_roots(length)) {
    if (state.top.index == root) {
      proven.roots.push_back(state.top);
      state.gathered.push_back(state.top);
    } else if (!state.rest.empty() && state.rest.front().index == root) {
      proven.roots.push_back(state.rest.front());
      state.gathered.push_back(state.rest.front());
      state.rest = state.rest.subspan(1);
    } else {
      auto stored = known(root);
      if (!stored)
        return fail(std::move(stored.error()));
      if (!*stored)
        return fail(ec::invalid_proof,
                    "the answer for block " + std::to_string(answer.index) + " lacks root " + std::to_string(root));
      proven.roots.push_back(**stored);
    }
    proven.byte_length += proven.roots.back().size;
    if (proven.byte_length > limits::safe_integer_max)
      return fail(ec::invalid_proof, "the roots add up to too many bytes");
  }
  if (!answer.signature)
    return fail(ec::invalid_signature, "the answer for block " + std::to_string(answer.index) + " is not signed");
  if (!is_signed(key_, proven.roots, length, answer.signature->view()))
    return fail(ec::invalid_signature, "the signature of length " + std::to_string(length) + " does not verify");
  outcome.signatures.push_back({length, *answer.signature});
  if (length > head_.length) {
    proven.signature = to_bytes(answer.signature->view());
    outcome.head = std::move(proven);
  }
  return {};
}

/// What is signed must not contradict what was signed before.
result<void> answer_verifier::check_stored(const verification& outcome) const {
  for (const auto& fresh : outcome.nodes) {
    auto stored = known(fresh.index);
    if (!stored)
      return fail(std::move(stored.error()));
    if (*stored && **stored != fresh)
      return fail(ec::conflict, "two signed histories differ in node " + std::to_string(fresh.index));
  }
  return {};
}

result<verification> answer_verifier::verify(const block_answer& answer) {
  auto leaf = 2 * answer.index;
  if (answer.index >= flat_tree::length_max || !std::all_of(answer.nodes.begin(), answer.nodes.end(), is_plausible))
    return fail(ec::invalid_proof, "an index is out of range");
  if (!answer.value && (answer.nodes.empty() || answer.nodes.front().index != leaf))
    return fail(ec::invalid_proof, "an answer without a block does not begin with its hash");
  climb state;
  if (auto done = find_trusted(answer, state); !done)
    return fail(std::move(done.error()));
  state.rest = answer.nodes;
  if (answer.value) {
    const auto& value = *answer.value;
    state.top = {leaf, value.size(), answer.leaf ? *answer.leaf : leaf_hash(value.view(), generation::g9)};
  } else {
    state.top = answer.nodes.front();
    state.rest = state.rest.subspan(1);
    state.are_sizes_open = true;
  }
  verification outcome;
  auto is_trusted = reach_trusted(state);
  if (!is_trusted)
    return fail(std::move(is_trusted.error()));
  if (!*is_trusted) {
    if (auto done = reach_signature(answer, state, outcome); !done)
      return fail(std::move(done.error()));
  }
  outcome.nodes = std::move(state.gathered);
  if (auto done = check_stored(outcome); !done)
    return fail(std::move(done.error()));
  if (answer.value)
    outcome.block = sparse_block{answer.index, *answer.value};
  for (const auto& fresh : outcome.nodes)
    proven_.insert_or_assign(fresh.index, fresh);
  if (outcome.head)
    head_ = *outcome.head;
  return outcome;
}

} // namespace corestore::log::legacy
