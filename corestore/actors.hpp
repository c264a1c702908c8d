// The engine inside a host's actor system (CAF 0.17): everything an embedding application includes.
//
//   struct my_config : corestore::with_engine<> { ... };        // message types and errors of the engine
//   my_config config;                                           // or call corestore::messages::register_types(config)
//   caf::actor_system system{config};
//   auto engine = corestore::open_engine(system, "./data");     // result<std::unique_ptr<actors::engine>>
//   auto store = (*engine)->store();                            // corestore::store_actor: messages/interfaces.hpp
//
// Threads: the engine adds one that writes (a detached actor, where anything is synced) and two that wait for sockets;
// everything else runs on the host's workers. Shutdown: close the engine, or destroy it, before the actor system ends;
// handles may outlive it and answer with an error. Errors are CAF errors of the category `corestore`
// (messages/errors.hpp: from_caf, to_caf).
#pragma once

#include <filesystem>
#include <memory>
#include <utility>

#include <caf/actor_system_config.hpp>

#include "actors/engine.hpp"
#include "actors/remote.hpp"
#include "config/job_sharing.hpp"
#include "config/system_config.hpp"
#include "messages/errors.hpp"
#include "messages/interfaces.hpp"
#include "messages/type_ids.hpp"
#include "storage/open.hpp"

namespace corestore {

/// Mixes what the engine needs into a configuration class of the host's: types and errors are registered. The
/// scheduler's settings stay the host's: `sharing` wakes the engine four times as fast as CAF's default `stealing`, and
/// config::share_jobs(), called in the constructor, has the policy of our own programs, which wakes fewer threads.
template <class Base = caf::actor_system_config>
class with_engine : public Base {
public:
  template <class... Arguments>
  explicit with_engine(Arguments&&... arguments) : Base(std::forward<Arguments>(arguments)...) {
    messages::register_types(*this);
  }
};

/// Opens or creates the store in a directory and starts an engine on it. Errors: those of storage::open_store.
result<std::unique_ptr<actors::engine>> open_engine(caf::actor_system& system, const std::filesystem::path& directory,
                                                    const storage::open_options& storage = {},
                                                    actors::engine_settings settings = {});

} // namespace corestore
