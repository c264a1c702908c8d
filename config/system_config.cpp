#include "config/system_config.hpp"

#include <algorithm>
#include <thread>

#include <caf/atom.hpp>

#include "config/defaults.hpp"
#include "messages/type_ids.hpp"

namespace corestore::config {

system_config::system_config(std::size_t workers) {
  auto threads = workers != 0 ? workers : std::max<std::size_t>(1, std::thread::hardware_concurrency());
  // The default policy (stealing) sleeps between polls: a message from an I/O thread waits four times as long.
  set("scheduler.policy", caf::atom("sharing"));
  set("scheduler.max-threads", threads);
  set("scheduler.max-throughput", defaults::actor_throughput_max);
  messages::register_types(*this);
}

} // namespace corestore::config
