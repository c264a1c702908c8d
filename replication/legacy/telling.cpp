// What peers have to know of us, and what they say of themselves.
#include <algorithm>

#include "base/limits.hpp"
#include "log/legacy/run_length.hpp"
#include "replication/legacy/replicator_core.hpp"

namespace corestore::replication::legacy {

namespace {

/// Wants that are not aligned to this are ignored, as the reference does.
constexpr std::uint64_t want_alignment = 8192;

std::uint64_t end_of(std::uint64_t start, std::uint64_t length) {
  return std::min(start, limits::safe_integer_max) + std::min(length, limits::safe_integer_max);
}

} // namespace

/// After both Opens, in the order of the reference: options, status, wants (these come from the pump).
void replicator::implementation::open_peer(peer& to) {
  if (!named.empty())
    tell_extensions(to);
  bool is_wanting = wants_anything() && to.options.may_download;
  if (!is_wanting || !to.options.may_upload)
    tell_status(to, is_wanting);
  to.busy_ms = now;
}

void replicator::implementation::tell_status(peer& to, bool is_wanting) {
  to.told_uploading = to.options.may_upload;
  to.told_downloading = is_wanting;
  post(to, status{to.told_uploading, to.told_downloading});
}

void replicator::implementation::tell_extensions(peer& to) {
  post(to, options{named, false});
}

/// What was committed, to every peer that listens and did not bring it. Consecutive blocks make one said.
void replicator::implementation::announce(const log::change_set& changes,
                                          const std::map<std::uint64_t, peer_id>& origins) {
  auto origin_of = [&](std::uint64_t index) {
    auto found = origins.find(index);
    return found == origins.end() ? peer_id{0} : found->second;
  };
  for (auto& [id, to] : peers) {
    std::optional<have> open;
    auto finish = [&, &listener = to] {
      if (open)
        post(listener, *open);
      open.reset();
    };
    auto add = [&, peer = id](std::uint64_t index) {
      auto origin = origin_of(index);
      if (origin == peer)
        return;
      if (open && open->start + open->length == index) {
        ++open->length;
        return;
      }
      finish();
      open = have{.start = index, .length = 1, .bitfield = {}, .ack = false};
    };
    if (to.is_listening) {
      for (const auto& range : changes.cleared)
        post(to, unhave{range.start, range.end - range.start});
      for (const auto& run : changes.runs)
        for (std::uint64_t i = 0; i < run.blocks.size(); ++i)
          add(run.first + i);
      for (const auto& block : changes.blocks)
        add(block.index);
      finish();
    }
    if (to.is_acking)
      for (const auto& [index, origin] : origins)
        if (origin == id)
          post(to, have{.start = index, .length = 1, .bitfield = {}, .ack = true});
  }
}

/// Every Want is answered, also with nothing: a reader that is not live finds its end by it.
void replicator::implementation::on_want(peer& from, const want& said) {
  if (!from.options.may_upload || said.start % want_alignment != 0 || said.length % want_alignment != 0)
    return;
  auto length = state.head.length;
  if (!std::exchange(from.is_listening, true) && length > 0 && state.bits.test(length - 1))
    post(from, have{.start = length - 1, .length = 1, .bitfield = {}, .ack = false});
  auto covered = std::min(said.length, answered_blocks_max);
  auto end = std::min(end_of(said.start, covered), (length + 31) / 32 * 32);
  have answer{.start = said.start, .length = said.length, .bitfield = bytes{}, .ack = false};
  if (said.start < end)
    answer.bitfield = log::legacy::encode_run_length(log::legacy::bits_of(state.bits, {said.start, end}));
  auto size = answer.bitfield->size() + 64;
  post(from, std::move(answer), size);
}

void replicator::implementation::on_status(peer& from, const status& said) {
  if (from.is_uploading && !said.uploading) {
    release_all(from);
    from.regions.clear();
    from.regions_open = 0;
  }
  from.is_uploading = said.uploading;
  bool has_finished = from.is_downloading && !said.downloading;
  from.is_downloading = said.downloading;
  if (has_finished && is_resting(from))
    tell_status(from, false); // its end of a connection that is not live waits for this
  ++from.knowledge;
}

void replicator::implementation::on_have(peer& from, const have& said) {
  if (said.ack)
    return;
  if (!said.bitfield) {
    auto end = end_of(said.start, said.length);
    from.length = std::max(from.length, end);
    from.has.set_length(from.length);
    from.has.set({said.start, end});
    ++from.knowledge;
    return;
  }
  auto bits = log::legacy::decode_run_length(*said.bitfield, announced_bytes_max);
  if (!bits) {
    fail_peer(from, bits.error().code, bits.error().detail);
    return;
  }
  if (said.start % 32 != 0 || said.start > limits::safe_integer_max)
    return;
  while (!bits->empty() && bits->back() == 0)
    bits->pop_back();
  auto words = log::legacy::words_of(*bits);
  auto covered = said.start + 32 * words.size();
  if (!words.empty()) {
    auto highest = covered - static_cast<std::uint64_t>(std::countl_zero(words.back()));
    from.length = std::max(from.length, highest);
    from.has.set_length(from.length);
    from.has.assign(said.start, words);
  }
  auto end = end_of(said.start, said.length);
  if (covered < end)
    from.has.clear({covered, end});
  if (said.length == region_blocks && from.regions_open > 0)
    --from.regions_open;
  from.has_answered = true;
  ++from.knowledge;
}

void replicator::implementation::on_unhave(peer& from, const unhave& said) {
  auto end = end_of(said.start, said.length);
  from.has.clear({said.start, end});
  if (said.start == 0 && end >= from.length)
    from.length = 0;
  for (auto position = from.questions.lower_bound(said.start);
       position != from.questions.end() && position->first < end;) {
    auto here = position++;
    auto asked = here->second;
    auto index = here->first;
    from.questions.erase(here);
    release(from, index, asked);
  }
}

/// Says that nothing more is wanted, once it has been so for a while.
void replicator::implementation::rest(peer& to) {
  if (to.told_downloading && is_resting(to) && now >= to.busy_ms + rest_ms)
    tell_status(to, false);
}

} // namespace corestore::replication::legacy
