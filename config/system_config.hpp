// CAF's configuration as this engine needs it. Our own settings do not pass through it: CAF ignores unknown keys and
// values of the wrong type without a word.
#pragma once

#include <cstddef>

#include <caf/actor_system_config.hpp>

#include "config/tls.hpp"

namespace corestore::config {

class system_config : public caf::actor_system_config {
public:
  /// Registers every message type and our errors. `workers` threads run the actors; 0 = one for each core.
  explicit system_config(std::size_t workers = 0);

  /// Connections to and from other nodes show these certificates. The files must have passed check_tls_files().
  void use_tls(const tls_files& files);
};

} // namespace corestore::config
