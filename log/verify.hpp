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
  std::optional<bytes> manifest; ///< learned with this proof, encoded
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

  /// Accepts or rejects as the reference does (spec 4.7). Errors: invalid_operation, invalid_checksum,
  /// invalid_signature, invalid_proof, decoding_failed.
  result<verification> verify(const proof& candidate);

private:
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

} // namespace corestore::log
