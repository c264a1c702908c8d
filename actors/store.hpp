// One store: names, open cores and connections. It routes and remembers; it never hashes a block or waits for a disk.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include <caf/typed_event_based_actor.hpp>

#include "actors/local.hpp"
#include "base/error.hpp"
#include "log/change_set.hpp"
#include "replication/replicator.hpp"
#include "storage/backend.hpp"

namespace corestore::actors {

struct store_arguments {
  std::shared_ptr<storage::backend> backend;
  writer_actor writer;
  replication::replicator_settings replication;
};

class store_state {
public:
  using self_pointer = local_store_actor::stateful_pointer<store_state>;

  static inline const char* name = "store";

  result<void> open(self_pointer self, store_arguments arguments);

  caf::result<opened_core> open_core(const core_selector& selector);
  caf::result<core_record> describe(const core_selector& selector);
  caf::result<record_page> list(const list_request& request);
  [[nodiscard]] caf::result<store_record> describe_store() const;
  [[nodiscard]] std::vector<peer_record> peers() const;

  caf::result<local_core> wake(const corestore::discovery_key& discovery);
  std::vector<local_core> join(const session_actor& session);
  void update_session(const session_actor& session, peer_record record);
  void count_refusal() {
    ++refusals_;
  }

  void on_down(const caf::down_msg& message);
  void finish(caf::error reason);

private:
  /// What a selector leads to: a stored header, or one that would have to be created.
  struct resolution {
    log::core_header header;
    std::optional<log::core_alias> alias; ///< to be stored with it
    bool is_new = false;                  ///< header or alias are not stored yet
    bool is_stored = false;               ///< the core has its number already
  };

  struct loaded_core {
    local_core_actor handle;
    core_key key;
    bool is_active = false; ///< an owner asked for it; otherwise a peer did
  };

  struct known_session {
    session_actor handle;
    peer_record record;
    bool has_joined = false;
  };

  [[nodiscard]] result<resolution> resolve(const core_selector& selector) const;
  [[nodiscard]] result<resolution> resolve_name(const storage::snapshot& source, const core_selector& selector) const;
  [[nodiscard]] result<resolution> resolve_id(const storage::snapshot& source, const core_selector& selector) const;
  [[nodiscard]] result<resolution> resolve_keys(const storage::snapshot& source, const core_selector& selector) const;
  void create(resolution wanted, caf::typed_response_promise<opened_core> promise);
  void created(const corestore::discovery_key& discovery, const log::core_header& header);
  loaded_core& load(const log::core_header& header);
  void activate(loaded_core& core, const corestore::discovery_key& discovery);
  void answer(const loaded_core& core, const corestore::discovery_key& discovery,
              caf::typed_response_promise<opened_core> promise);

  self_pointer self_ = nullptr;
  std::shared_ptr<storage::backend> backend_;
  writer_actor writer_;
  replication::replicator_settings replication_;
  std::uint32_t next_number_ = 0;
  std::uint64_t refusals_ = 0;
  std::unordered_map<corestore::discovery_key, loaded_core> loaded_;
  std::unordered_map<caf::actor_addr, corestore::discovery_key> by_address_;
  std::unordered_map<corestore::discovery_key, std::vector<caf::typed_response_promise<opened_core>>> creating_;
  std::unordered_map<caf::actor_addr, known_session> sessions_;
  std::optional<caf::error> ending_;
};

local_store_actor::behavior_type store(store_state::self_pointer self, store_arguments arguments);

} // namespace corestore::actors
