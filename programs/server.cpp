// corestored: serves a store to peers until it is told to stop.
#include <algorithm>
#include <cstdio>

#include <sys/resource.h>

#include "base/inherited.hpp"
#include "config/settings_text.hpp"
#include "programs/exit_code.hpp"
#include "programs/hand_over.hpp"
#include "programs/server_log.hpp"
#include "programs/server_options.hpp"
#include "programs/server_run.hpp"
#include "programs/service_manager.hpp"
#include "programs/signals.hpp"

namespace {

using namespace corestore;
using namespace corestore::programs;

/// The one line on standard error that explains an exit code.
int complain(const error& what) {
  auto line = what.detail.empty() ? std::string{describe(what.code)} : what.detail;
  std::replace(line.begin(), line.end(), '\n', ' ');
  log_end(line);
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

/// Until SIGINT or SIGTERM, or until another program is to go on: true then.
bool work(server& running, const server_options& options, signal_watch& signals, hand_over& successor) {
  service_manager manager;
  manager.ready("serving");
  manager.watch([&running] { return running.is_alive(); });
  auto is_handing_over = false;
  while (!is_handing_over) {
    auto signal = signals.wait();
    if (signal == SIGHUP) {
      manager.reloading();
      reload(running, options);
      manager.ready("serving");
    } else if (signal == SIGUSR2) {
      auto checked = successor.check();
      is_handing_over = checked.has_value();
      if (!checked)
        log_error("hand-over: " + checked.error().detail + "; this process goes on");
    } else {
      break;
    }
  }
  manager.stop_watching();
  if (is_handing_over)
    manager.reloading();
  else
    manager.stopping();
  return is_handing_over;
}

int serve(const server_options& options, const config::settings& settings, hand_over& successor) {
  signal_watch signals{SIGINT, SIGTERM, SIGHUP, SIGUSR2}; // before any thread
  std::signal(SIGPIPE, SIG_IGN);
  start_log(settings.log.level, settings.log.format);
  raise_descriptor_limit();
  server running{settings, options.is_development};
  if (auto started = running.start(); !started)
    return complain(started.error());
  inherited::drop_rest();
  std::printf("%s\n", running.ready_line().c_str());
  std::fflush(stdout);
  if (!work(running, options, signals, successor)) {
    log_info("stopping");
    running.close();
    return exit_done;
  }
  log_info("handing over: finishing what was begun");
  successor.keep_listening(running.node_port());
  running.close();
  return complain(successor.start());
}

} // namespace

int main(int argc, char** argv) {
  end_on_bus_error("corestored");
  hand_over successor{argc, argv};
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
  return serve(*options, *settings, successor);
}
