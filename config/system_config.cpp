#include "config/system_config.hpp"

#include <algorithm>
#include <thread>

#include <caf/timespan.hpp>

#include "config/defaults.hpp"
#include "config/job_sharing.hpp"
#include "messages/type_ids.hpp"

namespace corestore::config {

system_config::system_config(std::size_t workers) {
  auto threads = workers != 0 ? workers : std::max<std::size_t>(1, std::thread::hardware_concurrency());
  // CAF's default policy (stealing) sleeps between polls: a message from an I/O thread waits four times as long.
  share_jobs(*this);
  set("scheduler.max-threads", threads);
  set("scheduler.max-throughput", defaults::actor_throughput_max);
  // Both are needed to notice that another node hangs; without them a request to it waits for ever.
  set("middleman.heartbeat-interval", caf::timespan{defaults::node_heartbeat});
  set("middleman.connection-timeout", caf::timespan{defaults::node_silence_max});
  // A handle that came by way of a third node stays usable when that one ends.
  set("middleman.enable-automatic-connections", true);
  messages::register_types(*this);
}

void system_config::use_tls(const tls_files& files) {
  openssl_certificate = files.certificate;
  openssl_key = files.key;
  openssl_cafile = files.authority;
}

} // namespace corestore::config
