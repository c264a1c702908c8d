#include "replication/legacy/replicator.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <type_traits>
#include <utility>

#include "base/limits.hpp"
#include "log/flat_tree.hpp"
#include "replication/legacy/replicator_core.hpp"

namespace corestore::replication::legacy {

std::size_t kind_of(const message& source) {
  constexpr std::size_t sync = 0;
  constexpr std::size_t asking = 1;
  constexpr std::size_t range = 8;
  return std::visit(
    [](const auto& content) -> std::size_t {
      using type = std::decay_t<decltype(content)>;
      if constexpr (std::is_same_v<type, request>)
        return asking;
      else if constexpr (std::is_same_v<type, cancel>)
        return 2;
      else if constexpr (std::is_same_v<type, data>)
        return 3;
      else if constexpr (std::is_same_v<type, want>)
        return 5;
      else if constexpr (std::is_same_v<type, unwant>)
        return 6;
      else if constexpr (std::is_same_v<type, have>)
        return content.bitfield ? 7 : range;
      else if constexpr (std::is_same_v<type, unhave>)
        return range;
      else if constexpr (std::is_same_v<type, extension>)
        return 9;
      else
        return sync;
    },
    source);
}

// -- the common end of every call

peer* replicator::implementation::find(peer_id id) {
  auto found = peers.find(id);
  return found == peers.end() ? nullptr : &found->second;
}

void replicator::implementation::post(peer& to, message content, std::size_t size) {
  ++to.counts.messages.at(kind_of(content)).transmitted;
  if (to.batches.empty() || to.open_bytes + size > batch_bytes_max) {
    to.batches.emplace_back();
    to.open_bytes = 0;
  }
  to.batches.back().push_back(std::move(content));
  to.open_bytes += size;
}

void replicator::implementation::fail_peer(peer& who, ec code, std::string detail) {
  if (std::exchange(who.is_failed, true))
    return;
  release_all(who);
  who.queue.clear();
  out.events.emplace_back(peer_failed{who.id, {code, std::move(detail)}});
}

/// Whether a longer log is followed without being asked: not by the side that makes it longer.
bool replicator::implementation::follows_growth() const {
  return (downloading && settings.is_eager && state.header.origin == log::key_origin::none) || !plan.seeks.empty();
}

bool replicator::implementation::wants_anything() const {
  return !is_push_only && (follows_growth() || !plan.is_idle());
}

log::legacy::stored_nodes replicator::implementation::known(const log::node_source& source) const {
  return log::legacy::stored_nodes{source, state.contiguous_length()};
}

void replicator::implementation::settle(const log::log_source& source) {
  for (auto& [id, one] : peers) {
    if (one.is_failed)
      continue;
    serve(one, source);
    pump(one, source);
    rest(one);
  }
  flush();
}

void replicator::implementation::flush() {
  for (auto& [id, one] : peers) {
    for (auto& batch : one.batches)
      out.messages.push_back({id, std::move(batch)});
    one.batches.clear();
    one.open_bytes = 0;
  }
}

replicator::replicator(const log::core_state& state, replicator_settings settings)
    : implementation_(std::make_unique<implementation>(state, settings)) {
  // nop
}

replicator::~replicator() = default;

// -- peers

void replicator::add_peer(peer_id id, peer_options options, const log::log_source& source, std::uint64_t now_ms) {
  auto& self = *implementation_;
  self.now = now_ms;
  auto [position, is_new] = self.peers.try_emplace(id);
  if (!is_new)
    return;
  auto& added = position->second;
  added.id = id;
  added.options = options;
  added.ordinal = self.ordinals++;
  self.out.events.emplace_back(peer_added{id});
  self.open_peer(added);
  self.settle(source);
}

void replicator::remove_peer(peer_id id, const log::log_source& source, std::uint64_t now_ms) {
  auto& self = *implementation_;
  self.now = now_ms;
  auto* gone = self.find(id);
  if (gone == nullptr)
    return;
  self.release_all(*gone);
  self.departed += gone->counts;
  self.peers.erase(id);
  self.out.events.emplace_back(peer_removed{id});
  self.settle(source);
}

void replicator::receive(peer_id id, std::vector<message> messages, const log::log_source& source,
                         std::uint64_t now_ms) {
  auto& self = *implementation_;
  self.now = now_ms;
  auto* from = self.find(id);
  if (from == nullptr)
    return;
  implementation::hash_ahead(*from, messages);
  for (auto& one : messages) {
    if (from->is_failed)
      break;
    ++from->counts.messages.at(kind_of(one)).received;
    std::visit(
      [&](auto& content) {
        using type = std::decay_t<decltype(content)>;
        if constexpr (std::is_same_v<type, want>)
          self.on_want(*from, content);
        else if constexpr (std::is_same_v<type, have>)
          self.on_have(*from, content);
        else if constexpr (std::is_same_v<type, unhave>)
          self.on_unhave(*from, content);
        else if constexpr (std::is_same_v<type, status>)
          self.on_status(*from, content);
        else if constexpr (std::is_same_v<type, request>)
          self.on_request(*from, content);
        else if constexpr (std::is_same_v<type, data>)
          self.on_data(*from, std::move(content), source);
        else if constexpr (std::is_same_v<type, options>) {
          from->is_acking = content.ack;
          from->extensions = std::move(content.extensions);
        } else if constexpr (std::is_same_v<type, extension>) {
          if (content.id < from->extensions.size() && self.extensions.contains(from->extensions[content.id]))
            self.out.events.emplace_back(
              extension_received{id, from->extensions[content.id], std::move(content.payload)});
        } // cancel and unwant are ignored, as the reference does
      },
      one);
  }
  self.settle(source);
}

void replicator::grant(peer_id id, std::size_t size, const log::log_source& source) {
  auto& self = *implementation_;
  if (auto* whom = self.find(id)) {
    whom->credit += size;
    self.settle(source);
  }
}

// -- what happened to the log

void replicator::changed(const log::change_set& changes, bool is_ours, const log::log_source& source,
                         std::uint64_t now_ms) {
  auto& self = *implementation_;
  self.now = now_ms;
  self.stalled.succeeded();
  if (is_ours && (changes.head || !changes.cleared.empty()))
    ++self.epoch; // questions under way may lean on what is gone, or on another end
  if (self.state.head.length >= self.head.length || (is_ours && changes.head)) {
    self.head = self.state.head;
    if (self.growing && is_ours)
      self.growing.reset();
  }
  std::map<std::uint64_t, peer_id> origins;
  auto commit = [&](std::uint64_t index) {
    auto arrival = self.plan.committed(index);
    if (!arrival || is_ours)
      return;
    origins.emplace(index, arrival->peer);
    self.out.events.emplace_back(block_downloaded{arrival->peer, index, arrival->size});
  };
  for (const auto& run : changes.runs) {
    for (std::uint64_t i = 0; i < run.blocks.size(); ++i) {
      auto index = 2 * (run.first + i);
      commit(run.first + i);
      for (auto level = log::flat_tree::completed_by(run.first + i); level > 0; --level) {
        self.fresh.erase(index);
        index = log::flat_tree::parent(index);
      }
    }
  }
  for (const auto& block : changes.blocks)
    commit(block.index);
  for (const auto& node : changes.nodes)
    self.fresh.erase(node.index);
  if (self.fresh.size() > fresh_slack)
    std::erase_if(self.fresh, [&](const auto& entry) { return source.node_at(entry.first).value_or(std::nullopt); });
  for (auto& [id, wanted] : self.plan.seeks)
    wanted.is_verified = false;
  self.announce(changes, origins);
  self.settle(source);
}

void replicator::discarded(const std::vector<log::verification>& verified, const log::log_source& source,
                           std::uint64_t now_ms) {
  auto& self = *implementation_;
  self.now = now_ms;
  for (const auto& lost : verified)
    if (lost.block)
      self.plan.rejected(lost.block->index);
  self.fresh.clear();
  self.head = self.state.head;
  ++self.epoch;
  self.stalled.failed(now_ms);
  for (auto& [id, wanted] : self.plan.seeks)
    wanted.is_verified = false;
  self.settle(source);
}

// -- wishes

void replicator::want_blocks(const std::vector<std::uint64_t>& indices, const log::log_source& source,
                             std::uint64_t now_ms) {
  auto& self = *implementation_;
  self.now = now_ms;
  self.stalled.wished();
  for (auto index : indices)
    self.plan.want(index);
  self.settle(source);
}

void replicator::drop_blocks(const std::vector<std::uint64_t>& indices) {
  for (auto index : indices)
    implementation_->plan.drop(index);
}

void replicator::add_download(download_id id, log::block_range range, bool is_linear, const log::log_source& source,
                              std::uint64_t now_ms) {
  auto& self = *implementation_;
  self.now = now_ms;
  self.stalled.wished();
  self.plan.downloads[id] = {range, is_linear};
  self.settle(source);
}

void replicator::remove_download(download_id id) {
  auto& self = *implementation_;
  self.plan.downloads.erase(id);
  for (auto& [peer_number, one] : self.peers)
    one.scans.erase(id);
}

void replicator::add_seek(seek_id id, std::uint64_t byte_position, const log::log_source& source,
                          std::uint64_t now_ms) {
  auto& self = *implementation_;
  self.now = now_ms;
  self.stalled.wished();
  self.plan.seeks[id].bytes = byte_position;
  self.settle(source);
}

void replicator::remove_seek(seek_id id) {
  implementation_->plan.seeks.erase(id);
}

void replicator::set_downloading(bool is_downloading, const log::log_source& source, std::uint64_t now_ms) {
  auto& self = *implementation_;
  self.now = now_ms;
  self.downloading = is_downloading;
  self.settle(source);
}

// -- extensions and switches

bool replicator::add_extension(const std::string& name) {
  auto& self = *implementation_;
  if (name.empty() || name.size() > limits::extension_name_bytes_max ||
      self.extensions.size() >= limits::extensions_max)
    return false;
  self.extensions.insert(name);
  if (auto place = std::lower_bound(self.named.begin(), self.named.end(), name);
      place == self.named.end() || *place != name) {
    self.named.insert(place, name); // ids are positions in the sorted list: everybody hears of a new one
    for (auto& [id, to] : self.peers)
      self.tell_extensions(to);
    self.flush();
  }
  return true;
}

/// The name keeps its id: messages that are under way would change their meaning.
void replicator::remove_extension(const std::string& name) {
  implementation_->extensions.erase(name);
}

std::size_t replicator::send_extension(peer_id id, const std::string& name, const bytes& payload) {
  auto& self = *implementation_;
  auto place = std::lower_bound(self.named.begin(), self.named.end(), name);
  if (place == self.named.end() || *place != name) {
    if (!add_extension(name))
      return 0;
    self.extensions.erase(name); // announced, not wanted
    place = std::lower_bound(self.named.begin(), self.named.end(), name);
  }
  auto number = static_cast<std::uint64_t>(place - self.named.begin());
  std::size_t count = 0;
  for (auto& [peer_number, to] : self.peers) {
    bool is_known = std::find(to.extensions.begin(), to.extensions.end(), name) != to.extensions.end();
    if ((id != 0 && id != peer_number) || to.is_failed || !is_known)
      continue;
    self.post(to, extension{number, payload}, payload.size() + 64);
    ++count;
  }
  self.flush();
  return count;
}

void replicator::set_allow_push(bool is_allowed) {
  implementation_->is_push_allowed = is_allowed;
}

void replicator::set_push_only(bool is_push_only, const log::log_source& source, std::uint64_t now_ms) {
  auto& self = *implementation_;
  self.now = now_ms;
  self.is_push_only = is_push_only;
  self.is_push_allowed = self.is_push_allowed || is_push_only;
  self.settle(source);
}

void replicator::set_transfers(peer_id peer, bool may_upload, bool may_download, const log::log_source& source,
                               std::uint64_t now_ms) {
  auto& self = *implementation_;
  self.now = now_ms;
  for (auto& [id, to] : self.peers) {
    if (peer != 0 && peer != id)
      continue;
    if (to.options.may_upload == may_upload && to.options.may_download == may_download)
      continue;
    to.options.may_upload = may_upload;
    to.options.may_download = may_download;
    if (!may_upload)
      to.queue.clear();
    if (!may_download)
      self.release_all(to);
    self.tell_status(to, may_download && self.wants_anything());
  }
  self.settle(source);
}

// -- questions

bool replicator::is_update_settled() const {
  const auto& self = *implementation_;
  if (!self.wants_anything())
    return true;
  return std::none_of(self.peers.begin(), self.peers.end(), [&](const auto& entry) {
    const auto& one = entry.second;
    if (one.is_failed || !one.options.may_download || !one.is_uploading)
      return false;
    return !one.has_answered || (self.follows_growth() && one.length > self.state.head.length);
  });
}

std::vector<peer_info> replicator::peers() const {
  std::vector<peer_info> all;
  for (const auto& [id, one] : implementation_->peers) {
    peer_info info;
    info.peer = id;
    info.length = one.length;
    info.contiguous_length = std::min(one.has.contiguous_length(), one.length);
    info.in_flight = one.questions.size();
    info.may_upload = one.options.may_upload;
    info.may_download = one.options.may_download;
    info.is_uploading = one.is_uploading;
    info.is_downloading = one.is_downloading;
    info.counts = one.counts;
    all.push_back(std::move(info));
  }
  return all;
}

std::size_t replicator::peer_count() const {
  return implementation_->peers.size();
}

std::uint64_t replicator::remote_contiguous_length() const {
  std::uint64_t longest = 0;
  for (const auto& [id, one] : implementation_->peers)
    longest = std::max(longest, std::min(one.has.contiguous_length(), one.length));
  return longest;
}

wire_statistics replicator::statistics() const {
  auto sum = implementation_->departed;
  for (const auto& [id, one] : implementation_->peers)
    sum += one.counts;
  return sum;
}

std::size_t replicator::queued(peer_id id) const {
  auto found = implementation_->peers.find(id);
  return found == implementation_->peers.end() ? 0 : found->second.queue.size();
}

void replicator::tick(const log::log_source& source, std::uint64_t now_ms) {
  auto& self = *implementation_;
  self.now = now_ms;
  for (auto& [id, one] : self.peers)
    self.expire(one);
  self.settle(source);
}

std::optional<std::uint64_t> replicator::next_tick_ms() const {
  const auto& self = *implementation_;
  std::optional<std::uint64_t> next;
  auto note = [&](std::uint64_t due) {
    next = next ? std::min(*next, due) : due;
  };
  if (!self.stalled.is_over(self.now))
    note(self.stalled.until_ms());
  for (const auto& [id, one] : self.peers) {
    if (one.is_failed)
      continue;
    if (one.ready_ms > self.now)
      note(one.ready_ms);
    if (one.told_downloading && self.is_resting(one))
      note(std::max(one.busy_ms + rest_ms, self.now + 1));
    for (const auto& [index, asked] : one.questions)
      note(asked.sent_ms + self.settings.request_ms_max);
  }
  return next;
}

effects replicator::take_effects() {
  return std::exchange(implementation_->out, {});
}

} // namespace corestore::replication::legacy
