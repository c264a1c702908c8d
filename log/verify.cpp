#include "log/verify.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "base/limits.hpp"
#include "log/flat_tree.hpp"
#include "log/hashes.hpp"
#include "log/merkle_tree.hpp"
#include "log/tree_batch.hpp"
#include "log/verifier.hpp"

namespace corestore::log {

/// What the block, hash and seek parts of a proof come down to: the root of everything that they carry.
struct proof_verifier::subtree {
  std::optional<node> root; ///< to be found among the upgrade nodes or in the log
  std::vector<node> nodes;  ///< received and computed on the way
  bool is_hashed = false;   ///< `root` was computed, so its hash covers its size
  bool is_anchored = false; ///< `root` is already proven, or the upgrade used it
};

/// The manifest that applies to one proof.
struct proof_verifier::rules {
  const log::manifest* decoded = nullptr; ///< null: none known and none needed
  byte_view encoded;
  std::optional<log::manifest> own; ///< what `decoded` points to when it came with the proof
  bytes own_encoded;
  bool is_learned = false;
};

namespace {

/// Takes the nodes of a part in order, with one extra node that may be taken at any time.
class node_queue {
public:
  node_queue(const std::vector<node>& nodes, const std::optional<node>& extra) : nodes_(nodes), extra_(extra) {
    // nop
  }

  /// The node at `index`, or nothing when it is neither the extra one nor next in line.
  const node* take(std::uint64_t index) {
    if (extra_ && !is_extra_used_ && extra_->index == index) {
      is_extra_used_ = true;
      return &*extra_;
    }
    if (position_ < nodes_.size() && nodes_[position_].index == index)
      return &nodes_[position_++];
    return nullptr;
  }

  [[nodiscard]] bool is_extra_used() const {
    return is_extra_used_;
  }
  [[nodiscard]] bool is_done() const {
    return position_ == nodes_.size() && (!extra_ || is_extra_used_);
  }

private:
  const std::vector<node>& nodes_;
  const std::optional<node>& extra_;
  std::size_t position_ = 0;
  bool is_extra_used_ = false;
};

tl::unexpected<error> unexpected_node(std::uint64_t wanted) {
  return fail(ec::invalid_operation, "the proof lacks tree node " + std::to_string(wanted));
}

bool is_sane(const node& one) {
  return one.index <= flat_tree::index_max && one.size <= limits::safe_integer_max;
}

bool are_sane(const std::vector<node>& nodes) {
  return std::all_of(nodes.begin(), nodes.end(), is_sane);
}

/// Bounds every number of a proof, so that no sum or shift below can overflow.
result<void> check_numbers(const proof& candidate) {
  auto is_fine = (!candidate.block ||
                  (candidate.block->index < flat_tree::length_max &&
                   candidate.block->value.size() <= limits::message_bytes_max && are_sane(candidate.block->nodes))) &&
                 (!candidate.hash || are_sane(candidate.hash->nodes)) &&
                 (!candidate.seek || are_sane(candidate.seek->nodes));
  if (is_fine && candidate.upgrade) {
    const auto& part = *candidate.upgrade;
    is_fine = part.start <= flat_tree::length_max && part.length <= flat_tree::length_max - part.start &&
              are_sane(part.nodes) && are_sane(part.additional_nodes);
  }
  if (!is_fine)
    return fail(ec::invalid_operation, "a number in the proof is out of range");
  return {};
}

std::uint64_t end_of(const upgrade_proof& part) {
  if (part.additional_nodes.empty())
    return part.start + part.length;
  return flat_tree::completing_block(part.additional_nodes.back().index) + 1;
}

/// `base` grown by the nodes of an upgrade up to `start + length`.
result<void> grow(tree_batch& batch, const upgrade_proof& part, node_queue& queue) {
  for (auto index : flat_tree::needed_nodes(batch.length(), part.start + part.length)) {
    const auto* next = queue.take(index);
    if (next == nullptr || !batch.push(*next))
      return unexpected_node(index);
  }
  return {};
}

result<void> check_prologue_start(const manifest& decoded, const upgrade_proof& part) {
  if (decoded.version == 0 || !decoded.beginning || part.start >= decoded.beginning->length)
    return {};
  if (part.start != 0 || part.length != decoded.beginning->length)
    return fail(ec::invalid_proof, "the upgrade does not start with the prologue");
  return {};
}

result<void> check_prologue_hash(const manifest& decoded, const tree_batch& batch) {
  if (decoded.version == 0 || !decoded.beginning || batch.length() != decoded.beginning->length)
    return {};
  if (tree_hash(batch.roots()) != decoded.beginning->tree_hash)
    return fail(ec::invalid_proof, "the log does not begin with its prologue");
  return {};
}

/// Nothing is stored yet: what a fork proof is checked against. Asking it means that the proof leans on something that
/// it does not carry.
class empty_source final : public node_source {
public:
  [[nodiscard]] result<std::optional<node>> node_at(std::uint64_t /*index*/) const override {
    was_asked_ = true;
    return std::nullopt;
  }
  [[nodiscard]] bool was_asked() const {
    return was_asked_;
  }

private:
  mutable bool was_asked_ = false;
};

} // namespace

result<void> verify_head(const core_key& key, const manifest& decoded, byte_view encoded, const tree_head& head) {
  if (!is_signed(key, decoded, encoded, head))
    return fail(ec::invalid_signature, "no valid signature for length " + std::to_string(head.length) + " of fork " +
                                         std::to_string(head.fork));
  return {};
}

proof_verifier::proof_verifier(const core_key& key, const manifest* known, byte_view known_encoded,
                               const tree_head& head, const node_source& source)
    : key_(key), known_(known), known_encoded_(known_encoded), head_(head), source_(source) {
  // nop
}

result<std::optional<node>> proof_verifier::known_node(std::uint64_t index) const {
  if (auto entry = proven_.find(index); entry != proven_.end())
    return entry->second;
  return source_.node_at(index);
}

/// A known manifest wins; else the one in the proof; else, for an upgrade, the guess that the key is a public key.
result<proof_verifier::rules> proof_verifier::rules_for(const proof& candidate) const {
  rules found;
  if (known_ != nullptr) {
    found.decoded = known_;
    found.encoded = known_encoded_;
    return found;
  }
  if (!candidate.manifest && !candidate.upgrade)
    return found;
  if (candidate.manifest) {
    auto decoded = decode_manifest(*candidate.manifest);
    if (!decoded)
      return fail(candidate.upgrade ? ec::invalid_signature : ec::invalid_checksum, decoded.error().detail);
    found.own = std::move(*decoded);
    found.own_encoded = *candidate.manifest;
  } else {
    found.own = default_manifest(public_key{key_.data});
    found.own_encoded = encode_manifest(*found.own);
  }
  if (!candidate.upgrade && key_of(found.own_encoded) != key_)
    return fail(ec::invalid_checksum, "the manifest does not hash to the key");
  if (!belongs_to(key_, found.own_encoded, *found.own))
    return fail(ec::invalid_signature, "the manifest does not belong to the key");
  found.is_learned = true;
  return found;
}

/// Combines the seek nodes, then the block or hash nodes, each upwards to one root.
result<void> proof_verifier::climb(const proof& candidate, subtree& proven) const {
  auto is_known = [&](const node& one) { // only nodes of this step: reading the log would cost more than hashing
    auto entry = proven_.find(one.index);
    return entry != proven_.end() && entry->second.hash == one.hash && entry->second.size == one.size;
  };
  auto combine = [&](node& current, const node& sibling) {
    proven.nodes.push_back(sibling);
    current = parent_node(current, sibling);
    proven.nodes.push_back(current);
  };
  std::optional<node> seek_root;
  if (candidate.seek && !candidate.seek->nodes.empty()) {
    const auto& nodes = candidate.seek->nodes;
    auto current = nodes.front();
    proven.nodes.push_back(current);
    for (std::size_t i = 1; i < nodes.size(); ++i) {
      if (nodes[i].index != flat_tree::sibling(current.index) || current.size > limits::safe_integer_max)
        return unexpected_node(flat_tree::sibling(current.index));
      combine(current, nodes[i]);
      proven.is_hashed = true;
    }
    seek_root = current;
  }
  if (!candidate.block && !candidate.hash) {
    proven.root = seek_root;
    return {};
  }
  node_queue queue{candidate.block ? candidate.block->nodes : candidate.hash->nodes, seek_root};
  node current;
  if (candidate.block) {
    const auto& block = *candidate.block;
    current = {2 * block.index, block.value.size(), block.leaf ? *block.leaf : leaf_hash(block.value.view())};
    proven.is_hashed = true;
  } else {
    const auto* first = queue.take(candidate.hash->index);
    if (first == nullptr)
      return unexpected_node(candidate.hash->index);
    proven.is_hashed = queue.is_extra_used() && proven.is_hashed;
    current = *first;
  }
  proven.nodes.push_back(current);
  while (!queue.is_done()) {
    if (!seek_root && !candidate.upgrade && proven.is_hashed && is_known(current)) {
      proven.is_anchored = true;
      break;
    }
    const auto* sibling = queue.take(flat_tree::sibling(current.index));
    if (sibling == nullptr || current.index > flat_tree::index_max || current.size > limits::safe_integer_max)
      return unexpected_node(flat_tree::sibling(current.index));
    combine(current, *sibling);
    proven.is_hashed = true;
  }
  proven.root = current;
  return {};
}

/// An upgrade that we have passed already: whatever of it is stored here has to be the same.
result<void> proof_verifier::compare_old_upgrade(const upgrade_proof& part) const {
  auto is_same = [this](const node& one) -> result<void> {
    auto stored = known_node(one.index);
    if (!stored)
      return fail(stored.error());
    if (*stored && (*stored)->hash != one.hash)
      return fail(ec::invalid_checksum, "tree node " + std::to_string(one.index) + " differs from the stored one");
    return {};
  };
  for (const auto* list : {&part.nodes, &part.additional_nodes})
    for (const auto& one : *list)
      if (auto status = is_same(one); !status)
        return status;
  return {};
}

result<void> proof_verifier::upgrade(const proof& candidate, const rules& applying, subtree& proven,
                                     verification& outcome) const {
  const auto& part = *candidate.upgrade;
  const auto& decoded = applying.own ? *applying.own : *applying.decoded;
  if (auto status = check_prologue_start(decoded, part); !status)
    return status;
  if (end_of(part) <= head_.length)
    return compare_old_upgrade(part);
  if (part.start + part.length < head_.length)
    return fail(ec::invalid_operation, "the upgrade starts below the length " + std::to_string(head_.length));
  tree_batch batch{head_};
  node_queue queue{part.nodes, proven.root};
  if (auto status = grow(batch, part, queue); !status)
    return status;
  if (auto status = check_prologue_hash(decoded, batch); !status)
    return status;
  for (const auto& additional : part.additional_nodes)
    if (!batch.push(additional))
      return fail(ec::invalid_operation, "tree node " + std::to_string(additional.index) + " does not fit the upgrade");
  auto head = batch.head(candidate.fork, part.signature);
  auto encoded = applying.own ? byte_view{applying.own_encoded} : applying.encoded;
  if (auto status = verify_head(key_, decoded, encoded, head); !status)
    return status;
  if (queue.is_extra_used())
    proven.is_anchored = true;
  outcome.nodes = batch.added();
  outcome.head = std::move(head);
  return {};
}

/// The subtree has to hang below a node that is known. A hash over that node tells its true size: a stored one that
/// was only checked as a sum with its sibling is put right.
result<void> proof_verifier::anchor(subtree& proven, verification& outcome) const {
  if (!proven.root || proven.is_anchored)
    return {};
  const auto& root = *proven.root;
  auto stored = known_node(root.index);
  if (!stored)
    return fail(stored.error());
  if (!*stored)
    return fail(ec::invalid_operation, "tree node " + std::to_string(root.index) + " is not known here");
  if ((*stored)->hash != root.hash)
    return fail(ec::invalid_checksum, "the path to tree node " + std::to_string(root.index) + " does not match");
  if ((*stored)->size == root.size)
    return {};
  if (!proven.is_hashed) { // nothing vouches for the size that came with the proof: keep ours
    std::erase(proven.nodes, root);
    return {};
  }
  auto parent = known_node(flat_tree::parent(root.index));
  auto sibling = parent ? known_node(flat_tree::sibling(root.index)) : parent;
  if (!sibling)
    return fail(sibling.error());
  if (*parent && *sibling && (*parent)->size >= root.size) {
    auto corrected = **sibling;
    corrected.size = (*parent)->size - root.size;
    outcome.nodes.push_back(corrected);
  }
  return {};
}

result<verification> proof_verifier::verify(const proof& candidate) {
  if (candidate.fork != head_.fork)
    return fail(ec::invalid_operation, "the proof is for fork " + std::to_string(candidate.fork));
  if (auto status = check_numbers(candidate); !status)
    return fail(status.error());
  auto applying = rules_for(candidate);
  if (!applying)
    return fail(applying.error());
  subtree proven;
  if (auto status = climb(candidate, proven); !status)
    return fail(status.error());
  verification outcome;
  if (candidate.upgrade)
    if (auto status = upgrade(candidate, *applying, proven, outcome); !status)
      return fail(status.error());
  if (auto status = anchor(proven, outcome); !status)
    return fail(status.error());
  outcome.nodes.insert(outcome.nodes.begin(), proven.nodes.begin(), proven.nodes.end());
  if (candidate.block)
    outcome.block = sparse_block{candidate.block->index, candidate.block->value};
  if (applying->is_learned && (outcome.head || !candidate.upgrade))
    outcome.manifest = std::move(applying->own_encoded);
  for (const auto& one : outcome.nodes)
    proven_.insert_or_assign(one.index, one);
  return outcome;
}

result<verification> verify_fork(const core_key& key, const manifest* known, byte_view known_encoded,
                                 const proof& candidate) {
  if (!candidate.upgrade)
    return fail(ec::invalid_proof, "a fork proof needs an upgrade");
  tree_head empty;
  empty.fork = candidate.fork;
  empty_source nothing;
  proof_verifier verifier{key, known, known_encoded, empty, nothing};
  auto outcome = verifier.verify(candidate);
  if (nothing.was_asked() || (outcome && !outcome->head))
    return fail(ec::invalid_proof, "the fork proof does not stand on its own");
  return outcome;
}

result<bool> contradicts(const core_key& key, const manifest& known, byte_view known_encoded, const tree_head& head,
                         const node_source& source, const proof& candidate) {
  if (!candidate.upgrade || candidate.upgrade->start != 0 || candidate.fork != head.fork ||
      candidate.upgrade->length > head.length)
    return false;
  auto theirs = verify_fork(key, &known, known_encoded, candidate);
  if (!theirs)
    return fail(theirs.error());
  tree_batch at_length;
  for (auto index : flat_tree::full_roots(candidate.upgrade->length)) {
    auto root =
      std::find_if(theirs->nodes.begin(), theirs->nodes.end(), [&](const node& one) { return one.index == index; });
    if (root == theirs->nodes.end() || !at_length.push(*root))
      return fail(ec::invalid_proof, "the proof does not carry the roots of its length");
  }
  auto ours = roots_at(head, source, candidate.upgrade->length);
  if (!ours)
    return fail(ours.error());
  return tree_hash(*ours) != tree_hash(at_length.roots());
}

} // namespace corestore::log
