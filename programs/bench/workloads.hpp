// The list of workloads.
#pragma once

#include <span>
#include <string_view>

#include "base/error.hpp"
#include "programs/bench/options.hpp"
#include "programs/bench/outcome.hpp"

namespace corestore::bench {

/// Batches of `batch` blocks on one core, each awaited before the next: one caller.
result<outcome> append(const options& asked);

/// The same on many cores at once: one append outstanding on each.
result<outcome> append_many(const options& asked);

/// Random blocks of one complete core, one at a time: one caller in the process.
result<outcome> get(const options& asked);

/// Cores from one process to others over loopback, every block of them; a latency is the time to one complete core.
result<outcome> replicate(const options& asked);

/// Cores created, the store closed and opened again, and all of them opened at once; a latency is one opening.
result<outcome> open_many(const options& asked);

struct workload {
  std::string_view name;
  std::string_view help;
  options defaults;
  result<outcome> (*run)(const options& asked);
  bool is_single_core = false; ///< --cores means nothing to it
};

std::span<const workload> workloads();

/// The sides of `replicate`. The serving one prints a ready line and ends with its standard input; the fetching one
/// reads keys from standard input, one a line.
result<void> serve_role(const options& asked);
result<outcome> fetch_role(const options& asked);

} // namespace corestore::bench
