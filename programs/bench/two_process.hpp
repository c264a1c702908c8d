// What runs in several processes has in common: the words that start them, the cores that one side serves and the
// other opens.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "programs/bench/child.hpp"
#include "programs/bench/options.hpp"
#include "programs/bench/outcome.hpp"
#include "programs/bench/world.hpp"

namespace corestore::bench {

/// The command line that gives another process of this program the same parameters.
std::vector<std::string> words_for(const options& asked, std::string_view role);

/// The next line of a process as JSON; connection_closed when it ended without one.
result<json> read_json(child& process, std::string_view what);

/// A serving process that is ready.
struct serving {
  std::unique_ptr<child> process;
  std::string listen;
  std::vector<std::string> keys;
};
result<serving> start_serving(const options& asked);

/// Ends it; its CPU seconds, and what else it has to say, go to `target`.
result<json> end_serving(serving& server, outcome& target);

/// Fetching processes that have opened the cores and wait for a line before they connect.
result<std::vector<std::unique_ptr<child>>> start_fetching(const options& asked, const serving& server);

/// Adds up what they measured, and answers their lines.
result<std::vector<json>> collect_fetched(const options& asked, std::vector<std::unique_ptr<child>>& fetchers,
                                          outcome& total);

// -- the sides themselves

/// A line on standard output, flushed.
void say(const json& line);

/// The next line of standard input, or nothing at its end.
std::optional<std::string> hear();

/// Creates the cores, listens and says so.
struct served_world {
  std::unique_ptr<world> stage;
  std::vector<opened_core> cores;
};
result<served_world> serve_cores(const options& asked, std::uint64_t blocks);

/// Opens the cores whose keys come in, says that it is ready, and connects when it is told to.
struct fetched_world {
  std::unique_ptr<world> stage;
  std::vector<opened_core> cores;
};
result<fetched_world> open_fetched(const options& asked);

} // namespace corestore::bench
