// Generation 9: the answer to a request for one block or hash, and its verification.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "log/head.hpp"
#include "log/legacy/node_index.hpp"
#include "log/node.hpp"
#include "log/verify.hpp"

namespace corestore::log::legacy {

/// One block, or one hash, with what connects it to a signed length. That length is not said: it follows from the
/// rightmost node.
struct block_answer {
  std::uint64_t index = 0;
  std::optional<shared_bytes> value; ///< absent: a hash only, and then `nodes` begins with the leaf
  std::vector<node> nodes;           ///< siblings on the way up, then the roots that the requester lacks
  std::optional<signature64> signature;
  /// Leaf hash of `value` where fill_leaves() computed it here; never part of a message.
  std::optional<hash32> leaf = std::nullopt;
  friend bool operator==(const block_answer&, const block_answer&) = default;
};

struct block_question {
  std::uint64_t index = 0;
  bool is_hash_only = false;
  std::uint64_t digest = 0; ///< see digest_of(); 0 asks for everything
};

/// Answers without the value: the caller has it. Every node below `complete_until` blocks is stored. `remote`
/// remembers what the peer has, from question to question. Errors: invalid_operation when the hash of the block is not
/// known here, not_found when no signature is stored for the length that the known nodes prove.
result<block_answer> build_answer(const log_source& source, std::uint64_t complete_until,
                                  const block_question& question, index_set& remote);

/// Verifies answers of one step against one head, which it moves along: later answers of the step see what earlier ones
/// proved. A hash-only answer leaves the sizes of the lowest two nodes open (their parent covers only the sum), so
/// these are not taken over.
class answer_verifier {
public:
  /// All references must outlive the verifier; `head` is what was proven so far and is advanced by verify().
  answer_verifier(const core_key& key, tree_head& head, const node_source& source)
      : key_(key), head_(head), source_(source) {
    // nop
  }

  /// Errors: invalid_signature, invalid_proof (a node is missing), conflict (a signed answer contradicts what is
  /// stored), or what the source reported.
  result<verification> verify(const block_answer& answer);

private:
  struct climb;

  [[nodiscard]] result<std::optional<node>> known(std::uint64_t index) const;
  [[nodiscard]] result<void> find_trusted(const block_answer& answer, climb& state) const;
  [[nodiscard]] result<bool> reach_trusted(climb& state) const;
  [[nodiscard]] result<void> reach_signature(const block_answer& answer, climb& state, verification& outcome) const;
  [[nodiscard]] result<void> check_stored(const verification& outcome) const;

  const core_key& key_;
  tree_head& head_;
  const node_source& source_;
  std::unordered_map<std::uint64_t, node> proven_;
};

} // namespace corestore::log::legacy
