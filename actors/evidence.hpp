// The proof that somebody signed two histories of one log, as one portable value.
#pragma once

#include <string_view>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "log/change_set.hpp"
#include "log/proof.hpp"
#include "messages/core_types.hpp"

namespace corestore::actors {

/// Where a core keeps it, among the values beside the log. Callers have no names that begin with a zero byte.
inline constexpr std::string_view evidence_entry{"\0conflict", 9};

bytes encode_evidence(const log::core_header& header, const log::proof& ours, const log::proof& theirs);

/// Checks a proof from nothing but itself and the core's key: both heads are signed for that key, of one fork and
/// length, and differ. decoding_failed; key_mismatch when it is about another core; invalid_proof and others when it
/// proves nothing.
result<conflict_record> check_evidence(byte_view proof, const core_key& key);

/// The same for whatever core it is about.
result<core_key> core_of_evidence(byte_view proof);

} // namespace corestore::actors
