// A store to talk to: opened in this process, or that of a running server.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <caf/actor_system.hpp>
#include <caf/scoped_actor.hpp>

#include "actors/engine.hpp"
#include "config/system_config.hpp"
#include "messages/interfaces.hpp"
#include "programs/ask.hpp"
#include "programs/output.hpp"
#include "programs/signals.hpp"

namespace corestore::programs {

struct session_options {
  std::string storage;                 ///< empty: a node
  std::string primary_key_file;        ///< with `storage`
  std::string node;                    ///< empty: the default address
  std::vector<std::string> name_space; ///< from the root inwards
  std::string encryption_key;          ///< 64 hex digits; empty: blocks are taken as they are stored
  std::uint8_t generation = 0;         ///< 9 or 10; 0: the store's (10 for one that is opened here)
  bool may_write = true;               ///< otherwise a held store is read beside its owner, and so is a backup
  bool may_create = true;              ///< otherwise a missing store is an error
  bool is_local = false;               ///< `storage` is required
  bool is_live = false;                ///< goes on until SIGINT or SIGTERM, which then end it without an error
};

/// For a CORE that nobody knows, with what to do about it.
error unknown_core(const std::string& core);

class session {
public:
  /// Opens or connects. store_held, storage_damaged, key_mismatch ... as open_store says; connection_closed when no
  /// server answers.
  static result<std::unique_ptr<session>> open(const session_options& options, bool is_json);

  ~session();
  session(const session&) = delete;
  session& operator=(const session&) = delete;

  /// What a CORE of the command line means: `default`, `name:NAME`, a key or a discovery key. bad_argument otherwise.
  [[nodiscard]] result<core_selector> select(const std::string& core, bool create) const;

  /// Selects and opens.
  result<opened_core> open_core(const std::string& core, bool create);

  /// Every record of the store, or of the namespace if one was given; with `is_recursive` also of those below it.
  result<std::vector<core_record>> list(bool is_recursive = false);

  template <class Answer, class Handle, class... Content>
  result<Answer> ask(const Handle& target, Content&&... content) {
    return programs::ask<Answer>(self(), target, patience, std::forward<Content>(content)...);
  }

  template <class Answer, class Handle, class... Content>
  result<Answer> ask_for(std::uint64_t wait_ms, const Handle& target, Content&&... content) {
    return programs::ask<Answer>(self(), target, patience_with(wait_ms), std::forward<Content>(content)...);
  }

  [[nodiscard]] const store_actor& store() const {
    return store_;
  }
  [[nodiscard]] const caf::scoped_actor& self() const {
    return *self_;
  }
  /// Only with `is_local`.
  [[nodiscard]] actors::engine& engine() {
    return *engine_;
  }
  /// The namespace that was asked for, from the root inwards.
  [[nodiscard]] const std::vector<std::string>& path() const {
    return options_.name_space;
  }
  /// 9 or 10; 0 = the store's
  [[nodiscard]] std::uint8_t generation() const {
    return options_.generation;
  }
  [[nodiscard]] bool is_json() const {
    return is_json_;
  }
  [[nodiscard]] output& out() {
    return out_;
  }
  /// With `is_live`: whether the user has asked for the end. `self` gets a shutdown_atom when that happens.
  [[nodiscard]] bool is_ending() const {
    return signals_ && signals_->is_ending();
  }

private:
  session(const session_options& options, bool is_json);

  result<void> open_storage();
  result<opened_core> encrypt(opened_core opened);
  result<void> connect_node();

  session_options options_;
  bool is_json_;
  output out_;
  std::unique_ptr<signal_watch> signals_;
  std::unique_ptr<config::system_config> config_;
  std::unique_ptr<caf::actor_system> system_;
  std::unique_ptr<actors::engine> engine_;
  caf::actor guard_; ///< ends the process when the node is lost
  store_actor store_;
  std::optional<caf::scoped_actor> self_;
};

} // namespace corestore::programs
