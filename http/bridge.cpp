#include "http/bridge.hpp"

#include <caf/all.hpp>

namespace corestore::http {

namespace {

caf::behavior run_errands(caf::event_based_actor* self) {
  return {[self](const errand& work) {
    (*work)(self);
  }};
}

} // namespace

bridge::bridge(caf::actor_system& system) : actor_(system.spawn<caf::hidden>(run_errands)) {
  // nop
}

bridge::~bridge() {
  caf::anon_send_exit(actor_, caf::exit_reason::user_shutdown);
}

} // namespace corestore::http
