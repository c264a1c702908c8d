#include "http/record_json.hpp"

#include "base/text.hpp"

namespace corestore::http {

json to_json(const core_record& record) {
  json value{{"key", text::to_hex(record.key.view())},
             {"discoveryKey", text::to_hex(record.discovery.view())},
             {"generation", record.generation},
             {"length", record.length},
             {"byteLength", record.byte_length},
             {"fork", record.fork},
             {"contiguousLength", record.contiguous_length},
             {"remoteContiguousLength", record.remote_contiguous_length},
             {"writable", record.writable},
             {"active", record.active},
             {"peers", record.peers},
             {"treeHash", text::to_hex(record.tree_hash.view())},
             {"mirrored", record.mirrored}};
  if (!record.name.empty())
    value["name"] = record.name;
  if (record.is_encrypted)
    value["encrypted"] = true;
  if (record.is_frozen)
    value["frozen"] = true;
  if (record.is_fenced)
    value["fenced"] = true;
  if (!record.group.empty())
    value["group"] = text::to_hex(record.group);
  if (!record.manifest.empty())
    value["manifest"] = text::to_hex(record.manifest);
  return value;
}

json to_json(const store_record& record) {
  return {{"cores", record.cores_known},
          {"coresLoaded", record.cores_loaded},
          {"sessions", record.sessions},
          {"usedBytes", record.used_bytes},
          {"limitBytes", record.limit_bytes},
          {"fileBytes", record.file_bytes},
          {"quotaBytes", record.quota_bytes},
          {"evictedBytes", record.bytes_evicted},
          {"restored", record.is_restored},
          {"scrub",
           {{"passes", record.scrub_passes},
            {"blocks", record.scrub_blocks},
            {"bytes", record.scrub_bytes},
            {"faults", record.scrub_faults},
            {"repaired", record.scrub_repaired},
            {"damaged", record.scrub_damaged}}},
          {"commits", record.commits},
          {"refusals", record.refusals},
          {"durability", record.durability},
          {"version", record.version},
          {"blocksAppended", record.blocks_appended},
          {"bytesAppended", record.bytes_appended},
          {"blocksDownloaded", record.blocks_downloaded},
          {"bytesDownloaded", record.bytes_downloaded},
          {"blocksUploaded", record.blocks_uploaded},
          {"bytesUploaded", record.bytes_uploaded},
          {"changeSets", record.change_sets},
          {"commitMicros", record.commit_us},
          {"queueMicros", record.queue_us},
          {"cache",
           {{"active", record.cores_active},
            {"idle", record.cores_idle},
            {"passive", record.cores_passive},
            {"references", record.references},
            {"activeLimit", record.active_limit},
            {"passiveLimit", record.passive_limit},
            {"hits", record.cache_hits},
            {"misses", record.cache_misses},
            {"evictions", record.evictions}}},
          {"actors", record.actors},
          {"sessionsOpen", record.sessions_open},
          {"sessionsHandshake", record.sessions_handshake},
          {"sessionsDialling", record.sessions_dialling},
          {"sessionsWithoutUpload", record.sessions_without_upload},
          {"sessionsWithoutDownload", record.sessions_without_download},
          {"reusableBytes", record.free_bytes},
          {"readers", record.readers},
          {"oldestReaderCommits", record.oldest_reader_lag},
          {"bans", record.bans}};
}

json to_json(const peer_record& record) {
  return {{"id", record.id},
          {"address", record.address},
          {"state", record.state},
          {"publicKey", record.public_key.empty() ? json(nullptr) : json(record.public_key)},
          {"initiator", record.is_initiator},
          {"channels", record.channels},
          {"bytesIn", record.bytes_in},
          {"bytesOut", record.bytes_out},
          {"upload", record.may_upload},
          {"download", record.may_download},
          {"requests", record.requests},
          {"strikes", record.strikes},
          {"throttled", record.is_throttled}};
}

json to_json(const ban_record& record) {
  return {{"subject", record.subject}, {"reason", record.reason}, {"leftMs", record.left_ms}};
}

json to_json(const guard_totals& guards) {
  auto refused = json::object();
  for (std::size_t why = 0; why < guard_totals::refusal_names.size(); ++why) {
    std::uint64_t sum = 0;
    for (const auto& source : guards.sources())
      sum += source->refused.at(why);
    refused[std::string{guard_totals::refusal_names.at(why)}] = sum;
  }
  auto throttled = json::object();
  for (std::size_t limit = 0; limit < guard_totals::throttle_names.size(); ++limit)
    throttled[std::string{guard_totals::throttle_names.at(limit)}] = guards.throttled.at(limit).load();
  return {{"refused", std::move(refused)},
          {"throttled", std::move(throttled)},
          {"requests", guards.requests.load()},
          {"strikes", guards.strikes.load()},
          {"bans", guards.bans.load()},
          {"connectionSwitches", guards.connection_switches.load()},
          {"coreSwitches", guards.core_switches.load()}};
}

json to_json(const core_peer_record& record) {
  return {{"session", record.session},
          {"address", record.address},
          {"publicKey", record.public_key},
          {"length", record.length},
          {"fork", record.fork},
          {"contiguousLength", record.contiguous_length},
          {"inFlight", record.in_flight},
          {"blocksUploaded", record.blocks_up},
          {"bytesUploaded", record.bytes_up},
          {"blocksDownloaded", record.blocks_down},
          {"bytesDownloaded", record.bytes_down},
          {"upload", record.may_upload},
          {"download", record.may_download},
          {"remoteUploading", record.is_uploading},
          {"remoteDownloading", record.is_downloading},
          {"remoteAllowsPush", record.allows_push},
          {"paused", record.is_paused}};
}

json to_json(const core_switches& switches) {
  auto is_on = [](toggle which) {
    return which == toggle::on;
  };
  return {{"upload", is_on(switches.upload)},
          {"download", is_on(switches.download)},
          {"allowPush", is_on(switches.allow_push)},
          {"pushOnly", is_on(switches.push_only)},
          {"session", switches.session}};
}

json to_json(const group_update& update) {
  return {{"position", update.position},
          {"key", text::to_hex(update.key.view())},
          {"discoveryKey", text::to_hex(update.discovery.view())},
          {"length", update.length},
          {"fork", update.fork}};
}

json to_json(const append_result& committed) {
  return {{"length", committed.length}, {"byteLength", committed.byte_length}};
}

json to_json(const extension_event& event) {
  return {{"key", text::to_hex(event.key.view())},
          {"discoveryKey", text::to_hex(event.discovery.view())},
          {"name", event.name},
          {"session", event.session},
          {"publicKey", event.public_key},
          {"value", text::to_base64(event.payload)}};
}

std::string to_line(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

} // namespace corestore::http
