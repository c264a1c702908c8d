#include "actors/evidence.hpp"

#include "replication/conflict.hpp"

namespace corestore::actors {

bytes encode_evidence(const log::core_header& header, const log::proof& ours, const log::proof& theirs) {
  return replication::encode(replication::conflict_proof{header.key, header.manifest, ours, theirs});
}

result<conflict_record> check_evidence(byte_view proof, const core_key& key) {
  auto decoded = replication::decode_conflict(proof);
  if (!decoded)
    return fail(decoded.error());
  if (decoded->key != key)
    return fail(ec::key_mismatch, "the evidence is about another core");
  auto facts = replication::verify(*decoded);
  if (!facts)
    return fail(facts.error());
  return conflict_record{true, facts->fork, facts->length, facts->first_tree, facts->second_tree, to_bytes(proof)};
}

result<core_key> core_of_evidence(byte_view proof) {
  auto decoded = replication::decode_conflict(proof);
  return decoded.map([](const replication::conflict_proof& known) { return known.key; });
}

} // namespace corestore::actors
