// From the command line to options.
#pragma once

#include <CLI/CLI.hpp>

#include "base/error.hpp"
#include "programs/bench/options.hpp"
#include "programs/bench/workloads.hpp"

namespace corestore::bench {

/// The flags of one workload; `asked` holds their defaults and outlives `verb`.
void add_options(CLI::App& verb, options& asked);

/// Flags that do not go together: bad_argument.
result<void> check(const options& asked, const workload& chosen);

} // namespace corestore::bench
