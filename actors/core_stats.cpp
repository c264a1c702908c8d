// What is going on between a core and its peers.
#include <array>

#include <caf/all.hpp>

#include "actors/core.hpp"
#include "replication/statistics.hpp"

namespace corestore::actors {

namespace {

wire_counters by_kind(const replication::wire_statistics& counts,
                      std::uint64_t replication::message_count::*direction) {
  wire_counters result;
  // in the order of the message types on the wire
  const std::array<std::uint64_t*, replication::message_names.size()> targets{
    &result.sync, &result.request, &result.cancel,   &result.data,  &result.no_data,
    &result.want, &result.unwant,  &result.bitfield, &result.range, &result.extension};
  for (std::size_t i = 0; i < targets.size(); ++i)
    *targets[i] = counts.messages[i].*direction;
  return result;
}

} // namespace

std::vector<core_peer_record> core_state::peers() const {
  std::vector<core_peer_record> records;
  const auto& links = links_.look().attached;
  for (const auto& info : replicator_->peers()) {
    auto found = links.find(info.peer);
    if (found == links.end())
      continue;
    const auto& link = found->second;
    core_peer_record record;
    record.session = link.session_id;
    record.address = link.address;
    record.public_key = link.public_key;
    record.length = info.length;
    record.fork = info.fork;
    record.contiguous_length = info.contiguous_length;
    record.in_flight = info.in_flight;
    record.blocks_up = info.counts.blocks_uploaded;
    record.bytes_up = info.counts.bytes_uploaded;
    record.blocks_down = info.counts.blocks_downloaded;
    record.bytes_down = info.counts.bytes_downloaded;
    record.may_upload = info.may_upload;
    record.may_download = info.may_download;
    record.is_paused = info.is_paused;
    record.is_uploading = info.is_uploading;
    record.is_downloading = info.is_downloading;
    record.allows_push = info.allows_push;
    records.push_back(std::move(record));
  }
  return records;
}

core_stats core_state::stats() const {
  auto counts = replicator_->statistics();
  core_stats result;
  result.blocks_uploaded = counts.blocks_uploaded;
  result.bytes_uploaded = counts.bytes_uploaded;
  result.blocks_downloaded = counts.blocks_downloaded;
  result.bytes_downloaded = counts.bytes_downloaded;
  result.received = by_kind(counts, &replication::message_count::received);
  result.transmitted = by_kind(counts, &replication::message_count::transmitted);
  result.hotswaps = counts.hotswaps;
  result.timeouts = counts.timeouts;
  result.backoffs = counts.backoffs;
  result.not_available = counts.not_available;
  result.invalid_data = counts.invalid_data;
  result.invalid_requests = counts.invalid_requests;
  result.is_verifying = verifying_.has_value();
  if (verifying_)
    result.blocks_verified = verifying_->report.blocks;
  return result;
}

} // namespace corestore::actors
