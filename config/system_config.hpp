// CAF's configuration as this engine needs it. Our own settings do not pass through it: CAF ignores unknown keys and
// values of the wrong type without a word.
#pragma once

#include <cstddef>

#include <caf/actor_system_config.hpp>

namespace corestore::config {

class system_config : public caf::actor_system_config {
public:
  /// Registers every message type and our errors. `workers` threads run the actors; 0 = one for each core.
  explicit system_config(std::size_t workers = 0);
};

} // namespace corestore::config
