#include <string>

#include "log/flat_tree.hpp"
#include "log/legacy/proofs.hpp"
#include "log/merkle_tree.hpp"

namespace corestore::log::legacy {

namespace {

/// Nodes of one answer: one for each level and one for each root.
constexpr std::size_t nodes_max = 128;

class answer_builder {
public:
  answer_builder(const log_source& source, const stored_nodes& known, const index_set& remote)
      : source_(source), known_(known), remote_(remote) {
    // nop
  }

  result<void> add(std::uint64_t index) {
    auto found = require_node(source_, index);
    if (!found)
      return fail(std::move(found.error()));
    answer.nodes.push_back(*found);
    return {};
  }

  /// `current` has no known sibling: the roots of the longest log that can be proven, and the signature for it.
  result<void> finish(std::uint64_t current) {
    auto length = verified_length(known_, current);
    for (auto root : flat_tree::full_roots(length)) {
      if (root == current || remote_.contains(root))
        continue;
      if (auto added = add(root); !added)
        return added;
    }
    auto signature = source_.signature_at(length);
    if (!signature)
      return fail(std::move(signature.error()));
    if (!*signature)
      return fail(ec::not_found, "no signature is stored for length " + std::to_string(length));
    answer.signature = **signature;
    return {};
  }

  block_answer answer;

private:
  const log_source& source_;
  const stored_nodes& known_;
  const index_set& remote_;
};

result<void> climb(answer_builder& builder, const stored_nodes& known, const index_set& remote, std::uint64_t leaf) {
  for (auto current = leaf; !remote.contains(current); current = flat_tree::parent(current)) {
    auto sibling = flat_tree::sibling(current);
    if (builder.answer.nodes.size() > nodes_max || !known.contains(sibling))
      return builder.finish(current);
    if (remote.contains(sibling))
      continue;
    if (auto added = builder.add(sibling); !added)
      return added;
  }
  return {};
}

} // namespace

result<block_answer> build_answer(const log_source& source, std::uint64_t complete_until,
                                  const block_question& question, index_set& remote) {
  stored_nodes known{source, complete_until};
  auto leaf = 2 * question.index;
  if (question.index >= flat_tree::length_max || !known.contains(leaf))
    return fail(ec::invalid_operation, "no hash of block " + std::to_string(question.index) + " is known");
  answer_builder builder{source, known, remote};
  builder.answer.index = question.index;
  if (question.is_hash_only) {
    if (auto added = builder.add(leaf); !added)
      return fail(std::move(added.error()));
  }
  if (question.digest != 1) {
    remember(remote, known, question.index, question.digest);
    if (auto done = climb(builder, known, remote, leaf); !done)
      return fail(std::move(done.error()));
  }
  if (known.failure())
    return fail(*known.failure());
  return std::move(builder.answer);
}

} // namespace corestore::log::legacy
