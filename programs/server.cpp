// corestored: serves a store to peers until it is told to stop.
#include <algorithm>
#include <cstdio>

#include <sys/resource.h>

#include "config/settings_text.hpp"
#include "programs/exit_code.hpp"
#include "programs/server_log.hpp"
#include "programs/server_options.hpp"
#include "programs/server_run.hpp"
#include "programs/signals.hpp"

namespace {

using namespace corestore;
using namespace corestore::programs;

/// The one line on standard error that explains an exit code.
int complain(const error& what) {
  auto line = what.detail.empty() ? std::string{describe(what.code)} : what.detail;
  std::replace(line.begin(), line.end(), '\n', ' ');
  std::fprintf(stderr, "corestored: %s\n", line.c_str());
  return exit_code_of(what.code);
}

/// A connection is a descriptor: take as many as the system grants.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max)
    return;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
    log_warning("the limit of open descriptors could not be raised");
}

void reload(server& running, const server_options& options) {
  auto fresh = effective_settings(options);
  if (fresh)
    running.reload(*fresh);
  else
    log_error("reload: nothing changes: " + fresh.error().detail);
}

int serve(const server_options& options, const config::settings& settings) {
  signal_watch signals{SIGINT, SIGTERM, SIGHUP}; // before any thread
  std::signal(SIGPIPE, SIG_IGN);
  start_log(settings.log.level);
  raise_descriptor_limit();
  server running{settings, options.is_development};
  if (auto started = running.start(); !started)
    return complain(started.error());
  std::printf("%s\n", running.ready_line().c_str());
  std::fflush(stdout);
  while (signals.wait() == SIGHUP)
    reload(running, options);
  log_info("stopping");
  running.close();
  return exit_done;
}

} // namespace

int main(int argc, char** argv) {
  auto [options, code] = parse_server_options(argc, argv);
  if (!options)
    return code;
  auto settings = effective_settings(*options);
  if (!settings)
    return complain(settings.error());
  if (options->is_print_config)
    std::fputs(config::print_settings(*settings).c_str(), stdout);
  if (options->is_print_config || options->is_check)
    return exit_done;
  return serve(*options, *settings);
}
