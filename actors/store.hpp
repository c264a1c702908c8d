// One store: names, open cores and connections. It routes and remembers; it never hashes a block or waits for a disk.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <caf/typed_event_based_actor.hpp>

#include "actors/core_cache.hpp"
#include "actors/core_surroundings.hpp"
#include "actors/holders.hpp"
#include "actors/local.hpp"
#include "actors/meters.hpp"
#include "actors/peer_guard.hpp"
#include "base/error.hpp"
#include "log/change_set.hpp"
#include "replication/replicator.hpp"
#include "storage/backend.hpp"

namespace corestore::actors {

struct store_arguments {
  std::shared_ptr<storage::backend> backend;
  writer_actor writer;
  replication::replicator_settings replication;
  cache_limits cache;
  meters_ptr counted;                                ///< shared with the writer; a new one when absent
  log::generation generation = log::generation::g10; ///< of cores that a selector leaves open
  std::uint8_t manifest_version = 1;                 ///< of manifests that are made here
  std::shared_ptr<peer_guard> guard = nullptr;       ///< of the connections; a new one when absent
};

class store_state {
public:
  using self_pointer = local_store_actor::stateful_pointer<store_state>;

  static inline const char* name = "store";

  result<void> open(self_pointer self, store_arguments arguments);

  // -- opening and giving back (store_opening.cpp)

  caf::result<opened_core> open_core(const core_selector& selector, scope_id scope);
  caf::result<bool> close_core(const corestore::discovery_key& discovery, scope_id scope);

  // -- erasing (store_purge.cpp)

  caf::result<clear_result> purge(const core_selector& selector);

  // -- the whole of it (store_upkeep.cpp)

  caf::result<space_report> back_up(const std::string& directory, bool is_compact);
  caf::result<space_report> compact();
  caf::result<bool> set_fence(bool is_fenced);
  caf::result<clear_result> evict(std::uint64_t bytes);
  void report(const store_event& event) {
    tell(scope_id{}, event);
  }

  // -- questions (store_listing.cpp)

  caf::result<core_record> describe(const core_selector& selector);
  caf::result<bool> is_loaded(const core_selector& selector) const;
  caf::result<record_page> list(const list_request& request);
  [[nodiscard]] caf::result<store_record> describe_store() const;
  [[nodiscard]] std::vector<peer_record> peers() const;

  // -- groups (store_groups.cpp)

  caf::result<group_page> list_group(const group_request& request) const;
  void tell_groups();

  // -- namespaces, watchers, searches (store_scopes.cpp)

  caf::result<entered_store> enter(const std::string& child, scope_id scope);
  caf::result<key_pair> derive(const std::string& child, scope_id scope) const;
  caf::result<bool> watch(const store_sink& sink, scope_id scope);
  caf::result<bool> unwatch(const store_sink& sink, scope_id scope);
  caf::result<bool> close_scope(scope_id scope);
  caf::result<std::uint64_t> find();
  caf::result<bool> found(std::uint64_t token);

  // -- extensions of every core (store_extensions.cpp)

  caf::result<bool> extend(const std::string& extension, const extension_sink& sink, scope_id scope);
  caf::result<bool> retract(const std::string& extension, const extension_sink& sink, scope_id scope);

  // -- connections (store_sessions.cpp)

  caf::result<local_core> wake(const corestore::discovery_key& discovery, scope_id scope);
  std::vector<local_core> join(const session_actor& session, scope_id scope);
  void update_session(const session_actor& session, peer_record record);
  void update_dialled(peer_record record);
  void use_network(const network_actor& network) {
    network_ = network;
  }
  caf::result<peer_record> dial(const dial_request& request, scope_id scope);
  caf::result<stream_end> replicate(const replicate_request& request, const stream_end& other, scope_id scope);
  caf::result<peer_record> replicate(const replicate_partner& partner, scope_id scope);
  caf::result<bool> hang_up(std::uint64_t id);
  caf::result<peer_record> switch_connection(const connection_switches& wanted);
  caf::result<bool> suspend();
  caf::result<bool> resume();
  void refused(const std::string& reason);
  void banned(const std::string& subject, const std::string& reason);
  [[nodiscard]] std::vector<ban_record> bans() const;
  caf::result<bool> ban(const std::string& subject, std::uint64_t for_ms);

  // -- life

  /// A core that was in use when it should have been parked is no longer.
  void quiet(const corestore::discovery_key& discovery);
  void on_down(const caf::down_msg& message);
  caf::result<bool> close();
  void finish(caf::error reason);

private:
  using opened_promise = caf::typed_response_promise<opened_core>;

  /// What a selector leads to: a stored header, or one that would have to be created.
  struct resolution {
    log::core_header header;
    std::optional<log::core_alias> alias; ///< to be stored with it
    bool is_new = false;                  ///< header or alias are not stored yet
    bool is_stored = false;               ///< the core has its number already
    std::optional<log::core_header> twin; ///< the same core in the other generation
    bool is_twin_new = false;             ///< which is not stored yet
  };

  struct loaded_core {
    local_core_actor handle;
    core_key key;
    log::generation generation = log::generation::g10;
    bool is_active = false; ///< an owner asked for it: offered to peers, kept up to date
  };

  class page_maker;

  struct known_session {
    session_actor handle;
    peer_record record;
    scope_id scope{};
    bool has_joined = false;
    std::unordered_set<corestore::discovery_key> parked; ///< cores for which it keeps a channel and no actor
  };

  /// The store itself, or one namespace that was entered.
  struct scope_entry {
    namespace_id id;
    std::vector<log::namespace_link> links;              ///< from the store down to it
    caf::actor_addr address;                             ///< weak: a namespace ends when nobody has its handle any more
    std::unordered_set<corestore::discovery_key> opened; ///< not kept for the store itself
    std::vector<store_sink> watchers;
    std::vector<std::pair<std::string, extension_sink>> extensions; ///< who listens to which, on every core
  };

  /// A request for a core that is just being created, parked or purged: it is asked again afterwards.
  using later = std::function<void()>;

  struct caller {
    caf::strong_actor_ptr address; ///< null for somebody without one
    core_selector selector;
    scope_id scope{};
    opened_promise promise;
  };

  /// A session that asks for a core on behalf of its peer.
  struct waker {
    session_actor session;
    corestore::discovery_key discovery;
    scope_id scope{};
    caf::typed_response_promise<local_core> promise;
  };

  [[nodiscard]] result<resolution> resolve(const core_selector& selector) const;
  [[nodiscard]] result<resolution> resolve_name(const storage::snapshot& source, const core_selector& selector) const;
  [[nodiscard]] result<resolution> resolve_id(const storage::snapshot& source, const core_selector& selector) const;
  [[nodiscard]] result<resolution> resolve_stored(const storage::snapshot& source, const log::core_header& header,
                                                  const core_selector& selector) const;
  [[nodiscard]] result<resolution> resolve_legacy_pair(const storage::snapshot& source, const key_pair& pair) const;
  [[nodiscard]] static resolution stored_as(log::core_header header);
  [[nodiscard]] result<resolution> resolve_kind(const storage::snapshot& source, const core_selector& selector) const;
  [[nodiscard]] result<resolution> resolve_both(const storage::snapshot& source, core_selector selector) const;
  result<void> add_twin(const storage::snapshot& source, resolution& found) const;
  [[nodiscard]] log::generation generation_of(const core_selector& selector) const;
  [[nodiscard]] result<resolution> resolve_keys(const storage::snapshot& source, const core_selector& selector) const;

  void open_for(const caller& who);
  void create(resolution wanted, const caller& who);
  void store_twin(const log::core_header& header, std::optional<log::core_header> twin, const caller& who,
                  const std::function<void(const caf::error&)>& failed);
  void created(const log::core_header& header, const std::optional<log::core_header>& twin, const caller& who);
  [[nodiscard]] std::optional<log::head_mark> fence_for(const resolution& wanted, const core_selector& selector) const;
  void settled(const corestore::discovery_key& discovery);
  loaded_core& load(const log::core_header& header, const core_selector& selector);
  void hold(loaded_core& core, const corestore::discovery_key& discovery, const caller& who);
  void offer(const loaded_core& core, const corestore::discovery_key& discovery, scope_id scope);
  void answer(const loaded_core& core, const corestore::discovery_key& discovery, const caller& who,
              const std::optional<log::core_header>& twin);
  core_actor pair(const loaded_core& core, const log::core_header& twin, const caller& who);
  void explain(const corestore::discovery_key& discovery, const caf::error& reason, opened_promise promise) const;
  bool give_back(const caf::actor_addr& owner, const corestore::discovery_key& discovery, scope_id scope);
  void idle(const corestore::discovery_key& discovery, scope_id scope);
  void released_by(const caf::actor_addr& owner);
  void listen_to(const local_core_actor& core, scope_id scope);
  void observe(const caf::actor_addr& somebody);
  void stop_observing(const caf::actor_addr& somebody);
  void trim();
  void park(const corestore::discovery_key& discovery);
  void parked(const corestore::discovery_key& discovery, const parked_core& outcome);

  /// Data that is being given up: core by core, in the order of their discovery keys.
  struct eviction {
    std::uint64_t wanted = 0;
    clear_result done;
    std::uint64_t walked = 0; ///< cores looked at; each is looked at once
    caf::typed_response_promise<clear_result> promise;
  };
  struct victim {
    log::core_header header;
    log::tree_head head;
    log::block_range range;
    clear_result size;
    std::uint64_t contiguous_length = 0; ///< afterwards
  };
  void continue_eviction(const std::shared_ptr<eviction>& under_way);
  [[nodiscard]] result<std::optional<victim>> next_victim(eviction& under_way);
  void give_up(const std::shared_ptr<eviction>& under_way, const victim& chosen);

  void wake_for(const waker& who);
  void purge_for(const core_selector& selector, caf::typed_response_promise<clear_result> promise);
  caf::result<record_page> complete(record_page page);
  [[nodiscard]] static caf::error check(const core_selector& selector);
  [[nodiscard]] result<clear_result> measure(const log::core_header& header) const;
  [[nodiscard]] std::vector<log::namespace_link> links_to(const core_selector& selector, scope_id scope) const;
  void offer_to(const session_actor& session, const corestore::discovery_key& discovery);
  void tell(scope_id scope, const store_event& event);
  [[nodiscard]] bool is_in_scope(const corestore::discovery_key& discovery, scope_id scope) const;
  [[nodiscard]] static caf::error closed_error();
  [[nodiscard]] std::uint64_t now_ms() const;
  void leave_scope(scope_id scope);
  void end_cores();
  void end_if_empty();

  self_pointer self_ = nullptr;
  std::shared_ptr<storage::backend> backend_;
  writer_actor writer_;
  network_actor network_;
  surroundings_ptr around_; ///< of all cores
  meters_ptr meters_;
  std::shared_ptr<peer_guard> guard_;
  log::generation generation_ = log::generation::g10;
  std::uint8_t manifest_version_ = 1;
  std::uint32_t next_number_ = 0;
  std::uint64_t refusals_ = 0;
  std::uint64_t group_round_ms_ = 0; ///< events of groups wait until then

  std::unordered_map<corestore::discovery_key, loaded_core> loaded_;
  std::unordered_map<caf::actor_addr, const corestore::discovery_key*> by_address_; ///< keys of `loaded_`
  std::unordered_map<corestore::discovery_key, std::vector<later>> busy_;
  holders holders_;
  std::unordered_set<caf::actor_addr> observed_; ///< callers and watchers whose end is told
  std::unordered_map<corestore::discovery_key, std::pair<caf::actor_addr, scope_id>> exclusive_;
  core_cache cache_;
  std::uint64_t hits_ = 0;
  std::uint64_t misses_ = 0;
  std::uint64_t evictions_ = 0;
  corestore::discovery_key eviction_cursor_; ///< last core that was looked at

  std::map<scope_id, scope_entry> scopes_;
  std::uint64_t next_scope_ = 1;
  std::set<std::uint64_t> searches_;
  std::uint64_t next_search_ = 1;

  std::unordered_map<caf::actor_addr, known_session> sessions_;
  std::unordered_map<corestore::discovery_key, std::vector<session_actor>> parked_; ///< who keeps a channel for it
  std::map<std::uint64_t, peer_record> dialled_;

  std::vector<caf::typed_response_promise<bool>> closing_; ///< answered when the last core has ended
  bool is_closed_ = false;
  std::optional<caf::error> ending_;
};

local_store_actor::behavior_type store(store_state::self_pointer self, store_arguments arguments);

} // namespace corestore::actors
