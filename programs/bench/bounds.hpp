// What the machine allows, measured in the same run: hashing, signing, sealing, copying, a commit, a sync, loopback.
#pragma once

#include "base/error.hpp"
#include "programs/bench/options.hpp"
#include "programs/bench/outcome.hpp"

namespace corestore::bench {

/// Seconds of one operation each, medians of a few dozen.
struct machine {
  double leaf_s = 0;       ///< hash of a leaf of that block size
  double parent_s = 0;     ///< hash of a parent
  double sign_s = 0;       ///< ed25519
  double verify_s = 0;     ///< ed25519
  double seal_s = 0;       ///< the cipher of a connection, one block in a frame of 64 KiB (or of its own)
  double copy_s = 0;       ///< memcpy of one block
  double put_s = 0;        ///< a commit of one value as large as a batch, with its syncs
  double sync_s = 0;       ///< fdatasync after 4 KiB
  double round_trip_s = 0; ///< one byte there and back over loopback TCP
  double loopback_s = 0;   ///< one block over loopback TCP, in pieces of 64 KiB
  unsigned processors = 1;
};

/// Takes less than a second.
result<machine> measure_machine(const options& asked);

/// Adds what bounds the workload to `line`: `bounds` (blocks a second if nothing but that were done; of latency
/// workloads milliseconds), `bound` in words, and `bound_blocks_s` or `bound_ms` with our share of it as `bound_share`.
void put_bounds(json& line, const options& asked, const machine& limits, double direct_s);

} // namespace corestore::bench
