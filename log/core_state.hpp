// A log in memory: head and bits; the disk is read through a log_source. Staging computes change sets without touching
// the state; `adopt` swaps the state once the change set is durable.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "log/bitfield.hpp"
#include "log/change_set.hpp"
#include "log/head.hpp"
#include "log/manifest.hpp"
#include "log/verify.hpp"

namespace corestore::log {

struct core_state {
  core_header header;
  std::optional<log::manifest> manifest; ///< decoded `header.manifest`
  tree_head head;
  bitfield bits; ///< blocks stored here

  [[nodiscard]] std::uint64_t contiguous_length() const; ///< blocks present from 0 without a gap
  [[nodiscard]] bool is_complete() const;                ///< every block of the current length is here
};

/// Largest block of a log, in bytes.
std::size_t block_bytes_max(generation which);

/// Appends `blocks` as one batch with one signature. `not_writable` without a matching signer,
/// `bad_argument` for a block above block_bytes_max(), `limit_exceeded` when the log would become too long. No
/// blocks: an empty change set.
result<change_set> stage_append(const core_state& state, const std::vector<shared_bytes>& blocks, const key_pair& keys);

/// Who vouches for a new head: a key pair that is among the signers, or a signature that was made elsewhere.
struct authority {
  const key_pair* keys = nullptr;
  byte_view signature; ///< with keys: not looked at
};

/// As above, with either kind of signer. `invalid_signature` when a signature given does not hold.
result<change_set> stage_append(const core_state& state, const std::vector<shared_bytes>& blocks,
                                const authority& signer);

/// Keeps the first `kept` blocks and appends `blocks` on another fork, as one change with one signature. Errors of
/// stage_append and stage_truncate.
result<change_set> stage_rewrite(const core_state& state, const node_source& source, std::uint64_t kept,
                                 std::uint64_t fork, const std::vector<shared_bytes>& blocks, const authority& signer);

/// The head with the first `length` blocks of `head`; unsigned when that is fewer. `not_found` when a root is not
/// stored.
result<tree_head> head_at(const tree_head& head, const node_source& source, std::uint64_t length);

/// What a signer of `head` has to sign (spec 2.8); of a version 0 manifest, the first signer.
bytes signable(const core_header& header, const manifest& rules, const tree_head& head);

/// New fork with the first `length` blocks, signed again. Reads the nodes that become roots. `invalid_operation` when
/// `length` is above the length or below the prologue, `not_found` when a new root is not stored here,
/// `unsupported` in generation 9, which has no forks.
result<change_set> stage_truncate(const core_state& state, const log_source& source, std::uint64_t length,
                                  std::uint64_t fork, const key_pair& keys);

/// Drops the bytes of `range`; nodes that still prove something stay.
change_set stage_clear(const core_state& state, block_range range);

/// Everything that the proofs of one step added, in one change set: blocks that extend the contiguous prefix become
/// runs (their missing parents are computed or read from `source`), all others are stored one by one.
/// At most one of `verified` may carry a head; in generation 9, where any block may prove a longer log, the longest
/// counts.
result<change_set> stage_verified(const core_state& state, const log_source& source,
                                  const std::vector<verification>& verified);

/// Another history from `ancestors` on: `fork_proof` is what verify_fork() and reorg_search returned. `stale_base` when
/// its fork is not above ours.
result<change_set> stage_reorg(const core_state& state, const verification& fork_proof, std::uint64_t ancestors);

/// Makes a durable change set the state. `stale_base` when it was staged on another head: another fork, or, for a
/// change set that moves the head, another length. Blocks alone may be adopted after the log has grown.
result<void> adopt(core_state& state, const change_set& changes);

} // namespace corestore::log
