// The causes of errors.
#pragma once

#include <cstdint>
#include <string_view>

namespace corestore {

/// Causes. The order is part of the CAF error category: append, never reorder.
enum class ec : std::uint8_t {
  none,
  bad_argument,        ///< a caller's value is out of range or malformed
  decoding_failed,     ///< bytes that do not follow their format
  not_found,           ///< nothing is stored or known under that name, key or index
  block_not_available, ///< the block is not stored here and nobody delivered it
  not_writable,        ///< no secret key for this core, or opened read-only
  invalid_signature,   ///< a signature or manifest does not verify
  invalid_checksum,    ///< a hash does not match
  invalid_operation,   ///< a request that cannot be answered, a proof with a missing or surplus node
  invalid_proof,       ///< a prologue is violated, or a fork proof is not self-contained
  invalid_capability,  ///< a peer does not prove that it knows the core key
  conflict,            ///< two valid signatures for one fork and length
  stale_base,          ///< a change set was staged on a head that is no longer the head
  storage_failed,      ///< the disk or the database reported an error
  storage_full,        ///< no space is left, or the configured size is reached
  storage_poisoned,    ///< an earlier sync failed: nothing is written until restart
  storage_damaged,     ///< stored records contradict each other or their format
  storage_format,      ///< the directory holds a format that this version does not know
  store_held,          ///< another process owns the store
  key_mismatch,        ///< another primary key, core key or manifest is stored
  read_only,           ///< the store was opened as a read-only snapshot
  limit_exceeded,      ///< a stranger or a caller went past a bound of limits.hpp
  handshake_failed,    ///< the secret stream could not be established
  protocol_violation,  ///< a frame or message that the protocol does not allow
  connection_closed,   ///< the other side or the network went away
  timed_out,           ///< the time given ran out
  cancelled,           ///< the caller gave up, or the session ended
  store_closed,        ///< the store is closing or closed
  unsupported,         ///< understood, and not offered by this build or generation
  internal,            ///< a bug: an invariant of ours does not hold
  core_held,           ///< the core is open exclusively already
  fenced               ///< restored from a backup: nobody has shown yet that no longer log exists
};

/// The stable lower-case name, as used in logs, JSON and the HTTP API: `storage_full`.
std::string_view name_of(ec code);

/// One sentence that says what the code means.
std::string_view describe(ec code);

} // namespace corestore
