// Checks proofs against a log. Pure: reads nodes, writes nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "log/change_set.hpp"
#include "log/head.hpp"
#include "log/manifest.hpp"
#include "log/node.hpp"
#include "log/proof.hpp"

namespace corestore::log {

/// What one proof adds to a log.
struct verification {
  std::vector<node> nodes;       ///< received and computed, to be stored
  std::optional<tree_head> head; ///< the longer (or, from a fork proof, the other) head
  std::optional<sparse_block> block;
  std::optional<bytes> manifest;            ///< learned with this proof, encoded
  std::vector<length_signature> signatures; ///< generation 9: of lengths that the proof ends in
  friend bool operator==(const verification&, const verification&) = default;
};

/// Signature (or prologue) check of a whole head. `encoded`/`decoded` is the manifest that applies.
result<void> verify_head(const core_key& key, const manifest& decoded, byte_view encoded, const tree_head& head);

/// Verifies the proofs of one step against one head. Nodes proven by an earlier proof of the step count as known
/// for later ones, so that a hundred neighbouring blocks do not climb the same path a hundred times.
class proof_verifier {
public:
  /// All references must outlive the verifier. `known` is null while no manifest is known.
  proof_verifier(const core_key& key, const manifest* known, byte_view known_encoded, const tree_head& head,
                 const node_source& source);

  /// Accepts or rejects as the reference does (spec 4.7), but is stricter about prologues, and trusts sizes only where
  /// a hash covers them. Errors: invalid_operation (also for another fork and for an upgrade that no longer fits the
  /// head), invalid_checksum, invalid_signature, invalid_proof, or what the source reported.
  /// An upgrade that brings nothing longer counts as a plain block or hash answer: no head in the result.
  result<verification> verify(const proof& candidate);

private:
  struct subtree;
  struct rules;

  [[nodiscard]] result<std::optional<node>> known_node(std::uint64_t index) const;
  [[nodiscard]] result<rules> rules_for(const proof& candidate) const;
  [[nodiscard]] result<void> climb(const proof& candidate, subtree& proven) const;
  [[nodiscard]] result<void> upgrade(const proof& candidate, const rules& applying, subtree& proven,
                                     verification& outcome) const;
  [[nodiscard]] result<void> compare_old_upgrade(const upgrade_proof& part) const;
  [[nodiscard]] result<void> anchor(subtree& proven, verification& outcome) const;

  const core_key& key_;
  const manifest* known_;
  byte_view known_encoded_;
  const tree_head& head_;
  const node_source& source_;
  std::unordered_map<std::uint64_t, node> proven_;
};

/// A proof of another fork, from an empty tree (spec 4.11): everything in it must be used up by the upgrade.
result<verification> verify_fork(const core_key& key, const manifest* known, byte_view known_encoded,
                                 const proof& candidate);

/// Whether `candidate`, a proof from length 0 in the fork of `head`, proves another history than ours (spec 4.11).
/// False for another fork, a longer length or another start; the error of verify_fork() when the proof does not hold;
/// not_found when our own roots of that length are not stored.
result<bool> contradicts(const core_key& key, const manifest& known, byte_view known_encoded, const tree_head& head,
                         const node_source& source, const proof& candidate);

} // namespace corestore::log
