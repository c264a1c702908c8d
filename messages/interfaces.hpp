// All typed interfaces that outsiders use. Shared abilities first, then the actors from the outside in.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include "messages/type_ids.hpp"

namespace corestore {

/// Whoever wants to hear of a core.
using event_sink = caf::typed_actor<
  // something happened to a core this sink subscribed to
  caf::reacts_to<core_event>>;

/// Whoever wants to hear what peers say beside the log.
using extension_sink = caf::typed_actor<
  // a message of an extension that this sink listens to. Answer when it is digested: a peer whose messages wait is
  // not listened to any further
  caf::replies_to<extension_event>::with<bool>>;

/// A core as it was at one moment, or (a batch) with changes that nobody else sees until they are flushed. It ends when
/// it is closed or flushed.
using checkout_actor = caf::typed_actor<
  // one block; of a batch also one that is staged, else asking peers for as long as the wait lasts.
  // block_not_available (also when it was truncated away), timed_out
  caf::replies_to<fetch_atom, std::uint64_t, std::uint64_t>::with<shared_bytes>,
  // blocks of [start, end) that are here, in order up to the first gap and at most so many bytes (one block at least)
  caf::replies_to<read_atom, std::uint64_t, std::uint64_t, std::uint64_t>::with<block_batch>,
  // the record, with length, byte length, fork and tree hash of this view
  caf::replies_to<info_atom>::with<core_record>,
  // append to a batch; the size of the batch. read_only, limit_exceeded
  caf::replies_to<append_atom, std::vector<shared_bytes>>::with<append_result>,
  // shorten a batch, also below where it began; flushing it is a truncation then. read_only, bad_argument
  caf::replies_to<truncate_atom, std::uint64_t>::with<append_result>,
  // the bytes that a signer of this view has to sign
  caf::replies_to<signable_atom>::with<bytes>,
  // make a batch the log, signed here or (not empty) with that signature. stale_base when the log has changed,
  // invalid_signature, not_writable
  caf::replies_to<flush_atom, bytes>::with<append_result>,
  // drop it
  caf::replies_to<close_atom>::with<bool>>;

/// One open hypercore. Every wait is in milliseconds; 0 does not wait.
using core_actor = caf::typed_actor<
  // append blocks as one batch; answered after the commit. not_writable, bad_argument, storage_full
  caf::replies_to<append_atom, std::vector<shared_bytes>>::with<append_result>,
  // one block, asking peers for as long as the wait lasts. block_not_available, timed_out
  caf::replies_to<fetch_atom, std::uint64_t, std::uint64_t>::with<shared_bytes>,
  // stored blocks of [start, end) in order up to the first gap and at most so many bytes (one block at least)
  caf::replies_to<read_atom, std::uint64_t, std::uint64_t, std::uint64_t>::with<block_batch>,
  // whether all blocks of [start, end) are stored
  caf::replies_to<has_atom, std::uint64_t, std::uint64_t>::with<bool>,
  // the record
  caf::replies_to<info_atom>::with<core_record>,
  // ask peers for a longer log; true when something changed within the wait
  caf::replies_to<update_atom, std::uint64_t>::with<bool>,
  // fetch all blocks of [start, end) (an end past the length waits for growth); true when all are here in time
  caf::replies_to<download_atom, std::uint64_t, std::uint64_t, std::uint64_t>::with<bool>,
  // keep the core complete and live, also after a restart (or stop doing so)
  caf::replies_to<mirror_atom, bool>::with<core_record>,
  // the block that holds a byte position, asking peers for missing nodes. block_not_available, timed_out
  caf::replies_to<seek_atom, std::uint64_t, std::uint64_t>::with<seek_position>,
  // hash everything stored and compare with the signed head
  caf::replies_to<verify_atom>::with<verify_report>,
  // events from now on, until unsubscribed or dead; answers the record at that moment
  caf::replies_to<subscribe_atom, event_sink>::with<core_record>,
  // no more events
  caf::replies_to<unsub_atom, event_sink>::with<bool>,
  // keep the first blocks only, on another fork (0 = the next one). not_writable, bad_argument, invalid_operation
  caf::replies_to<truncate_atom, std::uint64_t, std::uint64_t>::with<core_record>,
  // give the blocks of [start, end) back, here only; the log stays as it is. bad_argument
  caf::replies_to<clear_atom, std::uint64_t, std::uint64_t>::with<clear_result>,
  // the tree hash of the first blocks. bad_argument; not_found when a node is not stored here
  caf::replies_to<hash_atom, std::uint64_t>::with<hash32>,
  // the peers of this core
  caf::replies_to<peers_atom>::with<std::vector<core_peer_record>>,
  // what is stored of [start, end)
  caf::replies_to<stats_atom, std::uint64_t, std::uint64_t>::with<clear_result>,
  // counters since the core was loaded
  caf::replies_to<stats_atom>::with<core_stats>,
  // keep a value beside the core, never replicated (no bytes: forget it); true when something changed. bad_argument
  caf::replies_to<put_atom, std::string, bytes>::with<bool>,
  // the value kept under a name. bad_argument
  caf::replies_to<fetch_atom, std::string>::with<user_value>,
  // the names of such values, in byte order, those after that one: a page of at most 1,000
  caf::replies_to<list_atom, std::string>::with<std::set<std::string>>,
  // one block, raw or cancellable. block_not_available, timed_out, cancelled
  caf::replies_to<fetch_atom, fetch_request>::with<shared_bytes>,
  // the same as the read above, but waits until block `start` is here (a live read stream asks this again and again);
  // no blocks when it was in vain
  caf::replies_to<read_atom, std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t>::with<block_batch>,
  // fetch a set of blocks; true when all are here in time. cancelled
  caf::replies_to<download_atom, download_request>::with<bool>,
  // end the get or download that the caller gave that token; false when there is none
  caf::replies_to<cancel_atom, std::uint64_t>::with<bool>,
  // encrypt and decrypt with this key from now on (no bytes: stop that), under a log::key_schedule; 255 = whatever
  // suits the core. bad_argument
  caf::replies_to<encrypt_atom, bytes, std::uint8_t>::with<core_record>,
  // the bytes that a signer of the first blocks on that fork has to sign. not_found when a node is not stored here
  caf::replies_to<signable_atom, std::uint64_t, std::uint64_t>::with<bytes>,
  // append blocks as one batch with a signature made elsewhere. invalid_signature, bad_argument
  caf::replies_to<append_atom, std::vector<shared_bytes>, bytes>::with<append_result>,
  // a view of the log as it is now, or a batch on it. bad_argument
  caf::replies_to<checkout_atom, checkout_request>::with<checkout_actor>,
  // flush batches of several cores of this store, all or none; sizes in the order given. As flush
  caf::replies_to<commit_atom, std::vector<checkout_actor>>::with<std::vector<append_result>>,
  // the next sweep keeps [start, end)
  caf::replies_to<mark_atom, std::uint64_t, std::uint64_t>::with<bool>,
  // clear every block that is not marked, and forget the marks
  caf::replies_to<sweep_atom>::with<clear_result>,
  // hash everything stored; what does not match is dropped, so that peers can bring it again
  caf::replies_to<repair_atom>::with<repair_report>,
  // messages of that extension go to this sink from now on, until retracted or dead; false when they did already.
  // bad_argument, limit_exceeded
  caf::replies_to<extend_atom, std::string, extension_sink>::with<bool>,
  // no more of them
  caf::replies_to<retract_atom, std::string, extension_sink>::with<bool>,
  // say something beside the log; to how many peers it went. bad_argument
  caf::replies_to<send_atom, extension_message>::with<std::uint64_t>,
  // send a stored block to the peers that take pushes and lack it; to how many. block_not_available
  caf::replies_to<push_atom, std::uint64_t>::with<std::uint64_t>,
  // change what is not `keep`; answers what is in force. not_found when there is no such session
  caf::replies_to<switch_atom, core_switches>::with<core_switches>,
  // the proof that this log has two histories, kept when it was found
  caf::replies_to<evidence_atom>::with<conflict_record>,
  // the first frame of an archive: what the core is, and its head. not_found when nothing was ever appended
  caf::replies_to<export_atom>::with<bytes>,
  // the frame of the stored blocks from that one on, of about so many bytes (one block at least). stale_base when the
  // log was truncated since the first frame
  caf::replies_to<export_atom, archive_request>::with<archive_page>,
  // take over a frame of an archive; how many blocks are new. key_mismatch, conflict, invalid_signature,
  // invalid_checksum, decoding_failed
  caf::replies_to<import_atom, bytes>::with<std::uint64_t>,
  // append again although no peer has shown that none has more (false lifts the fence of a restored core)
  caf::replies_to<fence_atom, bool>::with<core_record>,
  // put the core into the group of that topic (no bytes: take it out of its group). bad_argument; conflict when it is
  // in another one
  caf::replies_to<group_atom, bytes>::with<core_record>>;

} // namespace corestore

namespace corestore {

/// A core that was opened: the handle and the record at that moment.
struct opened_core {
  core_actor handle;
  core_record record;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& inspector, opened_core& value) {
  return inspector(caf::meta::type_name("opened_core"), value.handle, value.record);
}

/// Whoever wants to hear of a store.
using store_sink = caf::typed_actor<
  // something happened to the store or namespace that this sink watches
  caf::reacts_to<store_event>>;

/// Bytes of a stream between two actors that the other end has not granted again, in each direction, and of one piece.
inline constexpr std::size_t stream_window_bytes = std::size_t{512} << 10U;
inline constexpr std::size_t stream_chunk_bytes_max = std::size_t{64} << 10U;

/// One end of a byte stream between two actors, wherever they are: what a replication runs over when it has no socket.
/// It ends with the other end, or when it is closed.
using stream_end = caf::typed_actor<
  // where the other end is; what this one has to say goes there
  caf::reacts_to<join_atom, caf::strong_actor_ptr>,
  // bytes that follow those before, at most stream_chunk_bytes_max and no more than was granted
  caf::reacts_to<write_atom, shared_bytes>,
  // so many bytes were taken: as many more may be sent
  caf::reacts_to<grant_atom, std::uint64_t>,
  // nothing follows
  caf::reacts_to<close_atom>>;

struct entered_store;
struct replicate_partner;

/// One store: many cores under one primary key; or a namespace of it, which says the same of what was opened in it.
using store_actor = caf::typed_actor<
  // open or create a core, and hold it until closed or dead. not_found, key_mismatch, core_held, bad_argument,
  // store_closed
  caf::replies_to<open_atom, core_selector>::with<opened_core>,
  // give one opening back; false when the caller holds none
  caf::replies_to<close_atom, discovery_key>::with<bool>,
  // what is known of a core, without loading it. not_found
  caf::replies_to<info_atom, core_selector>::with<core_record>,
  // whether a core is in memory; also false when the store does not know it. bad_argument
  caf::replies_to<loaded_atom, core_selector>::with<bool>,
  // erase a core from memory and disk, whoever holds it; what was given back. not_found
  caf::replies_to<purge_atom, core_selector>::with<clear_result>,
  // a page of records
  caf::replies_to<list_atom, list_request>::with<record_page>,
  // a page of the cores of a group, by the last change of each
  caf::replies_to<list_atom, group_request>::with<group_page>,
  // counts and sizes
  caf::replies_to<info_atom>::with<store_record>,
  // the connections, and the addresses that are dialled
  caf::replies_to<peers_atom>::with<std::vector<peer_record>>,
  // the namespace of that name below this one (no name: a random one). store_closed
  caf::replies_to<enter_atom, std::string>::with<entered_store>,
  // the key pair that signs the core of that name
  caf::replies_to<derive_atom, std::string>::with<key_pair>,
  // events from now on, until unwatched or dead
  caf::replies_to<watch_atom, store_sink>::with<bool>,
  // no more events
  caf::replies_to<unwatch_atom, store_sink>::with<bool>,
  // peers are being looked for: updates wait for them until found. Answers a token
  caf::replies_to<find_atom>::with<std::uint64_t>,
  // the search of that token is over
  caf::replies_to<found_atom, std::uint64_t>::with<bool>,
  // keep a connection to an address until hung up: dialled again with back-off. bad_argument, unsupported
  caf::replies_to<dial_atom, std::string>::with<peer_record>,
  // the same with switches
  caf::replies_to<dial_atom, dial_request>::with<peer_record>,
  // replicate over a byte stream with whoever is behind its other end (none yet: join says it later); this side's end.
  // bad_argument, unsupported
  caf::replies_to<replicate_atom, replicate_request, stream_end>::with<stream_end>,
  // replicate with another store, of this actor system or of another node, until hung up or one of them ends.
  // connection_closed, bad_argument, unsupported
  caf::replies_to<replicate_atom, replicate_partner>::with<peer_record>,
  // end a connection, and do not dial again; false when there is none of that id
  caf::replies_to<hangup_atom, std::uint64_t>::with<bool>,
  // switch what may pass over a connection; an address that is dialled keeps it over all its connections. not_found
  caf::replies_to<switch_atom, connection_switches>::with<peer_record>,
  // messages of that extension go to this sink, whichever core of this store or namespace they belong to: those in
  // memory and those that are opened later. As the same of a core
  caf::replies_to<extend_atom, std::string, extension_sink>::with<bool>,
  // no more of them
  caf::replies_to<retract_atom, std::string, extension_sink>::with<bool>,
  // who is turned away for now
  caf::replies_to<ban_atom>::with<std::vector<ban_record>>,
  // turn a Noise key (hex) or an address (without port) away for so many milliseconds; 0 lifts that. False when there
  // was nothing to lift. bad_argument, limit_exceeded
  caf::replies_to<ban_atom, std::string, std::uint64_t>::with<bool>,
  // copy everything as it is now to a new folder of the machine of this store, with true without free pages; the copy
  // is for restoring only. bad_argument when there is something, storage_failed, storage_full
  caf::replies_to<backup_atom, std::string, bool>::with<space_report>,
  // give free pages back to the file system; writes wait meanwhile. storage_failed, storage_full
  caf::replies_to<compact_atom>::with<space_report>,
  // false: cores that are created from now on do not begin fenced, although the store was restored from a backup
  caf::replies_to<fence_atom, bool>::with<bool>,
  // bring everything to the disk and pause all connections
  caf::replies_to<suspend_atom>::with<bool>,
  // go on
  caf::replies_to<resume_atom>::with<bool>,
  // finish what was begun, commit, and close; a second time does no harm. A namespace closes what it opened
  caf::replies_to<close_atom>::with<bool>>;

/// A namespace: an actor like its store, and the id that derives its names.
struct entered_store {
  store_actor handle;
  namespace_id name_space;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& inspector, entered_store& value) {
  return inspector(caf::meta::type_name("entered_store"), value.handle, value.name_space);
}

/// Another store (or namespace), and what may pass.
struct replicate_partner {
  store_actor store;
  replicate_request request;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& inspector, replicate_partner& value) {
  return inspector(caf::meta::type_name("replicate_partner"), value.store, value.request);
}

} // namespace corestore

CAF_BEGIN_TYPE_ID_BLOCK(corestore_handles, caf::id_block::corestore::end)

CAF_ADD_TYPE_ID(corestore_handles, (corestore::checkout_actor))
CAF_ADD_TYPE_ID(corestore_handles, (std::vector<corestore::checkout_actor>))
CAF_ADD_TYPE_ID(corestore_handles, (corestore::core_actor))
CAF_ADD_TYPE_ID(corestore_handles, (corestore::entered_store))
CAF_ADD_TYPE_ID(corestore_handles, (corestore::event_sink))
CAF_ADD_TYPE_ID(corestore_handles, (corestore::extension_sink))
CAF_ADD_TYPE_ID(corestore_handles, (corestore::opened_core))
CAF_ADD_TYPE_ID(corestore_handles, (corestore::replicate_partner))
CAF_ADD_TYPE_ID(corestore_handles, (corestore::store_actor))
CAF_ADD_TYPE_ID(corestore_handles, (corestore::store_sink))
CAF_ADD_TYPE_ID(corestore_handles, (corestore::stream_end))

CAF_END_TYPE_ID_BLOCK(corestore_handles)
