// The list of workloads.
#pragma once

#include <span>
#include <string_view>

#include "base/error.hpp"
#include "programs/bench/options.hpp"
#include "programs/bench/outcome.hpp"

namespace corestore::bench {

/// Batches of `batch` blocks on one core, each awaited before the next: one caller, or several.
result<outcome> append(const options& asked);

/// The same on many cores at once: one append outstanding on each.
result<outcome> append_many(const options& asked);

/// Random blocks of one complete core, one at a time: one caller in the process, or several.
result<outcome> get(const options& asked);

/// The same by the plain interface; callers are threads.
result<outcome> get_plain(const options& asked);

/// All blocks of one core in order, in pages; a latency is that of one page.
result<outcome> scan(const options& asked);

/// Reads and appends of many callers on many cores.
result<outcome> mixed(const options& asked);

/// Cores from one process to others over loopback, every block of them; a latency is the time to one complete core.
result<outcome> replicate(const options& asked);

/// From an append to its event in another process.
result<outcome> live(const options& asked);

/// Cores created, the store closed and opened again, and all of them opened at once; a latency is one opening.
result<outcome> open_many(const options& asked);

/// Connections on which nothing happens.
result<outcome> idle(const options& asked);

/// Opening, appending, replicating, clearing, closing, on and on.
result<outcome> soak(const options& asked);

/// The sides of what runs in two processes. The serving one prints a ready line and ends with its standard input; the
/// fetching one reads keys from standard input, one a line, up to a line `end`, says that it is ready, and begins when
/// it gets another line.
result<void> serve_replicate(const options& asked);
result<outcome> fetch_replicate(const options& asked);
result<void> serve_live(const options& asked);
result<outcome> fetch_live(const options& asked);
result<outcome> fetch_sparse(const options& asked);
result<void> serve_idle(const options& asked);
result<outcome> fetch_idle(const options& asked);

struct workload {
  std::string_view name;
  std::string_view help;
  options defaults;
  result<outcome> (*run)(const options& asked) = nullptr;
  bool is_single_core = false; ///< --cores means nothing to it
  result<void> (*serve)(const options& asked) = nullptr;
  result<outcome> (*fetch)(const options& asked) = nullptr;
};

std::span<const workload> workloads();

} // namespace corestore::bench
