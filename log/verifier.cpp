#include "log/verifier.hpp"

#include <algorithm>
#include <optional>
#include <unordered_set>
#include <utility>

#include "base/compact.hpp"
#include "base/crypto.hpp"
#include "log/flat_tree.hpp"
#include "log/hashes.hpp"
#include "log/node_codec.hpp"
#include "log/signable.hpp"
#include "log/tree_batch.hpp"

namespace corestore::log {

namespace {

constexpr std::uint64_t flag_has_patch = 1;
constexpr std::size_t patch_nodes_max = 128; ///< growing a tree takes at most two nodes for each level
constexpr std::size_t part_bytes_min = 2 + signature64::size;

signature_part read_part(compact::reader& source, std::uint8_t version) {
  signature_part part;
  if (version == 0) {
    auto flags = source.uint();
    part.signer = source.uint();
    source.fixed(part.signature);
    if ((flags & flag_has_patch) != 0) {
      source.uint(); // start: told by the lengths as well
      part.patch = source.uint();
      auto references = source.array(1); // nodes are found by their index
      for (std::size_t i = 0; i < references; ++i)
        source.uint();
    }
  } else {
    part.signer = source.uint();
    source.fixed(part.signature);
    part.patch = source.uint();
  }
  return part;
}

/// Version 0 lists which nodes of the pool a patch uses, and where the tree that was signed ends.
void write_patch_references(compact::writer& target, const signature_part& part, const std::vector<node>& pool,
                            std::uint64_t length) {
  std::vector<std::uint64_t> references;
  std::uint64_t end = 0;
  for (auto index : flat_tree::needed_nodes(length, length + part.patch)) {
    auto entry = std::find_if(pool.begin(), pool.end(), [&](const node& one) { return one.index == index; });
    if (entry == pool.end())
      continue;
    references.push_back(static_cast<std::uint64_t>(entry - pool.begin()));
    end = flat_tree::completing_block(index) + 1;
  }
  target.uint(end);
  target.uint(part.patch);
  target.uint(references.size());
  for (auto reference : references)
    target.uint(reference);
}

/// The tree that a signer signed: `base` grown by `patch` blocks with nodes from the pool.
std::optional<tree_batch> patched(const tree_head& base, std::uint64_t patch, const std::vector<node>& pool) {
  if (patch > flat_tree::length_max || base.length > flat_tree::length_max - patch)
    return std::nullopt;
  tree_batch batch{base};
  for (auto index : flat_tree::needed_nodes(base.length, base.length + patch)) {
    auto entry = std::find_if(pool.begin(), pool.end(), [&](const node& one) { return one.index == index; });
    if (entry == pool.end() || !batch.push(*entry))
      return std::nullopt;
  }
  return batch;
}

bool verify_part(const manifest& decoded, byte_view encoded, const tree_head& head, const multi_signature& all,
                 const signature_part& part) {
  const auto& who = decoded.signers[part.signer];
  auto length = head.length;
  auto hash = tree_hash(head.roots);
  if (part.patch > 0 && decoded.allow_patch) {
    auto longer = patched(head, part.patch, all.nodes);
    if (!longer)
      return false;
    length = longer->length();
    hash = tree_hash(longer->roots());
  }
  auto context = decoded.version == 0 ? who.name_space.data : key_of(encoded).data;
  return crypto::ed25519_verify(signable_of(context, hash, length, head.fork), part.signature.view(), who.key);
}

bool verify_quorum(const manifest& decoded, byte_view encoded, const tree_head& head) {
  if (head.signature.empty() || decoded.quorum == 0)
    return false;
  auto all = decode_multi_signature(head.signature, decoded.version);
  if (!all || all->parts.size() < decoded.quorum || all->nodes.size() > all->parts.size() * patch_nodes_max)
    return false;
  std::unordered_set<std::uint64_t> used;
  for (std::uint64_t i = 0; i < decoded.quorum; ++i) {
    const auto& part = all->parts[i];
    if (part.signer >= decoded.signers.size() || !used.insert(part.signer).second)
      return false;
    if (!verify_part(decoded, encoded, head, *all, part))
      return false;
  }
  return true;
}

} // namespace

result<multi_signature> decode_multi_signature(byte_view encoded, std::uint8_t manifest_version) {
  compact::reader source{encoded};
  multi_signature decoded;
  auto parts = source.array(part_bytes_min);
  decoded.parts.reserve(parts);
  for (std::size_t i = 0; i < parts && !source.failed(); ++i)
    decoded.parts.push_back(read_part(source, manifest_version));
  read_nodes(source, decoded.nodes);
  if (auto status = source.finish("multi-signature"); !status)
    return fail(status.error());
  return decoded;
}

bytes encode_multi_signature(const multi_signature& source, std::uint8_t manifest_version, std::uint64_t length) {
  bytes encoded;
  compact::writer target{encoded};
  target.uint(source.parts.size());
  for (const auto& part : source.parts) {
    if (manifest_version == 0)
      target.uint(part.patch > 0 ? flag_has_patch : 0);
    target.uint(part.signer);
    target.raw(part.signature.view());
    if (manifest_version != 0)
      target.uint(part.patch);
    else if (part.patch > 0)
      write_patch_references(target, part, source.nodes, length);
  }
  write_nodes(target, source.nodes);
  return encoded;
}

multi_signature assemble(std::span<const contribution> contributions) {
  multi_signature result;
  std::unordered_set<std::uint64_t> pooled;
  for (const auto& one : contributions) {
    result.parts.push_back(one.part);
    for (const auto& needed : one.nodes)
      if (pooled.insert(needed.index).second)
        result.nodes.push_back(needed);
  }
  return result;
}

std::uint64_t signable_length(std::vector<std::uint64_t> lengths, std::uint64_t quorum) {
  auto position = std::max<std::uint64_t>(quorum, 1) - 1;
  if (position >= lengths.size())
    return 0;
  std::sort(lengths.begin(), lengths.end(), std::greater<>{});
  return lengths[position];
}

bool is_signed(const core_key& key, const manifest& decoded, byte_view encoded, const tree_head& head) {
  if (is_compat(key, decoded)) {
    auto message = compat_signable_of(tree_hash(head.roots), head.length, head.fork);
    return crypto::ed25519_verify(message, head.signature, decoded.signers.front().key);
  }
  if (decoded.version == 0) {
    if (decoded.allow_patch || decoded.signers.size() != 1)
      return verify_quorum(decoded, encoded, head);
    const auto& who = decoded.signers.front();
    auto message = signable_of(who.name_space.view(), tree_hash(head.roots), head.length, head.fork);
    return crypto::ed25519_verify(message, head.signature, who.key);
  }
  if (decoded.beginning && head.length <= decoded.beginning->length)
    return head.length == decoded.beginning->length && tree_hash(head.roots) == decoded.beginning->tree_hash;
  return verify_quorum(decoded, encoded, head);
}

result<bytes> sign(const core_key& key, const manifest& decoded, byte_view encoded, const tree_head& head,
                   const key_pair& keys) {
  auto who = std::find_if(decoded.signers.begin(), decoded.signers.end(),
                          [&](const signer& one) { return one.key == keys.public_part; });
  if (who == decoded.signers.end() || keys.secret_part.is_zero())
    return fail(ec::not_writable, "the key pair is not among the signers");
  auto hash = tree_hash(head.roots);
  if (is_compat(key, decoded)) {
    auto raw = crypto::ed25519_sign(compat_signable_of(hash, head.length, head.fork), keys.secret_part);
    return to_bytes(raw.view());
  }
  auto context = decoded.version == 0 ? who->name_space.data : key_of(encoded).data;
  auto raw = crypto::ed25519_sign(signable_of(context, hash, head.length, head.fork), keys.secret_part);
  if (decoded.version == 0 || decoded.signers.size() != 1)
    return to_bytes(raw.view());
  return encode_multi_signature({{{0, raw, 0}}, {}}, decoded.version, head.length);
}

} // namespace corestore::log
