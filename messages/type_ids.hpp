// Everything that may travel between CAF nodes, registered by one call. The registered names are part of the node
// protocol: keep them.
#pragma once

#include <string>
#include <vector>

#include <caf/actor_system_config.hpp>
#include <caf/atom.hpp>
#include <caf/type_id.hpp>

#include "messages/core_types.hpp"
#include "messages/errors.hpp"
#include "messages/store_types.hpp"
#include "messages/types.hpp"

CAF_BEGIN_TYPE_ID_BLOCK(corestore, caf::first_custom_type_id)

CAF_ADD_TYPE_ID(corestore, (corestore::append_result))
CAF_ADD_TYPE_ID(corestore, (corestore::archive_page))
CAF_ADD_TYPE_ID(corestore, (corestore::archive_request))
CAF_ADD_TYPE_ID(corestore, (corestore::ban_record))
CAF_ADD_TYPE_ID(corestore, (std::vector<corestore::ban_record>))
CAF_ADD_TYPE_ID(corestore, (corestore::block_batch))
CAF_ADD_TYPE_ID(corestore, (corestore::bytes))
CAF_ADD_TYPE_ID(corestore, (corestore::checkout_request))
CAF_ADD_TYPE_ID(corestore, (corestore::clear_result))
CAF_ADD_TYPE_ID(corestore, (corestore::conflict_record))
CAF_ADD_TYPE_ID(corestore, (corestore::connection_switches))
CAF_ADD_TYPE_ID(corestore, (corestore::core_event))
CAF_ADD_TYPE_ID(corestore, (corestore::core_key))
CAF_ADD_TYPE_ID(corestore, (corestore::core_peer_record))
CAF_ADD_TYPE_ID(corestore, (std::vector<corestore::core_peer_record>))
CAF_ADD_TYPE_ID(corestore, (corestore::core_record))
CAF_ADD_TYPE_ID(corestore, (corestore::core_selector))
CAF_ADD_TYPE_ID(corestore, (corestore::core_stats))
CAF_ADD_TYPE_ID(corestore, (corestore::core_switches))
CAF_ADD_TYPE_ID(corestore, (corestore::dial_request))
CAF_ADD_TYPE_ID(corestore, (corestore::discovery_key))
CAF_ADD_TYPE_ID(corestore, (corestore::download_request))
CAF_ADD_TYPE_ID(corestore, (corestore::extension_event))
CAF_ADD_TYPE_ID(corestore, (corestore::extension_message))
CAF_ADD_TYPE_ID(corestore, (corestore::fetch_request))
CAF_ADD_TYPE_ID(corestore, (corestore::group_page))
CAF_ADD_TYPE_ID(corestore, (corestore::group_request))
CAF_ADD_TYPE_ID(corestore, (corestore::hash32))
CAF_ADD_TYPE_ID(corestore, (corestore::indexed_block))
CAF_ADD_TYPE_ID(corestore, (corestore::key_pair))
CAF_ADD_TYPE_ID(corestore, (corestore::list_request))
CAF_ADD_TYPE_ID(corestore, (corestore::peer_record))
CAF_ADD_TYPE_ID(corestore, (std::vector<corestore::peer_record>))
CAF_ADD_TYPE_ID(corestore, (corestore::record_page))
CAF_ADD_TYPE_ID(corestore, (corestore::repair_report))
CAF_ADD_TYPE_ID(corestore, (corestore::replicate_request))
CAF_ADD_TYPE_ID(corestore, (corestore::seek_position))
CAF_ADD_TYPE_ID(corestore, (corestore::shared_bytes))
CAF_ADD_TYPE_ID(corestore, (std::vector<corestore::shared_bytes>))
CAF_ADD_TYPE_ID(corestore, (corestore::space_report))
CAF_ADD_TYPE_ID(corestore, (corestore::store_event))
CAF_ADD_TYPE_ID(corestore, (corestore::store_record))
CAF_ADD_TYPE_ID(corestore, (corestore::user_value))
CAF_ADD_TYPE_ID(corestore, (corestore::verify_report))

// alphabetical; ten characters at most
CAF_ADD_ATOM(corestore, corestore, append_atom, "append")
CAF_ADD_ATOM(corestore, corestore, attach_atom, "attach")
CAF_ADD_ATOM(corestore, corestore, backup_atom, "backup")
CAF_ADD_ATOM(corestore, corestore, ban_atom, "ban")
CAF_ADD_ATOM(corestore, corestore, cancel_atom, "cancel")
CAF_ADD_ATOM(corestore, corestore, checkout_atom, "checkout")
CAF_ADD_ATOM(corestore, corestore, clear_atom, "clear")
CAF_ADD_ATOM(corestore, corestore, close_atom, "close")
CAF_ADD_ATOM(corestore, corestore, commit_atom, "commit")
CAF_ADD_ATOM(corestore, corestore, compact_atom, "compact")
CAF_ADD_ATOM(corestore, corestore, derive_atom, "derive")
CAF_ADD_ATOM(corestore, corestore, detach_atom, "detach")
CAF_ADD_ATOM(corestore, corestore, dial_atom, "dial")
CAF_ADD_ATOM(corestore, corestore, download_atom, "download")
CAF_ADD_ATOM(corestore, corestore, encrypt_atom, "encrypt")
CAF_ADD_ATOM(corestore, corestore, enter_atom, "enter")
CAF_ADD_ATOM(corestore, corestore, evidence_atom, "evidence")
CAF_ADD_ATOM(corestore, corestore, evict_atom, "evict")
CAF_ADD_ATOM(corestore, corestore, export_atom, "export")
CAF_ADD_ATOM(corestore, corestore, extend_atom, "extend")
CAF_ADD_ATOM(corestore, corestore, fence_atom, "fence")
CAF_ADD_ATOM(corestore, corestore, fetch_atom, "fetch")
CAF_ADD_ATOM(corestore, corestore, find_atom, "find")
CAF_ADD_ATOM(corestore, corestore, flush_atom, "flush")
CAF_ADD_ATOM(corestore, corestore, found_atom, "found")
CAF_ADD_ATOM(corestore, corestore, grant_atom, "grant")
CAF_ADD_ATOM(corestore, corestore, group_atom, "group")
CAF_ADD_ATOM(corestore, corestore, hangup_atom, "hangup")
CAF_ADD_ATOM(corestore, corestore, has_atom, "has")
CAF_ADD_ATOM(corestore, corestore, hash_atom, "hash")
CAF_ADD_ATOM(corestore, corestore, import_atom, "import")
CAF_ADD_ATOM(corestore, corestore, info_atom, "info")
CAF_ADD_ATOM(corestore, corestore, internal_atom, "internal")
CAF_ADD_ATOM(corestore, corestore, join_atom, "join")
CAF_ADD_ATOM(corestore, corestore, leave_atom, "leave")
CAF_ADD_ATOM(corestore, corestore, list_atom, "list")
CAF_ADD_ATOM(corestore, corestore, loaded_atom, "loaded")
CAF_ADD_ATOM(corestore, corestore, mark_atom, "mark")
CAF_ADD_ATOM(corestore, corestore, mirror_atom, "mirror")
CAF_ADD_ATOM(corestore, corestore, open_atom, "open")
CAF_ADD_ATOM(corestore, corestore, park_atom, "park")
CAF_ADD_ATOM(corestore, corestore, peers_atom, "peers")
CAF_ADD_ATOM(corestore, corestore, prepare_atom, "prepare")
CAF_ADD_ATOM(corestore, corestore, purge_atom, "purge")
CAF_ADD_ATOM(corestore, corestore, push_atom, "push")
CAF_ADD_ATOM(corestore, corestore, put_atom, "put")
CAF_ADD_ATOM(corestore, corestore, read_atom, "read")
CAF_ADD_ATOM(corestore, corestore, repair_atom, "repair")
CAF_ADD_ATOM(corestore, corestore, replicate_atom, "replicate")
CAF_ADD_ATOM(corestore, corestore, resume_atom, "resume")
CAF_ADD_ATOM(corestore, corestore, retract_atom, "retract")
CAF_ADD_ATOM(corestore, corestore, seek_atom, "seek")
CAF_ADD_ATOM(corestore, corestore, send_atom, "send")
CAF_ADD_ATOM(corestore, corestore, shutdown_atom, "shutdown")
CAF_ADD_ATOM(corestore, corestore, signable_atom, "signable")
CAF_ADD_ATOM(corestore, corestore, stats_atom, "stats")
CAF_ADD_ATOM(corestore, corestore, subscribe_atom, "subscribe")
CAF_ADD_ATOM(corestore, corestore, suspend_atom, "suspend")
CAF_ADD_ATOM(corestore, corestore, sweep_atom, "sweep")
CAF_ADD_ATOM(corestore, corestore, switch_atom, "switch")
CAF_ADD_ATOM(corestore, corestore, sync_atom, "sync")
CAF_ADD_ATOM(corestore, corestore, tick_atom, "tick")
CAF_ADD_ATOM(corestore, corestore, truncate_atom, "truncate")
CAF_ADD_ATOM(corestore, corestore, unsub_atom, "unsub")
CAF_ADD_ATOM(corestore, corestore, unwatch_atom, "unwatch")
CAF_ADD_ATOM(corestore, corestore, update_atom, "update")
CAF_ADD_ATOM(corestore, corestore, verify_atom, "verify")
CAF_ADD_ATOM(corestore, corestore, wake_atom, "wake")
CAF_ADD_ATOM(corestore, corestore, watch_atom, "watch")
CAF_ADD_ATOM(corestore, corestore, write_atom, "write")

CAF_END_TYPE_ID_BLOCK(corestore)

namespace corestore::messages {

/// Makes every message of every interface known to an actor system, and its errors readable. Call it in the
/// configuration's constructor.
void register_types(caf::actor_system_config& config);

} // namespace corestore::messages
