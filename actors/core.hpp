// One open hypercore: head, bits, the append queue and the replication plan of all its peers. Reads go straight to an
// LMDB snapshot; writes are change sets for the writer. At most one change set is on its way to the disk: what arrives
// meanwhile is folded into the next one, so that load makes batches larger.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include "actors/boxed.hpp"
#include "actors/core_surroundings.hpp"
#include "actors/core_waiting.hpp"
#include "actors/lazy_replicator.hpp"
#include "actors/local.hpp"
#include "actors/meters.hpp"
#include "base/error.hpp"
#include "log/core_state.hpp"
#include "log/encryption.hpp"
#include "replication/any_replicator.hpp"
#include "storage/backend.hpp"

namespace corestore::actors {

struct core_arguments {
  surroundings_ptr around;
  log::core_header header;
};

/// A store holds a hundred thousand of these: what most cores never need is a pointer until they do.
class core_state {
public:
  using self_pointer = local_core_actor::stateful_pointer<core_state>;

  static inline const char* name = "core";

  /// Who runs this, and for which core.
  void prepare(self_pointer self, core_arguments arguments);

  /// Loads head and bits. An error means that the actor must end.
  result<void> open();

  // -- owners (core.cpp, core_read.cpp)

  caf::result<append_result> append(std::vector<shared_bytes> blocks);
  caf::result<shared_bytes> fetch(const fetch_request& request);
  caf::result<block_batch> read(log::block_range range, std::uint64_t bytes_max, std::uint64_t wait_ms);
  [[nodiscard]] bool has(std::uint64_t start, std::uint64_t end) const {
    return log_.bits.all_set({start, end});
  }
  caf::result<bool> update(std::uint64_t wait_ms);
  caf::result<bool> download(const download_request& request);
  bool cancel(std::uint64_t token);
  caf::result<seek_position> seek(std::uint64_t position, std::uint64_t wait_ms);
  caf::result<core_record> mirror(bool is_on, bool is_persistent);
  caf::result<verify_report> verify();
  caf::result<repair_report> repair();
  void verify_slice(std::uint64_t first);
  [[nodiscard]] core_record record() const;
  core_record subscribe(const event_sink& sink);
  bool unsubscribe(const caf::actor_addr& sink);
  void hold();

  // -- what changes or describes the log beyond appends (core_edit.cpp)

  caf::result<core_record> truncate(std::uint64_t length, std::uint64_t fork);
  caf::result<clear_result> clear(std::uint64_t start, std::uint64_t end);
  caf::result<clear_result> stored(std::uint64_t start, std::uint64_t end);
  caf::result<hash32> tree_hash(std::uint64_t length);
  caf::result<core_record> encrypt(const bytes& key, std::uint8_t schedule);
  caf::result<core_record> adopt_key(const bytes& key);
  caf::result<bytes> signable(std::uint64_t length, std::uint64_t fork);
  caf::result<append_result> append_signed(std::vector<shared_bytes> blocks, bytes signature);
  caf::result<core_record> learn(const change_set_ptr& known);
  bool mark(std::uint64_t start, std::uint64_t end);
  caf::result<clear_result> sweep();

  // -- in and out as an archive (core_archive.cpp)

  [[nodiscard]] caf::result<bytes> export_head() const;
  caf::result<archive_page> export_blocks(const archive_request& request);
  caf::result<std::uint64_t> import_frame(const bytes& frame);

  // -- after a restore (core_fence.cpp)

  caf::result<core_record> set_fence(bool is_fenced);

  // -- groups (core_group.cpp)

  caf::result<core_record> set_group(const bytes& topic);

  // -- views and batches (core_views.cpp)

  caf::result<checkout_actor> check_out(const checkout_request& request);
  caf::result<append_result> commit_batch(const staged_batch_ptr& batch);
  caf::result<change_set_ptr> prepare_batch(const staged_batch_ptr& batch);
  caf::result<append_result> settle_batch(bool is_durable);
  caf::result<std::vector<append_result>> commit_batches(const std::vector<checkout_actor>& batches);
  void forget_view(const caf::actor_addr& view);

  caf::result<bool> put_user_data(std::string entry, bytes value);
  caf::result<user_value> user_data(const std::string& entry);
  caf::result<std::set<std::string>> user_names(const std::string& after);

  // -- beside the log (core_beside.cpp)

  caf::result<bool> extend(const std::string& extension, const extension_sink& sink, bool is_of_store);
  /// Without a name: all of that sink.
  bool retract(const std::string& extension, const caf::actor_addr& sink);
  caf::result<std::uint64_t> send(const extension_message& message);
  caf::result<std::uint64_t> push(std::uint64_t index);
  caf::result<core_switches> switch_to(const core_switches& wanted);
  /// The connection of a peer allows less than before, or more.
  void switch_connection(replication::peer_id peer, bool may_upload, bool may_download);
  caf::result<conflict_record> evidence() const;

  // -- what is going on (core_stats.cpp)

  [[nodiscard]] std::vector<core_peer_record> peers() const;
  [[nodiscard]] core_stats stats() const;

  // -- peers (core_peers.cpp)

  [[nodiscard]] bool attach(peer_link link);
  void detach(replication::peer_id peer);
  void receive(peer_input input);
  void grant(replication::peer_id peer, std::uint64_t bytes);

  // -- leaving the memory (core_park.cpp)

  parked_core park();
  void expect(const session_actor& session);
  void on_down(const caf::actor_addr& address);

  // -- the step that is on its way to the disk (core_commit.cpp)

  void tick();
  /// Starts no new step; ends the actor when none is in flight.
  void finish(caf::error reason);

private:
  /// One change that is neither an append nor a peer's: staged when its turn comes, told how it ended exactly once.
  struct edit {
    std::function<result<log::change_set>(const storage::snapshot&)> stage;
    std::function<void(const result<void>&)> done;
    std::function<void(const change_set_ptr&)> held; ///< set: somebody else has it committed, see settle_batch()
    bool is_foreign = false;                         ///< nothing that was written here
  };

  /// A caller's change; they take effect in the order in which they came.
  struct pending_write {
    std::vector<shared_bytes> blocks;
    caf::typed_response_promise<append_result> promise;
    std::optional<edit> change; ///< then there are no blocks
    std::chrono::steady_clock::time_point arrival = std::chrono::steady_clock::now();
  };

  /// An appender whose blocks are part of a step, and the log's size right after the last of them.
  struct staged_append {
    caf::typed_response_promise<append_result> promise;
    append_result after;
    std::chrono::steady_clock::time_point arrival;
  };

  /// What is being committed, and who waits for it.
  struct step {
    change_set_ptr changes;
    bool is_ours = false;
    std::vector<staged_append> appends;
    std::vector<caf::typed_response_promise<core_record>> records;
    std::vector<log::verification> verified;
    open_change_ptr open;                          ///< of what peers brought: more may join it
    std::function<void(const result<void>&)> done; ///< of an edit
    bool is_held = false;                          ///< its commit is not ours
    bool is_foreign = false;                       ///< of an edit: nothing that was written here
    truncation_ptr lost;                           ///< what views have to hear of
  };

  /// The sessions that carry this core.
  struct session_links {
    std::unordered_map<replication::peer_id, peer_link> attached;
    std::map<replication::peer_id, peer_output> outputs;
    std::map<replication::peer_id, session_actor> handing_over; ///< sessions that have not confirmed it
    std::map<caf::actor_addr, std::uint64_t> expected;          ///< sessions about to attach, and until when

    [[nodiscard]] bool empty() const {
      return attached.empty() && outputs.empty() && handing_over.empty() && expected.empty();
    }
  };

  [[nodiscard]] std::uint64_t now_ms() const;
  [[nodiscard]] bool is_writable() const;
  /// Why nothing may be signed now: no key, or a fence.
  [[nodiscard]] error signing_refusal();
  void want_lost_blocks(const log::log_source& source);
  void watch_fence();
  caf::result<core_record> replace_header(log::core_header header);
  [[nodiscard]] const boxed<key_pair>& keys();

  /// Runs `action(const log::log_source&)` on a fresh snapshot.
  template <class Action>
  result<void> reading(Action action) {
    auto opened = around_->backend->open_snapshot();
    if (!opened)
      return fail(opened.error());
    storage::core_view view{**opened, log_.header.number};
    action(static_cast<const log::log_source&>(view));
    return {};
  }

  [[nodiscard]] bool is_in_use() const;
  [[nodiscard]] bool is_expecting() const;
  [[nodiscard]] bool has_work() const {
    return in_flight_ || !writes_.empty() || !verified_.empty() || reorg_ || new_header_;
  }
  [[nodiscard]] bool owes_news() const;
  void note_share();
  void note_news();
  void note_group_change();
  void tell_quiet();
  [[nodiscard]] bool hand_over(replication::peer_id peer);
  [[nodiscard]] bool hand_back(peer_input& input);
  void hand_over_all(session_links& links, std::vector<session_actor>& known);

  /// After every handler: hand out what the replicator produced, answer waiters, start the next step, arm the timer.
  void settle();
  void collect_effects();
  void send_outputs();
  void start_step();
  void grow_step();
  [[nodiscard]] bool stage_writes(step& next);
  [[nodiscard]] bool stage_appends(step& next);
  [[nodiscard]] bool stage_edit(step& next);
  void enqueue(edit change);
  [[nodiscard]] bool stage_verified(step& next);
  [[nodiscard]] bool stage_reorg(step& next);
  [[nodiscard]] bool stage_header(step& next);
  void commit(step next);
  [[nodiscard]] truncation_ptr rescue(const log::change_set& changes) const;
  void tell_views(const core_event& event, truncation_ptr lost);
  [[nodiscard]] result<log::change_set> stage(const staged_batch& batch, const storage::snapshot& source);
  void finish_verification(const storage::snapshot& source);
  void drop_damaged(std::vector<std::uint64_t> damaged,
                    std::vector<caf::typed_response_promise<repair_report>> promises, std::uint64_t blocks);
  void committed();
  void failed(const error& reason);
  void count(const step& done, std::uint64_t before_bytes);
  void fail_step(step& broken, const error& reason);
  void discard(const std::vector<log::verification>& lost);
  void fail_waiters(const error& reason);
  void answer_waiters();
  void expire_waiters();
  void answer_seeks();
  void answer_fetch(std::uint64_t index, waiting_fetch& waiting, const result<std::optional<shared_bytes>>& block);
  [[nodiscard]] bool has_all(const waiting_download& waiting) const;
  void drop_wish(const waiting_download& waiting);
  [[nodiscard]] result<block_batch> page(log::block_range range, std::uint64_t bytes_max) const;
  [[nodiscard]] const log::block_cipher* cipher() const;
  [[nodiscard]] std::uint64_t padding() const {
    return encryption_ ? log::encryption_padding : 0;
  }
  /// A stored block as callers see it.
  [[nodiscard]] result<shared_bytes> readable(std::uint64_t index, const shared_bytes& stored, bool is_raw) const;
  void arm_timer();
  void publish(const core_event& event);
  [[nodiscard]] core_event event_of(event_kind kind) const;
  void freeze(const replication::conflict_found& fact);
  [[nodiscard]] core_switches switches(std::uint64_t session) const;
  [[nodiscard]] replication::peer_options options_of(const peer_link& link) const;
  void tell_listeners(replication::extension_received fact);
  void digested(replication::peer_id peer);
  void acknowledge(replication::peer_id peer);
  void handle_event(replication::replicator_event& event);
  replication::download_id next_wish();

  surroundings_ptr around_; ///< outlives everything below
  self_pointer self_ = nullptr;
  log::core_state log_;
  boxed<key_pair> keys_;
  bool are_keys_known_ = false;

  std::list<pending_write> writes_;
  std::vector<log::verification> verified_;
  boxed<replication::reorg> reorg_;
  boxed<log::core_header> new_header_;
  boxed<bytes> new_evidence_; ///< to be kept together with it
  std::vector<caf::typed_response_promise<core_record>> header_waiters_;
  boxed<step> in_flight_;

  lazy_replicator replicator_;
  on_demand<session_links> links_;

  on_demand<waiting_callers> waiting_;
  std::optional<replication::download_id> mirror_wish_;
  std::optional<replication::download_id> fence_wish_; ///< what was written after the backup
  std::uint64_t wishes_ = 0;
  std::vector<event_sink> sinks_;
  boxed<verify_progress> verifying_;

  /// What blocks are encrypted with; the schedule may depend on a manifest that is not known yet.
  struct encryption {
    hash32 key;
    std::optional<log::key_schedule> schedule; ///< nothing: as the core's key demands
    mutable std::optional<log::block_cipher> cipher;
    mutable log::key_schedule used = log::key_schedule::current;
  };
  boxed<encryption> encryption_;

  struct extension_listener {
    std::string name;
    extension_sink sink;
    bool is_of_store = false; ///< then it does not keep the core in memory
  };

  /// Extension messages of one peer that listeners still have, and inputs that its session counts meanwhile.
  struct undigested {
    std::size_t events = 0;
    std::uint32_t inputs = 0;
  };

  struct switch_states {
    bool may_upload = true;
    bool may_download = true;
    bool allows_push = false;
    bool is_push_only = false;
    friend bool operator==(const switch_states&, const switch_states&) = default;
  };

  /// What most cores do without: extensions, and switches that are not as they were.
  struct beside_state {
    std::vector<extension_listener> listeners;
    std::map<replication::peer_id, undigested> waiting;
    switch_states switches;

    /// Only what listens to the whole store, if anything.
    [[nodiscard]] bool is_idle() const;
  };
  on_demand<beside_state> beside_;
  bool is_held_ = false; ///< an owner wants the core
  boxed<hash32> group_;  ///< topic of the group that it is in

  boxed<log::bitfield> marks_;
  std::vector<local_checkout_actor> views_;

  std::uint64_t timer_due_ms_ = 0; ///< 0 = no timer is armed
  std::optional<caf::error> ending_;

  core_share share_;
  std::uint64_t news_until_ms_ = 0; ///< peers may not have heard yet of what was learned from another one
  caf::actor_addr quiet_listener_;  ///< a store that wants this core to leave the memory
};

/// The actor around it. All cores share one set of handlers (two kilobytes that each would have otherwise); the state
/// that they act on is that of the core whose turn it is.
class core final : public caf::stateful_actor<core_state, local_core_actor::base> {
public:
  core(caf::actor_config& config, core_arguments arguments);

  local_core_actor::behavior_type make_behavior() override;
  resume_result resume(caf::execution_unit* unit, std::size_t throughput_max) override;
};

/// The record of a core that is not loaded.
core_record make_record(const log::core_header& header, const log::tree_head& head, std::uint64_t contiguous_length);

/// The same as it is stored now.
result<core_record> make_record(const log::core_header& header, const storage::snapshot& source);

} // namespace corestore::actors
