// The JavaScript peer, measured with the same parameters on the same machine in the same run.
#pragma once

#include "base/error.hpp"
#include "programs/bench/options.hpp"
#include "programs/bench/outcome.hpp"

namespace corestore::bench {

/// Runs `node WORKLOAD.js` of the folder named by CORESTORE_PEERS, or of the source tree, with our flags and the
/// generation that was asked for; answers its one line. not_found without node or the script.
result<json> run_js(const options& asked);

/// A workload of two processes with JavaScript fetching from this program: what a JavaScript application gains from a
/// native server.
result<json> run_js_reader(const options& asked);

/// `{workload, peer: "ratio", ...}`: our throughput over theirs, and their CPU seconds and median latency over ours.
json compare(const json& ours, const json& theirs);

} // namespace corestore::bench
