// A log that keeps everything in maps and applies change sets literally: what the log room is tested against.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "base/crypto.hpp"
#include "log/core_state.hpp"
#include "log/flat_tree.hpp"
#include "log/hashes.hpp"

#include "log/namespaces.hpp"
#include "log/prove.hpp"
#include "log/tree_batch.hpp"
#include "log/verify.hpp"

namespace corestore::test {

class memory_log final : public log::log_source {
public:
  std::map<std::uint64_t, log::node> nodes;
  std::map<std::uint64_t, shared_bytes> blocks;
  std::map<std::uint64_t, signature64> signatures; ///< generation 9, by length
  std::optional<std::uint64_t> contiguous_length;

  [[nodiscard]] result<std::optional<log::node>> node_at(std::uint64_t index) const override {
    auto entry = nodes.find(index);
    return entry == nodes.end() ? std::nullopt : std::optional{entry->second};
  }

  [[nodiscard]] result<std::optional<shared_bytes>> block_at(std::uint64_t index) const override {
    auto entry = blocks.find(index);
    return entry == blocks.end() ? std::nullopt : std::optional{entry->second};
  }

  [[nodiscard]] result<std::optional<signature64>> signature_at(std::uint64_t length) const override {
    auto entry = signatures.find(length);
    return entry == signatures.end() ? std::nullopt : std::optional{entry->second};
  }

  void apply(const log::change_set& changes) {
    namespace tree = log::flat_tree;
    if (changes.truncate_to) {
      std::erase_if(nodes, [&](const auto& one) { return !tree::is_within(one.first, *changes.truncate_to); });
      std::erase_if(blocks, [&](const auto& one) { return one.first >= *changes.truncate_to; });
    }
    for (const auto& range : changes.cleared)
      std::erase_if(blocks, [&](const auto& one) { return one.first >= range.start && one.first < range.end; });
    for (const auto& one : changes.nodes)
      nodes[one.index] = one;
    for (const auto& run : changes.runs)
      apply(run);
    for (const auto& block : changes.blocks)
      blocks[block.index] = block.value;
    for (const auto& one : changes.signatures)
      signatures[one.length] = one.signature;
    if (changes.contiguous_length)
      contiguous_length = changes.contiguous_length;
  }

private:
  void apply(const log::block_run& run) {
    namespace tree = log::flat_tree;
    std::size_t position = 0;
    for (std::uint64_t i = 0; i < run.blocks.size(); ++i) {
      auto block = run.first + i;
      blocks[block] = run.blocks[i];
      auto index = 2 * block;
      for (std::uint64_t level = 0; level < tree::completed_by(block); ++level, index = tree::parent(index)) {
        CORESTORE_CHECK(position == tree::position_in_run(run.first, index));
        auto size = level == 0 ? run.blocks[i].size()
                               : nodes.at(tree::left_child(index)).size + nodes.at(tree::right_child(index)).size;
        nodes[index] = {index, size, run.hashes.at(position++)};
      }
    }
    CORESTORE_CHECK(position == run.hashes.size());
  }
};

/// A log with its state: what a core actor and its backend are together.
struct memory_core {
  log::core_state state;
  memory_log store;

  /// Somebody's core, of which nothing but the key is known.
  static memory_core remote(const core_key& key, const bytes& manifest = {}) {
    memory_core core;
    core.state.header.key = key;
    core.state.header.discovery = log::discovery_key_of(key);
    core.state.header.manifest = manifest;
    if (!manifest.empty())
      core.state.manifest = log::decode_manifest(manifest).value();
    return core;
  }

  /// A plain core of `keys`.
  static memory_core owned(const key_pair& keys) {
    auto identity = log::identity_of(keys.public_part);
    return remote(identity.key, identity.manifest);
  }

  /// A full log whose signature is given instead of made.
  static memory_core with_blocks(const core_key& key, const bytes& manifest, std::uint64_t fork,
                                 const std::vector<shared_bytes>& blocks, bytes signature) {
    auto core = remote(key, manifest);
    log::tree_batch batch;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      CORESTORE_CHECK(batch.append(blocks[i].view()));
      core.store.blocks[i] = blocks[i];
    }
    for (const auto& one : batch.added())
      core.store.nodes[one.index] = one;
    core.state.head = batch.head(fork, std::move(signature));
    core.state.bits.set({0, blocks.size()});
    return core;
  }

  result<void> apply(const log::change_set& changes) {
    auto status = log::adopt(state, changes);
    if (status)
      store.apply(changes);
    return status;
  }

  result<void> append(const std::vector<shared_bytes>& blocks, const key_pair& keys) {
    auto staged = log::stage_append(state, blocks, keys);
    return staged ? apply(*staged) : fail(staged.error());
  }

  [[nodiscard]] const log::manifest* manifest() const {
    return state.manifest ? &*state.manifest : nullptr;
  }

  /// Answers as an uploading peer would, block value and manifest included.
  [[nodiscard]] result<log::proof> prove(const log::proof_request& request) const {
    auto answer = log::build_proof(state.head, manifest(), store, request);
    if (!answer)
      return answer;
    if (answer->block)
      answer->block->value = store.block_at(answer->block->index).value().value_or(shared_bytes{});
    if (request.manifest && !log::is_compat(state.header.key, *state.manifest))
      answer->manifest = state.header.manifest;
    return answer;
  }

  [[nodiscard]] log::proof_verifier verifier() const {
    return {state.header.key, manifest(), state.header.manifest, state.head, store};
  }

  result<log::change_set> stage(const std::vector<log::verification>& verified) const {
    return log::stage_verified(state, store, verified);
  }

  /// Verifies and applies the proofs as one step.
  result<void> receive(const std::vector<log::proof>& proofs) {
    std::vector<log::verification> verified;
    {
      auto checking = verifier();
      for (const auto& one : proofs) {
        auto outcome = checking.verify(one);
        if (!outcome)
          return fail(outcome.error());
        verified.push_back(std::move(*outcome));
      }
    }
    auto staged = stage(verified);
    return staged ? apply(*staged) : fail(staged.error());
  }

  [[nodiscard]] hash32 tree_hash() const {
    return log::tree_hash(state.head.roots);
  }
};

inline key_pair test_keys(std::uint8_t number = 1) {
  key_seed seed;
  seed.data.fill(number);
  return crypto::ed25519_key_pair(seed);
}

/// Block `index` of the usual test log: a few bytes, some blocks empty.
inline shared_bytes test_block(std::uint64_t index, std::uint8_t flavour = 0) {
  bytes content((index * 7 + flavour) % 11, static_cast<std::uint8_t>(index + 31 * flavour));
  return shared_bytes{std::move(content)};
}

inline std::vector<shared_bytes> test_blocks(std::uint64_t start, std::uint64_t end, std::uint8_t flavour = 0) {
  std::vector<shared_bytes> blocks;
  for (auto i = start; i < end; ++i)
    blocks.push_back(test_block(i, flavour));
  return blocks;
}

} // namespace corestore::test
