#include "http/metrics.hpp"

#include <unistd.h>

#include <sys/resource.h>
#include <sys/statvfs.h>

#include "base/text.hpp"
#include "http/metrics_text.hpp"

namespace corestore::http {

namespace {

double real(std::uint64_t value) {
  return static_cast<double>(value);
}

void add_cores(metrics_text& out, const store_record& store) {
  out.family("corestore_cores", "gauge", "Cores by state: known to the store, or in memory and held, idle or passive.")
    .sample(real(store.cores_known), {{"state", "known"}})
    .sample(real(store.cores_active), {{"state", "active"}})
    .sample(real(store.cores_idle), {{"state", "idle"}})
    .sample(real(store.cores_passive), {{"state", "passive"}});
  out.gauge("corestore_core_references", "Openings of cores that were not closed yet.", real(store.references));
  out.family("corestore_cache_limit", "gauge", "Cores without an owner that may stay in memory.")
    .sample(real(store.active_limit), {{"cache", "active"}})
    .sample(real(store.passive_limit), {{"cache", "passive"}});
  out.counter("corestore_cache_hits_total", "Openings that found the core in memory.", real(store.cache_hits));
  out.counter("corestore_cache_misses_total", "Openings that loaded the core.", real(store.cache_misses));
  out.counter("corestore_cache_evictions_total", "Cores that left the memory.", real(store.evictions));
  out.gauge("corestore_actors", "Actors alive in the process.", real(store.actors));
  out.family("corestore_actors_by_state", "gauge", "Actors of cores and connections, by what they are about.")
    .sample(real(store.cores_active), {{"actor", "core"}, {"state", "active"}})
    .sample(real(store.cores_idle), {{"actor", "core"}, {"state", "idle"}})
    .sample(real(store.cores_passive), {{"actor", "core"}, {"state", "passive"}})
    .sample(real(store.sessions_open), {{"actor", "session"}, {"state", "open"}})
    .sample(real(store.sessions_handshake), {{"actor", "session"}, {"state", "handshake"}})
    .sample(real(store.sessions_dialling), {{"actor", "connector"}, {"state", "dialling"}});
}

void add_mailboxes(metrics_text& out, const mailbox_totals& mailboxes) {
  out.family(
    "corestore_mailbox_age_seconds", "gauge",
    "Age of the oldest message that waited lately for an actor; of connections and cores as their timers see it.");
  for (std::size_t kind = 0; kind < mailbox_totals::names.size(); ++kind)
    out.sample(real(mailboxes.age_us.at(kind)) / 1e6, {{"actor", mailbox_totals::names.at(kind)}});
  out.family("corestore_mailbox_late_total", "counter", "Times that this passed the limit for a warning.");
  for (std::size_t kind = 0; kind < mailbox_totals::names.size(); ++kind)
    out.sample(real(mailboxes.late.at(kind)), {{"actor", mailbox_totals::names.at(kind)}});
}

void add_traffic(metrics_text& out, const store_record& store) {
  out.counter("corestore_appended_blocks_total", "Blocks appended here.", real(store.blocks_appended));
  out.counter("corestore_appended_bytes_total", "Bytes appended here.", real(store.bytes_appended));
  out.gauge("corestore_sessions", "Connections to peers.", real(store.sessions));
  out.counter("corestore_refusals_total", "Connections cut off because their peer broke a rule.", real(store.refusals));
}

void add_writer(metrics_text& out, const store_record& store, const core_totals& totals) {
  out.counter("corestore_commits_total", "Transactions that were committed.", real(store.commits));
  out.counter("corestore_change_sets_total", "Change sets in these; by commits, the mean size of a group.",
              real(store.change_sets));
  out.counter("corestore_queue_seconds_total", "Time that change sets waited for their commit, summed up.",
              real(store.queue_us) / 1e6);
  const metrics_text::labels durability = {{"durability", store.durability}};
  out.times("corestore_append_duration_seconds", "From an append's arrival at its core to its answer.",
            totals.append_us, durability);
  out.times("corestore_commit_duration_seconds", "Time of a commit, with its sync if the durability asks for one.",
            totals.commit_us, durability);
  out.times("corestore_queue_age_seconds", "Age of a change set when its commit began.", totals.queue_us, durability);
  out.sizes("corestore_group_size", "Change sets of one commit.", totals.group_count);
}

void add_disk(metrics_text& out, const store_record& store, const disk_space& disk) {
  out.gauge("corestore_lmdb_used_bytes", "Bytes of the pages in use.", real(store.used_bytes));
  out.gauge("corestore_lmdb_limit_bytes", "Bytes that the database may grow to.", real(store.limit_bytes));
  auto free = store.limit_bytes > store.used_bytes ? store.limit_bytes - store.used_bytes : 0;
  out.gauge("corestore_lmdb_free_bytes", "Bytes that it may still grow by.", real(free));
  out.gauge("corestore_lmdb_reusable_bytes", "Bytes of pages in the file that were given back and wait for new use.",
            real(store.free_bytes));
  out.gauge("corestore_lmdb_readers", "Snapshots that are open.", real(store.readers));
  out.gauge("corestore_lmdb_oldest_reader_commits",
            "Commits since the oldest open snapshot began; pages freed since then cannot be used again.",
            real(store.oldest_reader_lag));
  out.gauge("hypercore_filesystem_size_bytes", "Size of the file system that holds the store.", real(disk.size));
  out.gauge("hypercore_filesystem_avail_bytes", "Bytes available on it.", real(disk.available));
}

void add_guards(metrics_text& out, const store_record& store, const guard_totals& guards) {
  auto sources = guards.sources();
  out.family("corestore_connections_accepted_total", "counter", "Connections let in, by the listener they came to.");
  for (const auto& source : sources)
    out.sample(real(source->accepted), {{"listener", source->name}});
  out.family("corestore_connections_refused_total", "counter",
             "Connections turned away or ended, and channels refused, by listener and reason.");
  for (const auto& source : sources)
    for (std::size_t why = 0; why < guard_totals::refusal_names.size(); ++why)
      out.sample(real(source->refused.at(why)),
                 {{"listener", source->name}, {"reason", guard_totals::refusal_names.at(why)}});
  out.family("corestore_throttled_total", "counter", "Times that a peer had to wait, by the limit it was at.");
  for (std::size_t limit = 0; limit < guard_totals::throttle_names.size(); ++limit)
    out.sample(real(guards.throttled.at(limit)), {{"limit", guard_totals::throttle_names.at(limit)}});
  out.counter("corestore_peer_requests_total", "Requests that peers sent.", real(guards.requests));
  out.counter("corestore_strikes_total", "Rules of the protocol that peers broke.", real(guards.strikes));
  out.counter("corestore_bans_total", "Bans that were imposed.", real(guards.bans));
  out.family("corestore_switches_total", "counter", "Times that upload or download was switched, by what was switched.")
    .sample(real(guards.connection_switches), {{"of", "connection"}})
    .sample(real(guards.core_switches), {{"of", "core"}});
  out.family("corestore_sessions_without", "gauge", "Open connections over which one direction is switched off.")
    .sample(real(store.sessions_without_upload), {{"direction", "upload"}})
    .sample(real(store.sessions_without_download), {{"direction", "download"}});
  out.gauge("corestore_bans", "Keys and addresses that are turned away now.", real(store.bans));
}

void add_upkeep(metrics_text& out, const store_record& store) {
  out.gauge("corestore_lmdb_file_bytes", "Size of the database on disk, free pages included.", real(store.file_bytes));
  out.gauge("corestore_quota_bytes", "Bytes that the pages in use may come to; 0 = no quota.", real(store.quota_bytes));
  out.counter("corestore_evicted_blocks_total", "Blocks given up because of the quota.", real(store.blocks_evicted));
  out.counter("corestore_evicted_bytes_total", "Bytes of these.", real(store.bytes_evicted));
  out.counter("corestore_scrub_passes_total", "Walks of the scrub over everything stored.", real(store.scrub_passes));
  out.counter("corestore_scrub_blocks_total", "Blocks that it hashed.", real(store.scrub_blocks));
  out.counter("corestore_scrub_bytes_total", "Bytes that it hashed.", real(store.scrub_bytes));
  out.counter("corestore_scrub_faults_total", "Blocks that were damaged or missing.", real(store.scrub_faults));
  out.counter("corestore_scrub_repaired_total", "Of these, fetched again from a peer.", real(store.scrub_repaired));
  out.gauge("corestore_scrub_damaged_blocks",
            "Damaged blocks that this walk or the last one found, and no peer brought again.",
            real(store.scrub_damaged));
  out.gauge("corestore_restored", "1 when the store came from a backup and cores that are new begin fenced.",
            store.is_restored ? 1 : 0);
}

void add_http(metrics_text& out, const server_counters& http) {
  out.gauge("corestore_http_connections", "HTTP connections.", real(http.connections));
  out.gauge("corestore_http_busy_connections", "Of these, those with a request under way.", real(http.busy));
  out.counter("corestore_http_accepted_total", "HTTP connections that were accepted.", real(http.accepted));
  out.counter("corestore_http_refused_total", "HTTP connections beyond the limit.", real(http.refused));
  out.counter("corestore_http_requests_total", "HTTP requests.", real(http.requests));
  out.counter("corestore_http_failures_total", "HTTP requests answered with a status of 500 or more.",
              real(http.failures));
}

void add_process(metrics_text& out, const store_record& store, double uptime_seconds) {
  out.family("corestore_build_info", "gauge", "The version that runs.").sample(1, {{"version", store.version}});
  out.gauge("corestore_uptime_seconds", "Since the HTTP surface opened.", uptime_seconds);
  rusage used{};
  if (getrusage(RUSAGE_SELF, &used) != 0)
    return;
  auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  out.counter("process_cpu_seconds_total", "CPU time of the process.", seconds(used.ru_utime) + seconds(used.ru_stime));
  out.gauge("corestore_memory_peak_bytes", "Most memory that the process had resident.",
            static_cast<double>(used.ru_maxrss) * 1024);
}

/// The names of the JavaScript exporter; totals are over the cores in memory, as there.
void add_hypercore(metrics_text& out, const store_record& store) {
  out.gauge("hypercore_total_cores", "Cores that the store knows.", real(store.cores_known));
  out.gauge("hypercore_sessions_total", "Openings of cores that were not closed yet.", real(store.references));
  out.counter("hypercore_total_blocks_uploaded", "Blocks sent to peers.", real(store.blocks_uploaded));
  out.counter("hypercore_total_bytes_uploaded", "Bytes of blocks sent to peers.", real(store.bytes_uploaded));
  out.counter("hypercore_total_blocks_downloaded", "Blocks received from peers.", real(store.blocks_downloaded));
  out.counter("hypercore_total_bytes_downloaded", "Bytes of blocks received from peers.", real(store.bytes_downloaded));
}

void add_totals(metrics_text& out, const core_totals& totals) {
  out.gauge("hypercore_total_fully_downloaded_cores", "Cores in memory of which every block is here.",
            real(totals.complete));
  out.gauge("hypercore_total_length", "Lengths of the cores in memory, summed up.", real(totals.blocks));
  out.gauge("hypercore_total_peers", "Peers of the cores in memory, summed up.", real(totals.peers));
  out.counter("hypercore_invalid_data", "Answers of peers that did not verify.", real(totals.invalid_data));
  out.counter("hypercore_invalid_requests", "Requests of peers that nobody could answer.",
              real(totals.invalid_requests));
  for (std::size_t kind = 0; kind < core_totals::message_names.size(); ++kind) {
    auto name = "hypercore_total_wire_" + std::string{core_totals::message_names.at(kind)};
    out.counter(name + "_received", "Replication messages of this kind that came in.", real(totals.received.at(kind)));
    out.counter(name + "_transmitted", "Replication messages of this kind that went out.",
                real(totals.transmitted.at(kind)));
  }
}

} // namespace

disk_space space_of(const std::string& path) {
  struct statvfs found {};
  if (statvfs(path.c_str(), &found) != 0)
    return {};
  return {std::uint64_t{found.f_frsize} * found.f_blocks, std::uint64_t{found.f_frsize} * found.f_bavail};
}

std::string to_top_metrics(const std::vector<top_core>& cores, const std::vector<peer_record>& peers) {
  metrics_text out;
  auto each_core = [&](std::string_view name, std::string_view kind, std::string_view help, auto value) {
    out.family(name, kind, help);
    for (const auto& core : cores)
      out.sample(real(value(core)), {{"key", text::to_hex(core.record.key.view())}, {"name", core.record.name}});
  };
  each_core("corestore_core_length", "gauge", "Blocks of the log.",
            [](const auto& core) { return core.record.length; });
  each_core("corestore_core_bytes", "gauge", "Bytes of the log.",
            [](const auto& core) { return core.record.byte_length; });
  each_core("corestore_core_contiguous_length", "gauge", "Blocks that are here without a gap.",
            [](const auto& core) { return core.record.contiguous_length; });
  each_core("corestore_core_peers", "gauge", "Peers.", [](const auto& core) { return core.record.peers; });
  each_core("corestore_core_uploaded_bytes_total", "counter", "Bytes of blocks sent since it was loaded.",
            [](const auto& core) { return core.stats.bytes_uploaded; });
  each_core("corestore_core_downloaded_bytes_total", "counter", "Bytes of blocks received since it was loaded.",
            [](const auto& core) { return core.stats.bytes_downloaded; });
  auto each_peer = [&](std::string_view name, std::string_view kind, std::string_view help, auto value) {
    out.family(name, kind, help);
    for (const auto& peer : peers)
      out.sample(real(value(peer)),
                 {{"id", std::to_string(peer.id)}, {"address", peer.address}, {"key", peer.public_key}});
  };
  each_peer("corestore_peer_received_bytes_total", "counter", "Bytes that the connection brought.",
            [](const auto& peer) { return peer.bytes_in; });
  each_peer("corestore_peer_sent_bytes_total", "counter", "Bytes that went over it.",
            [](const auto& peer) { return peer.bytes_out; });
  each_peer("corestore_peer_channels", "gauge", "Cores that it carries.",
            [](const auto& peer) { return peer.channels; });
  each_peer("corestore_peer_strikes", "gauge", "Rules that it broke lately.",
            [](const auto& peer) { return peer.strikes; });
  return out.text();
}

std::string to_metrics(const store_record& store, const core_totals& totals, const server_counters& http,
                       const disk_space& disk, double uptime_seconds) {
  metrics_text out;
  add_hypercore(out, store);
  add_totals(out, totals);
  add_cores(out, store);
  add_mailboxes(out, totals.mailboxes);
  add_traffic(out, store);
  add_writer(out, store, totals);
  add_guards(out, store, totals.guards);
  add_disk(out, store, disk);
  add_upkeep(out, store);
  add_http(out, http);
  add_process(out, store, uptime_seconds);
  return out.text();
}

} // namespace corestore::http
