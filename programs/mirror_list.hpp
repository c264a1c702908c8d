// The cores that the configuration wants complete: held open, and mirrored for as long as they are listed.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <caf/scoped_actor.hpp>

#include "actors/local.hpp"
#include "base/error.hpp"
#include "config/settings.hpp"
#include "messages/interfaces.hpp"

namespace corestore::programs {

class mirror_list {
public:
  mirror_list(caf::actor_system& system, store_actor store);

  /// Opens and mirrors what is new, ends what is gone; answers a sentence for each change. Ends at the first failure.
  result<std::vector<std::string>> apply(const std::vector<config::mirrored_core>& cores);

private:
  caf::scoped_actor self_;
  store_actor store_;
  struct held_core {
    actors::local_core_actor core;
    std::string label;
  };
  std::map<core_key, held_core> held_;
};

} // namespace corestore::programs
