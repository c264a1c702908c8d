// A core that came back from a backup. The lost store may have signed more than the backup knows, and peers may have
// seen it: nothing is signed here before one of them has shown a head at least as long as the restored one, nobody
// shows a longer one than ours, and what they hold of the blocks since is here again. Until then nothing is served
// either: a head that a peer has from us would come back as its confirmation.
#include <algorithm>
#include <limits>

#include <caf/all.hpp>

#include "actors/core.hpp"

namespace corestore::actors {

error core_state::signing_refusal() {
  if (!is_writable() || !keys())
    return {ec::not_writable, "no key here signs core " + text::to_hex(log_.header.key.view())};
  if (log_.header.fence)
    return {ec::fenced, "core " + text::to_hex(log_.header.key.view()) + " was restored from a backup at length " +
                          std::to_string(log_.header.fence->length) +
                          ": it is read-only until a peer has shown that none has a longer log (connect one that has " +
                          "the core), or until `corestore unfence` says so"};
  return {};
}

void core_state::want_lost_blocks(const log::log_source& source) {
  fence_wish_ = next_wish();
  log::block_range lost{log_.header.fence->length, std::numeric_limits<std::uint64_t>::max()};
  replicator_->add_download(*fence_wish_, lost, false, source, now_ms());
  replicator_->set_downloading(true, source, now_ms());
}

/// Begins and ends what a fence means for peers, and ends the fence itself when they have confirmed the log.
void core_state::watch_fence() {
  if (log_.header.fence.has_value() != fence_wish_.has_value()) {
    std::ignore = reading([this](const log::log_source& source) {
      if (log_.header.fence) {
        want_lost_blocks(source);
      } else {
        replicator_->remove_download(*fence_wish_);
        fence_wish_.reset();
      }
      for (const auto& [peer, link] : links_.look().attached) {
        auto options = options_of(link);
        replicator_->set_transfers(peer, options.may_upload, options.may_download, source, now_ms());
      }
    });
  }
  if (!log_.header.fence || !replicator_.is_present() || ending_ || has_work() || !replicator_->is_update_settled())
    return;
  auto mark = *log_.header.fence;
  const auto& head = log_.head;
  auto is_same_fork = head.fork == mark.fork;
  auto known_length = std::max<std::uint64_t>(1, is_same_fork ? mark.length : 0);
  auto is_confirmed = false;
  std::uint64_t offered = 0;
  for (const auto& peer : replicator_->peers()) {
    if (peer.length > 0 && (peer.fork > head.fork || (peer.fork == head.fork && peer.length > head.length)))
      return; // it has more, although it cannot give it to us now
    if (peer.fork != head.fork)
      continue;
    is_confirmed = is_confirmed || peer.length >= known_length;
    offered = std::max(offered, std::min(peer.contiguous_length, head.length));
  }
  if (!is_confirmed || (is_same_fork && offered > mark.length && !log_.bits.all_set({mark.length, offered})))
    return;
  auto header = log_.header;
  header.fence.reset();
  new_header_ = std::move(header);
  start_step();
}

caf::result<core_record> core_state::set_fence(bool is_fenced) {
  auto header = new_header_ ? *new_header_ : log_.header;
  if (header.fence.has_value() == is_fenced)
    return record();
  if (header.origin == log::key_origin::none)
    return make_error(ec::not_writable, "no key here signs core " + text::to_hex(log_.header.key.view()));
  header.fence.reset();
  if (is_fenced)
    header.fence = log::head_mark{log_.head.fork, log_.head.length};
  return replace_header(std::move(header));
}

} // namespace corestore::actors
