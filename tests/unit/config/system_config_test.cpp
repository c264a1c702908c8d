#include "config/system_config.hpp"

#include <caf/actor_system.hpp>
#include <caf/scheduler/coordinator.hpp>
#include <catch2/catch.hpp>

#include "config/job_sharing.hpp"
#include "messages/errors.hpp"

using namespace corestore;

TEST_CASE("an actor system runs the workers that were asked for") {
  config::system_config three{3};
  caf::actor_system system{three};
  CHECK(system.scheduler().num_workers() == 3);
  CHECK(dynamic_cast<caf::scheduler::coordinator<config::job_sharing>*>(&system.scheduler()) != nullptr);
}

TEST_CASE("an actor system renders our errors in words") {
  config::system_config settings{1};
  caf::actor_system system{settings};
  auto text = system.render(make_error(ec::storage_full, "no space left (./data)"));
  CHECK(text.find("storage_full") != std::string::npos);
  CHECK(text.find("no space left (./data)") != std::string::npos);
}
