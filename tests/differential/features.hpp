// Commands for everything that a core can do beyond appending and reading: views and batches, signatures made
// elsewhere, encryption, extensions, pushes, switches, events, audit and repair.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include <caf/actor_system.hpp>

#include "messages/interfaces.hpp"
#include "parts.hpp"

namespace corestore::test {

/// Events and extension messages that wait to be asked for.
struct collected {
  std::mutex mutex;
  std::vector<core_event> events;
  std::vector<extension_event> messages;
};

class features {
public:
  explicit features(caf::actor_system& system) : system_(system) {
    // nop
  }

  static bool knows(const std::string& verb);

  /// `core` is the one that the command names.
  json run(const std::string& verb, const core_actor& core, const json& command);

  /// Extensions on every core of a store.
  json listen(const store_actor& store, const json& command);

  void forget(const std::string& store);

private:
  /// Where events of this store go.
  std::shared_ptr<collected> box_of(const std::string& store, caf::actor& ear);

  checkout_actor view_of(const json& command);
  json open_view(const caf::scoped_actor& self, const core_actor& core, const json& command);
  json run_view(const caf::scoped_actor& self, const std::string& verb, const json& command);
  json commit(const caf::scoped_actor& self, const core_actor& core, const json& command);
  json hear(const json& command);

  caf::actor_system& system_;
  std::mutex mutex_;
  std::map<std::string, checkout_actor> views_; ///< by store and the caller's name
  std::map<std::string, std::pair<std::shared_ptr<collected>, caf::actor>> boxes_;
};

} // namespace corestore::test
