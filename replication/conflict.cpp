#include "replication/conflict.hpp"

#include <algorithm>

#include "base/compact.hpp"
#include "log/flat_tree.hpp"
#include "log/hashes.hpp"
#include "log/tree_batch.hpp"
#include "log/verify.hpp"
#include "replication/wire/codec.hpp"

namespace corestore::replication {

namespace {

constexpr std::uint8_t conflict_version = 1;

bytes encode_proof(const log::proof& source) {
  bytes encoded;
  wire::encode(wire::message{wire::data{0, source}}, encoded);
  return encoded;
}

result<log::proof> decode_proof(byte_view encoded) {
  auto message = wire::decode(wire::message{wire::data{}}.index(), encoded);
  if (!message)
    return fail(message.error());
  return std::get<wire::data>(std::move(*message)).content;
}

/// Tree hash at the length that a full proof shows; its head may be longer, since a signature covers all of it.
result<hash32> tree_of(const conflict_proof& source, const log::manifest& manifest, const log::proof& candidate) {
  const auto verified = log::verify_fork(source.key, &manifest, source.manifest, candidate);
  if (!verified)
    return fail(verified.error());
  if (candidate.upgrade->start != 0)
    return fail(ec::invalid_proof, "the proof does not start at the first block");
  log::tree_batch tree;
  for (const auto index : log::flat_tree::full_roots(candidate.upgrade->length)) {
    const auto root = std::find_if(verified->nodes.begin(), verified->nodes.end(),
                                   [index](const log::node& one) { return one.index == index; });
    if (root == verified->nodes.end() || !tree.push(*root))
      return fail(ec::invalid_proof, "the proof does not carry the roots of its length");
  }
  return log::tree_hash(tree.roots());
}

} // namespace

bytes encode(const conflict_proof& source) {
  const auto first = encode_proof(source.first);
  const auto second = encode_proof(source.second);
  bytes encoded;
  compact::writer target{encoded};
  target.byte(conflict_version);
  target.raw(source.key.view());
  target.buffer(source.manifest);
  target.buffer(first);
  target.buffer(second);
  return encoded;
}

result<conflict_proof> decode_conflict(byte_view value) {
  compact::reader source{value};
  if (source.byte() != conflict_version)
    return fail(ec::decoding_failed, "evidence of an unknown version");
  conflict_proof decoded;
  source.fixed(decoded.key);
  decoded.manifest = to_bytes(source.buffer());
  const auto first = source.buffer();
  const auto second = source.buffer();
  if (source.failed() || source.left() > 0)
    return fail(ec::decoding_failed, "evidence that is truncated or too long");
  auto left = decode_proof(first);
  if (!left)
    return fail(left.error());
  auto right = decode_proof(second);
  if (!right)
    return fail(right.error());
  decoded.first = std::move(*left);
  decoded.second = std::move(*right);
  return decoded;
}

result<conflict_facts> verify(const conflict_proof& source) {
  const auto manifest = log::decode_manifest(source.manifest);
  if (!manifest)
    return fail(manifest.error());
  const auto first = tree_of(source, *manifest, source.first);
  if (!first)
    return fail(first.error());
  const auto second = tree_of(source, *manifest, source.second);
  if (!second)
    return fail(second.error());
  if (source.first.fork != source.second.fork || source.first.upgrade->length != source.second.upgrade->length)
    return fail(ec::invalid_proof, "the two heads are not of one fork and length");
  if (*first == *second)
    return fail(ec::invalid_proof, "the two heads agree");
  return conflict_facts{source.first.fork, source.first.upgrade->length, *first, *second};
}

} // namespace corestore::replication
