// Interfaces and messages between the actors of one process. They share memory, so they never cross nodes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/typed_actor.hpp>

#include "base/error.hpp"
#include "log/change_set.hpp"
#include "messages/interfaces.hpp"
#include "replication/any_replicator.hpp"
#include "replication/dialect_events.hpp"

namespace corestore::actors {

/// Who opened a core, of all namespaces of a store that are entered: 0 is the store itself.
enum class scope_id : std::uint64_t {};

struct peer_input;
struct peer_output;
struct peer_link;
struct peer_park;
struct parked_core;
struct local_core;
struct staged_batch;
struct truncation;
class open_change;

/// Shared because one request may be repeated by CAF's message; immutable once sent.
using change_set_ptr = std::shared_ptr<const log::change_set>;
using open_change_ptr = std::shared_ptr<open_change>;
using staged_batch_ptr = std::shared_ptr<const staged_batch>;
using truncation_ptr = std::shared_ptr<const truncation>;

} // namespace corestore::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(corestore::actors::scope_id)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(corestore::actors::peer_input)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(corestore::actors::peer_output)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(corestore::actors::peer_link)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(corestore::actors::peer_park)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(corestore::actors::parked_core)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(corestore::actors::local_core)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<corestore::actors::local_core>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(corestore::actors::change_set_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<corestore::actors::change_set_ptr>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(corestore::actors::open_change_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(corestore::actors::staged_batch_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(corestore::actors::truncation_ptr)

namespace corestore::actors {

/// One connection's conversation.
using session_actor = caf::typed_actor<
  // the descriptor can be read (true) or written (false), or its wait failed
  caf::reacts_to<internal_atom, bool>,
  // what a core wants to say to its peer behind this connection
  caf::reacts_to<peer_output>,
  // a core was opened or loaded after the session joined: offer it to the peer
  caf::reacts_to<open_atom, local_core>,
  // a core leaves the memory: keep what it knows of the peer, and confirm with detach
  caf::reacts_to<peer_park>,
  // an input that came too late for a core that leaves the memory
  caf::reacts_to<peer_input>,
  // keep-alive, time limits
  caf::reacts_to<tick_atom>,
  // a limit of rates let go
  caf::reacts_to<internal_atom>,
  // read nothing until told to go on
  caf::reacts_to<suspend_atom>, caf::reacts_to<resume_atom>,
  // answer the peer, and ask it, or not
  caf::replies_to<switch_atom, connection_switches>::with<peer_record>,
  // end the connection
  caf::reacts_to<shutdown_atom>>;

/// Everything that one read brought for one core.
struct peer_input {
  replication::peer_id peer = 0;
  replication::message_batch messages;
};

/// What a core answers to one input, or says on its own.
struct peer_output {
  replication::peer_id peer = 0;
  std::vector<replication::message_batch> batches; ///< each leaves as one corked batch
  std::uint32_t inputs_done = 0;                   ///< inputs of this peer that are digested
  std::size_t queued = 0;                          ///< requests that wait for credit
  bool is_idle = false;                            ///< nobody wants anything: close the channel
  error failure;                                   ///< other than none: cut the connection
};

struct peer_link {
  replication::peer_id peer = 0;
  session_actor session;
  replication::peer_options options;
  replication::peer_options switched;  ///< what switch_atom says of this peer alone
  replication::any_parked_peer parked; ///< what was known of it when the core left the memory
  std::size_t inputs_due = 0;          ///< inputs that follow at once: the core stays until it has them
  std::uint64_t session_id = 0;        ///< peer_record::id
  std::string address;
  std::string public_key; ///< hex
};

/// What a core that leaves the memory knows of one of its peers.
struct peer_park {
  replication::peer_id peer = 0;
  replication::any_parked_peer parked;
};

/// Whether a core leaves the memory, and which sessions keep a channel for it.
struct parked_core {
  bool is_parked = false; ///< false: it is in use, and says when it no longer is
  std::vector<session_actor> sessions;
};

/// A core as the sessions of the same process use it.
using local_core_actor = core_actor::extend<
  // a peer opened this core on a connection; false when the core is just leaving the memory
  caf::replies_to<attach_atom, peer_link>::with<bool>,
  // leave the memory if nothing is under way
  caf::replies_to<park_atom>::with<parked_core>,
  // it said something
  caf::reacts_to<peer_input>,
  // room for that many bytes of answers to it
  caf::reacts_to<flush_atom, std::uint64_t, std::uint64_t>,
  // its connection allows uploads and downloads, or no longer
  caf::reacts_to<switch_atom, std::uint64_t, bool, bool>,
  // it is gone
  caf::reacts_to<detach_atom, std::uint64_t>,
  // an owner holds this core: download, and offer it to peers
  caf::reacts_to<wake_atom>,
  // that session is about to attach a peer: stay until it has
  caf::reacts_to<wake_atom, session_actor>,
  // more became known of it (its keys, its manifest, its name): make that durable. The header's mirror flag is not
  // looked at
  caf::replies_to<open_atom, change_set_ptr>::with<core_record>,
  // keep it complete for now; with true also after a restart
  caf::replies_to<mirror_atom, bool, bool>::with<core_record>,
  // timers
  caf::reacts_to<tick_atom>,
  // one more slice of a verification
  caf::reacts_to<internal_atom, std::uint64_t>,
  // one opening of several brought this encryption key. key_mismatch when the core is read with another one
  caf::replies_to<encrypt_atom, bytes>::with<core_record>,
  // messages of that extension go to a listener of the whole store, which does not keep this core in memory
  caf::reacts_to<extend_atom, std::string, extension_sink, scope_id>,
  // flush a batch
  caf::replies_to<commit_atom, staged_batch_ptr>::with<append_result>,
  // stage a batch for a commit of several cores; nothing else is committed here until it is settled
  caf::replies_to<prepare_atom, staged_batch_ptr>::with<change_set_ptr>,
  // that commit is durable, or failed
  caf::replies_to<flush_atom, bool>::with<append_result>>;

struct local_core {
  local_core_actor handle;
  core_key key;
  corestore::discovery_key discovery;
  log::generation generation = log::generation::g10;
};

/// What a batch wants its core to become.
struct staged_batch {
  local_core_actor core;
  corestore::discovery_key discovery;
  std::uint64_t base_fork = 0; ///< the head that it was begun on
  std::uint64_t base_length = 0;
  std::uint64_t kept = 0;           ///< blocks of that head that stay
  std::vector<shared_bytes> blocks; ///< as they are to be stored
  bytes signature;                  ///< made elsewhere; empty: sign here
  staged_batch_ptr twin;            ///< what the log of the other generation is to become in the same commit
};

/// A log lost blocks that its views may still be asked for.
struct truncation {
  std::uint64_t length = 0; ///< blocks that both histories share
  std::uint64_t fork = 0;   ///< the new one
  std::vector<indexed_block> rescued;
};

/// A view as its core sees it.
using local_checkout_actor = checkout_actor::extend<
  // the log was truncated or reorganised
  caf::reacts_to<internal_atom, truncation_ptr>,
  // what the batch holds, for a commit of several cores
  caf::replies_to<prepare_atom>::with<staged_batch_ptr>>;

/// Who can give up data when the quota is used up.
using room_maker_actor = caf::typed_actor<
  // about so many bytes of cores that nobody here owns, holds or mirrors; what was given up
  caf::replies_to<evict_atom, std::uint64_t>::with<clear_result>>;

/// The one actor that writes; detached.
using writer_actor = caf::typed_actor<
  // make one change set durable; answered with the number of its commit
  caf::replies_to<commit_atom, change_set_ptr>::with<std::uint64_t>,
  // the same, for one that may become longer while it waits
  caf::replies_to<commit_atom, open_change_ptr>::with<std::uint64_t>,
  // make several durable, all or none
  caf::replies_to<commit_atom, std::vector<change_set_ptr>>::with<std::uint64_t>,
  // commit what is queued
  caf::reacts_to<flush_atom>,
  // sync now, and again after the interval
  caf::reacts_to<tick_atom>,
  // everything applied so far becomes durable
  caf::replies_to<sync_atom>::with<bool>,
  // give free pages back to the file system; what arrives meanwhile waits
  caf::replies_to<compact_atom>::with<bool>,
  // false: the store no longer counts as restored
  caf::replies_to<fence_atom, bool>::with<bool>,
  // who is asked before the quota makes a commit fail
  caf::reacts_to<join_atom, room_maker_actor>>;

/// What the connections of one store are made with; it dials, and hangs up.
using network_actor = caf::typed_actor<
  // keep a connection to an address; answers what is known of it now
  caf::replies_to<dial_atom, dial_request, scope_id>::with<peer_record>,
  // replicate over a byte stream, or with another store
  caf::replies_to<replicate_atom, replicate_request, stream_end, scope_id>::with<stream_end>,
  caf::replies_to<replicate_atom, replicate_partner, scope_id>::with<peer_record>,
  // end what was dialled under that id, and do not dial again
  caf::replies_to<hangup_atom, std::uint64_t>::with<bool>,
  // what may pass over the connections of a dialled address, the present one and later ones
  caf::replies_to<switch_atom, connection_switches>::with<peer_record>,
  // pause all dialling, or go on
  caf::reacts_to<suspend_atom>, caf::reacts_to<resume_atom>,
  // end
  caf::reacts_to<shutdown_atom>>;

/// A store as the sessions and namespaces of the same process use it.
using local_store_actor = store_actor::extend<
  // a peer asks for a core: load it when it is known (by the scope of the connection). not_found
  caf::replies_to<wake_atom, corestore::discovery_key, scope_id>::with<local_core>,
  // a connection is up: answers the cores to offer; later ones follow by themselves
  caf::replies_to<join_atom, session_actor, scope_id>::with<std::vector<local_core>>,
  // a core that could not be parked is no longer in use
  caf::reacts_to<park_atom, corestore::discovery_key>,
  // how a connection does; an id that is new registers it
  caf::reacts_to<sync_atom, session_actor, peer_record>,
  // how an address does that is dialled; `state` is empty when it is no longer
  caf::reacts_to<dial_atom, peer_record>,
  // who dials
  caf::reacts_to<join_atom, network_actor>,
  // a connection was cut off because its peer broke a rule
  caf::reacts_to<leave_atom, std::string>,
  // a key or an address was banned, and why
  caf::reacts_to<ban_atom, std::string, std::string>,
  // see room_maker_actor
  caf::replies_to<evict_atom, std::uint64_t>::with<clear_result>,
  // cores of groups changed: see group_board.hpp
  caf::reacts_to<group_atom>,
  // what the scrub found, for those who watch
  caf::reacts_to<store_event>,
  // what namespaces ask on behalf of somebody
  caf::replies_to<open_atom, core_selector, scope_id>::with<opened_core>,
  caf::replies_to<close_atom, corestore::discovery_key, scope_id>::with<bool>,
  caf::replies_to<enter_atom, std::string, scope_id>::with<entered_store>,
  caf::replies_to<derive_atom, std::string, scope_id>::with<key_pair>,
  caf::replies_to<watch_atom, store_sink, scope_id>::with<bool>,
  caf::replies_to<unwatch_atom, store_sink, scope_id>::with<bool>,
  caf::replies_to<extend_atom, std::string, extension_sink, scope_id>::with<bool>,
  caf::replies_to<retract_atom, std::string, extension_sink, scope_id>::with<bool>,
  caf::replies_to<dial_atom, dial_request, scope_id>::with<peer_record>,
  caf::replies_to<replicate_atom, replicate_request, stream_end, scope_id>::with<stream_end>,
  caf::replies_to<replicate_atom, replicate_partner, scope_id>::with<peer_record>,
  caf::replies_to<close_atom, scope_id>::with<bool>,
  // end: cores finish first
  caf::reacts_to<shutdown_atom>>;

} // namespace corestore::actors
