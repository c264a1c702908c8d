// All typed interfaces that outsiders use. Shared abilities first, then the actors from the outside in.
#pragma once

#include <cstdint>
#include <vector>

#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include "messages/type_ids.hpp"

namespace corestore {

/// Whoever wants to hear of a core.
using event_sink = caf::typed_actor<
  // something happened to a core this sink subscribed to
  caf::reacts_to<core_event>>;

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
  caf::replies_to<unsub_atom, event_sink>::with<bool>>;

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

/// One store: many cores under one primary key.
using store_actor = caf::typed_actor<
  // open or create a core. not_found, key_mismatch, bad_argument, store_closed
  caf::replies_to<open_atom, core_selector>::with<opened_core>,
  // what is known of a core, without loading it. not_found
  caf::replies_to<info_atom, core_selector>::with<core_record>,
  // a page of records
  caf::replies_to<list_atom, list_request>::with<record_page>,
  // counts and sizes
  caf::replies_to<info_atom>::with<store_record>,
  // the connections
  caf::replies_to<peers_atom>::with<std::vector<peer_record>>>;

} // namespace corestore

CAF_BEGIN_TYPE_ID_BLOCK(corestore_handles, caf::id_block::corestore::end)

CAF_ADD_TYPE_ID(corestore_handles, (corestore::core_actor))
CAF_ADD_TYPE_ID(corestore_handles, (corestore::event_sink))
CAF_ADD_TYPE_ID(corestore_handles, (corestore::opened_core))
CAF_ADD_TYPE_ID(corestore_handles, (corestore::store_actor))

CAF_END_TYPE_ID_BLOCK(corestore_handles)
