// What do peers need to know: our state, our blocks, and what theirs mean for us.
#include <algorithm>

#include "log/prove.hpp"
#include "replication/replicator_core.hpp"

namespace corestore::replication {

namespace {

constexpr std::size_t gap_words_min = 128;      ///< shorter runs of zero words are not worth a message
constexpr std::size_t small_message_bytes = 32; ///< estimate for messages without content

/// The blocks that `changes` stores, as few ranges as possible.
std::vector<log::block_range> gained(const log::change_set& changes) {
  std::vector<log::block_range> ranges;
  for (const auto& run : changes.runs)
    ranges.push_back({run.first, run.first + run.blocks.size()});
  for (const auto& block : changes.blocks)
    ranges.push_back({block.index, block.index + 1});
  std::sort(ranges.begin(), ranges.end(), [](const auto& left, const auto& right) { return left.start < right.start; });
  std::vector<log::block_range> merged;
  for (const auto& range : ranges) {
    if (!merged.empty() && range.start <= merged.back().end)
      merged.back().end = std::max(merged.back().end, range.end);
    else if (range.start < range.end)
      merged.push_back(range);
  }
  return merged;
}

/// The parts of a bitfield that say something: what is sent follows what is stored, not the length of the log.
std::vector<wire::bitfield> without_gaps(const wire::bitfield& whole) {
  std::vector<wire::bitfield> parts;
  const auto& words = whole.words;
  std::size_t zeros = gap_words_min;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == 0) {
      ++zeros;
      continue;
    }
    if (zeros >= gap_words_min)
      parts.push_back({whole.start + i * 32, {}});
    else
      parts.back().words.resize(parts.back().words.size() + zeros);
    parts.back().words.push_back(words[i]);
    zeros = 0;
  }
  return parts;
}

} // namespace

bool replicator::implementation::can_send_manifest() const {
  return state.manifest && !state.header.manifest.empty() && !log::is_compat(state.header.key, *state.manifest);
}

void replicator::implementation::open_peer(peer& to, const log::log_source& source) {
  if (is_frozen())
    return;
  refresh_upgradable(to, source);
  send_sync(to);
  const auto contiguous = state.contiguous_length();
  if (contiguous > 0)
    post(to, wire::range{.start = 0, .length = contiguous}, small_message_bytes);
}

/// Wire 5.3.1, and up to where blocks of a shorter peer can be proven to us.
void replicator::implementation::refresh_upgradable(peer& of, const log::log_source& source) {
  const auto& head = state.head;
  if (of.provable_fork != head.fork) {
    of.provable_fork = head.fork;
    of.provable_length = 0;
  }
  of.provable_length = std::min(of.provable_length, head.length);
  const auto length = of.theirs.length;
  if (of.theirs.fork != head.fork) {
    of.can_upgrade = false;
    return;
  }
  if (length >= head.length) {
    of.can_upgrade = length == 0;
    of.provable_length = head.length;
    return;
  }
  of.can_upgrade = length == 0 || state.is_complete() || log::has_roots_of(head, source, length).value_or(false);
  if (of.can_upgrade)
    of.provable_length = std::max(of.provable_length, length);
}

void replicator::implementation::send_sync(peer& to) {
  to.is_sync_due = false;
  post(to,
       wire::sync{.fork = state.head.fork,
                  .length = state.head.length,
                  .remote_length = to.theirs.fork == state.head.fork ? to.theirs.length : 0,
                  .can_upgrade = to.can_upgrade,
                  .uploading = to.options.may_upload,
                  .downloading = is_downloading(),
                  .has_manifest = can_send_manifest(),
                  .allow_push = is_allowing_push()},
       small_message_bytes);
}

void replicator::implementation::announce(const log::change_set& changes, bool is_truncated) {
  const auto& head = state.head;
  const auto ranges = gained(changes);
  const bool is_complete = head.length > 0 && state.is_complete();
  const bool is_news = is_complete && complete_announced != head.length;
  for (auto& entry : peers) {
    auto& to = entry.second;
    if (is_truncated && changes.truncate_to) {
      const auto kept = std::min(*changes.truncate_to, changes.base_length);
      post(to, wire::range{true, kept, changes.base_length - kept}, small_message_bytes);
    }
    for (const auto& range : changes.cleared)
      post(to, wire::range{true, range.start, range.end - range.start}, small_message_bytes);
    if (to.is_paused || ranges.empty())
      continue;
    if (is_complete) {
      if (is_news || !to.has.all_set({0, head.length}))
        post(to, wire::range{.start = 0, .length = head.length}, small_message_bytes);
      continue;
    }
    for (const auto& range : ranges) {
      const bool is_tail = range.start + announce_tail_blocks >= head.length;
      if ((is_tail || to.wants.covers(range)) && !to.has.all_set(range))
        post(to, wire::range{.start = range.start, .length = range.end - range.start}, small_message_bytes);
    }
  }
  if (is_complete)
    complete_announced = head.length;
  else if (is_truncated || !changes.cleared.empty())
    complete_announced = 0;
}

void replicator::implementation::on_sync(peer& from, const wire::sync& message, const log::log_source& source) {
  if (message.fork != from.theirs.fork || message.length > from.theirs.length)
    ++from.knowledge;
  from.theirs = message;
  from.is_synced = true;
  from.has.set_length(message.length);
  from.length_acked = message.fork == state.head.fork ? message.remote_length : 0;
  refresh_upgradable(from, source);
  if (!message.downloading && !is_downloading()) {
    out.events.emplace_back(peer_idle{from.id});
    return;
  }
  if (message.fork == state.head.fork && state.head.length > message.length)
    from.is_sync_due = true;
}

void replicator::implementation::on_range(peer& from, const wire::range& message) {
  const log::block_range range{message.start, message.start + message.length};
  if (message.drop) {
    from.has.clear(range);
    return;
  }
  ++from.knowledge;
  from.has.set(range);
  if (message.start == 0 && from.theirs.fork == state.head.fork && message.length > remote_contiguous_best) {
    remote_contiguous_best = message.length;
    out.events.emplace_back(remote_contiguous{message.length});
  }
}

void replicator::implementation::on_bitfield(peer& from, const wire::bitfield& message) {
  ++from.knowledge;
  from.has.assign(message.start, message.words);
}

void replicator::implementation::on_want(peer& from, const wire::want& message) {
  if (!from.wants.add(message))
    return;
  const auto contiguous = state.contiguous_length();
  const auto length = state.head.length;
  const bool is_prefix =
    message.start + message.length < contiguous || contiguous == length || (message.any && message.start < contiguous);
  if (is_prefix) {
    post(from, wire::range{.start = 0, .length = contiguous}, small_message_bytes);
    return;
  }
  const log::block_range range{message.start, std::min(length, message.start + message.length)};
  if (message.any) {
    if (const auto first = state.bits.first_set(range))
      post(from, wire::range{.start = *first, .length = 1}, small_message_bytes);
    return;
  }
  if (message.start >= length)
    return;
  auto& waiting = from.wants.unanswered();
  if (std::find(waiting.begin(), waiting.end(), message) == waiting.end() && waiting.size() < limits::wants_max)
    waiting.push_back(message);
}

/// An empty name repeats the one before it (wire 5.10). What nobody listens to ends here.
void replicator::implementation::on_extension(peer& from, wire::extension message) {
  if (!message.name.empty())
    from.extension_received = std::move(message.name);
  if (extensions.contains(from.extension_received))
    out.events.emplace_back(extension_received{from.id, from.extension_received, std::move(message.payload)});
}

bool replicator::implementation::send_extension(peer& to, const std::string& name, bytes payload) {
  if (to.is_failed)
    return false;
  const auto bytes = payload.size() + name.size() + small_message_bytes;
  post(to, wire::extension{name == to.extension_sent ? std::string{} : name, std::move(payload)}, bytes);
  to.extension_sent = name;
  return true;
}

/// Bitfields are large for what asks for them: they are paid for with the connection's credit.
void replicator::implementation::answer_wants(peer& to) {
  auto& waiting = to.wants.unanswered();
  while (!waiting.empty() && to.credit > 0) {
    const auto wanted = waiting.front();
    waiting.pop_front();
    const auto start = wanted.start / 32 * 32;
    const auto end = std::min((wanted.start + wanted.length + 31) / 32 * 32, (state.head.length + 31) / 32 * 32);
    if (start >= end || !state.bits.first_set({start, end}))
      continue;
    for (auto& part : without_gaps({start, state.bits.words({start, end})})) {
      const auto bytes = part.words.size() * sizeof(std::uint32_t) + small_message_bytes;
      post(to, std::move(part), bytes);
      to.credit -= std::min(to.credit, bytes);
    }
  }
}

/// Both directions can be switched while peers are connected: they are told, and what is under way ends.
void replicator::implementation::switch_transfers(peer_id peer, bool may_upload, bool may_download) {
  for (auto& entry : peers) {
    auto& whom = entry.second;
    if (peer != 0 && peer != entry.first)
      continue;
    if (whom.options.may_upload == may_upload && whom.options.may_download == may_download)
      continue;
    whom.options.may_upload = may_upload;
    whom.options.may_download = may_download;
    while (!may_upload) {
      const auto request = whom.queue.pop();
      if (!request)
        break;
      post(whom, wire::no_data{request->id, wire::no_data_reason::not_available}, small_message_bytes);
    }
    if (!may_download) {
      for (const auto id : whom.requests.ids())
        withdraw(whom, id);
    }
    whom.wanted_seen = {};
    whom.is_sync_due = true;
  }
}

void replicator::implementation::update_downloading() {
  const bool is_now = is_downloading();
  if (is_now == downloading_told && is_allowing_push() == allow_push_told)
    return;
  downloading_told = is_now;
  allow_push_told = is_allowing_push();
  if (is_frozen())
    return;
  for (auto& entry : peers) {
    send_sync(entry.second);
    if (!is_now && entry.second.is_synced && !entry.second.theirs.downloading)
      out.events.emplace_back(peer_idle{entry.first});
  }
}

} // namespace corestore::replication
