// One connection's conversation: owns the byte stream, the protocol machine and the channels to core actors. It reads,
// decrypts and decodes what one readiness brings, sends each core one message with all of it, and writes what cores
// answer. It reads no further while too much of it is undigested or unsent, so a slow peer slows itself.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <caf/typed_event_based_actor.hpp>

#include "actors/engine.hpp"
#include "actors/local.hpp"
#include "actors/reactor.hpp"
#include "replication/dialect.hpp"

namespace corestore::actors {

struct session_arguments {
  std::uint64_t id = 0; ///< unique in this process
  stream_ptr stream;
  local_store_actor store;
  std::shared_ptr<const engine_settings> settings;
  key_pair identity;
  bool is_initiator = false;
  scope_id scope{};            ///< whose cores are replicated
  std::uint64_t record_id = 0; ///< what the connection is called by; 0 = `id`
  pass_ptr pass;               ///< its place in the books of the guard; null: no limits
  bool may_upload = true;      ///< with the switches of the settings
  bool may_download = true;
  log::generation generation = log::generation::g10; ///< that an initiator speaks; a responder hears it
};

/// Credit that a channel gets at a time.
inline constexpr std::size_t grant_bytes = std::size_t{256} << 10U;

class session_state {
public:
  using self_pointer = session_actor::stateful_pointer<session_state>;

  static inline const char* name = "session";

  void open(self_pointer self, session_arguments arguments);

  void on_ready(bool is_readable);
  void on_output(peer_output output);
  void offer(local_core core);
  void on_tick();
  void pause(bool is_paused);
  /// The cores hear of it; those that left the memory do when they are back.
  peer_record switch_to(const connection_switches& wanted);
  /// A limit of rates let go.
  void on_relief();
  void on_core_down(const caf::actor_addr& address);
  /// A core leaves the memory; what it knew of the peer is kept here.
  void on_park(peer_park& fact);
  /// An input that came too late for a parked core.
  void on_returned(peer_input input);
  /// Ends the connection. A reason that names a broken rule is counted by the store.
  void finish(const error& reason);

private:
  /// How far a channel is with the core behind it.
  enum class stage : std::uint8_t {
    asleep,    ///< the core is not in memory, or does not know of this peer
    waking,    ///< the store was asked for it
    attaching, ///< the core was told of the peer
    attached
  };

  struct channel {
    replication::peer_id peer = 0;
    local_core core; ///< without a handle while the core is not in memory
    session_state::stage stage = session_state::stage::asleep;
    bool is_open = false;   ///< on both sides
    bool is_theirs = false; ///< the peer asked for it
    bool remote_seeks = false;
    bool was_attached = false;
    bool is_granted = false;             ///< credit was given and its answer is not back
    replication::any_parked_peer parked; ///< what the core knew of the peer, while it is not in memory
    std::vector<peer_input> waiting;     ///< inputs for a core that is not attached, in order
    std::uint32_t inputs_out = 0;        ///< inputs that the core has and has not digested
    std::uint32_t returns_due = 0;       ///< of those, the ones that a core hands back because it is parked
    std::uint32_t returned = 0;          ///< at the front of `waiting`
  };

  [[nodiscard]] std::uint64_t now_ms() const;
  void handle(std::vector<replication::connection_event>& events);
  /// Events that our own open(), accept() or reject() caused, then what they want to say.
  void follow_up();
  void answer_request(replication::channel_id id, const local_core& core);
  void on_handshake(const replication::handshake_done& fact);
  void on_requested(const replication::channel_requested& fact);
  using core_listener = std::function<void(const local_core&)>;
  void ask(const corestore::discovery_key& discovery, const core_listener& found, const std::function<void()>& missing);
  void on_opened(const replication::channel_opened& fact);
  void on_closed(const replication::channel_closed& fact);
  void on_messages(replication::channel_id id, replication::message_batch messages);
  [[nodiscard]] bool speaks_of(const local_core& core) const;
  void attach(replication::channel_id id);
  void attached(replication::peer_id peer, bool is_attached);
  void wake(replication::channel_id id);
  void woken(replication::peer_id peer, const local_core& core);
  void lose_core(channel& entry);
  void adopt_core(replication::channel_id id, const local_core& core);
  [[nodiscard]] replication::channel_id find_peer(replication::peer_id peer) const;
  channel& remember(replication::channel_id id, const local_core& core);
  void forget(replication::channel_id id);
  void close_channel(replication::channel_id id);

  void take_output();
  void write();
  void flush();
  void grant_waiting();
  void arm_read();
  void arm_write();
  [[nodiscard]] bool may_read() const;
  void report();
  void arm_tick();
  void punish(const error& reason);
  void turn_away(refusal why);
  void wait_for_relief();
  void note_requests(const replication::message_batch& messages);
  [[nodiscard]] bool may_upload() const {
    return arguments_.may_upload && arguments_.settings->may_upload;
  }
  [[nodiscard]] bool may_download() const {
    return arguments_.may_download && arguments_.settings->may_download;
  }

  self_pointer self_ = nullptr;
  session_arguments arguments_;
  std::optional<replication::conversation> connection_;
  std::unordered_map<replication::channel_id, channel> channels_;
  std::unordered_set<replication::channel_id> requested_; ///< the remote waits for our answer
  std::unordered_map<corestore::discovery_key, replication::channel_id> by_discovery_;
  std::unordered_map<replication::peer_id, replication::channel_id> by_peer_;
  std::uint32_t next_peer_ = 0;

  std::deque<bytes> unsent_;
  std::size_t unsent_offset_ = 0; ///< bytes of the front that are written
  std::size_t unsent_bytes_ = 0;
  std::deque<replication::peer_id> hungry_; ///< channels whose requests wait for credit
  std::size_t granted_bytes_ = 0;           ///< credit that is out

  std::uint32_t inputs_out_ = 0; ///< inputs that cores have not digested yet
  bool is_read_armed_ = false;
  bool is_write_armed_ = false;
  bool is_finished_ = false;
  bool is_paused_ = false;
  std::uint64_t read_again_ms_ = 0;  ///< a limit holds reading back until then
  std::uint64_t write_again_ms_ = 0; ///< and writing
  bool is_relief_due_ = false;
  std::uint64_t last_read_ms_ = 0;
  std::uint64_t tick_due_ms_ = 0;
  peer_record record_;
  bool is_record_new_ = true;
};

session_actor::behavior_type session(session_state::self_pointer self, session_arguments arguments);

} // namespace corestore::actors
