#include "actors/scrub.hpp"

#include <algorithm>
#include <utility>

#include <caf/all.hpp>

#include "actors/block_check.hpp"
#include "base/text.hpp"

namespace corestore::actors {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds slice_pause{100};

/// Bytes of one slice, whatever the rate: other actors have their turn in between.
constexpr std::uint64_t slice_bytes_max = std::uint64_t{4} << 20U;
constexpr std::uint64_t slice_blocks_max = 4096;

/// Damaged blocks of one core that are remembered; the rest is found in the next pass.
constexpr std::size_t damaged_max = 1024;

/// How long peers may take to bring damaged blocks again, and to say that they have the core.
constexpr std::uint64_t fetch_ms_max = 60000;
constexpr milliseconds patience{120000};
constexpr milliseconds peers_pause{3000};

std::string blocks_text(std::uint64_t count) {
  return std::to_string(count) + (count == 1 ? " block" : " blocks");
}

/// What a peer has behind its first gap is not known.
bool may_have(const core_peer_record& peer, const std::vector<std::uint64_t>& blocks) {
  return std::any_of(blocks.begin(), blocks.end(),
                     [&peer](std::uint64_t index) { return index < peer.length && index != peer.contiguous_length; });
}

} // namespace

void scrub_state::start(self_pointer self, scrub_arguments arguments) {
  self_ = self;
  with_ = std::move(arguments);
  began_ = self_->clock().now();
  wait(slice_pause);
}

void scrub_state::say(const char* severity, const std::string& line) const {
  if (with_.log)
    with_.log(severity, "scrub: " + line);
}

void scrub_state::wait(milliseconds pause) {
  self_->delayed_send(self_, pause, tick_atom_v, ++waits_);
}

/// A walk that has begun goes on at the new rate; one that is due earlier or later than it was begins then.
void scrub_state::set_pace(std::uint64_t bytes_s, std::uint64_t interval_ms) {
  with_.bytes_s = bytes_s;
  with_.interval_ms = interval_ms;
  if (stage_ == stage::waiting)
    wait_for_pass();
  else if (stage_ == stage::resting)
    wait(slice_pause);
}

void scrub_state::tick(std::uint64_t wait_id) {
  if (wait_id != waits_)
    return;
  if (stage_ == stage::waiting)
    began_ = self_->clock().now();
  stage_ = with_.bytes_s > 0 ? stage::walking : stage::resting;
  if (stage_ == stage::resting)
    return;
  auto due = with_.bytes_s * static_cast<std::uint64_t>(slice_pause.count()) / 1000;
  if (overdrawn_ >= due && due > 0) { // a large block took more than its share
    overdrawn_ -= due;
    wait(slice_pause);
    return;
  }
  auto budget = std::clamp<std::uint64_t>(due - std::min(due, overdrawn_), 1, slice_bytes_max);
  overdrawn_ = 0;
  if (auto looked = slice(budget); !looked) {
    say("error", to_string(looked.error()));
    current_.reset();
    wait(patience);
  }
}

/// One step; whoever ends it decides when the next one is due.
result<void> scrub_state::slice(std::uint64_t budget) {
  auto source = with_.backend->open_snapshot();
  if (!source)
    return fail(source.error());
  auto left = budget;
  for (std::uint64_t cores = 0; left > 0 && cores < slice_blocks_max; ++cores) {
    if (!current_) {
      auto found = next_core(**source);
      if (!found)
        return fail(found.error());
      if (!*found) {
        end_pass();
        return {};
      }
    }
    auto is_through = look(**source, left);
    if (!is_through)
      return fail(is_through.error());
    if (!*is_through)
      break;
    auto finished = std::move(*std::exchange(current_, std::nullopt));
    if (!finished.damaged.empty()) {
      source->reset();
      repair(std::move(finished));
      return {};
    }
  }
  wait(slice_pause);
  return {};
}

result<bool> scrub_state::next_core(const storage::snapshot& source) {
  auto visited = source.headers_after(cursor_, [this](const log::core_header& header) {
    cursor_ = header.discovery;
    current_ = walk{header, 0, {}, {}};
    return false;
  });
  if (!visited)
    return fail(visited.error());
  return current_.has_value();
}

/// True when the end of the core is reached. What was truncated or purged meanwhile is not there, and not missed.
result<bool> scrub_state::look(const storage::snapshot& source, std::uint64_t& budget) {
  auto& current = *current_;
  auto head = source.head(current.header.number);
  auto bits = source.bits(current.header.number);
  if (!head || !bits)
    return fail(head ? bits.error() : head.error());
  auto end = std::min(head->length, current.next + slice_blocks_max);
  auto note = [&](std::uint64_t index) {
    ++pass_faults_;
    ++with_.counted->scrub_faults;
    note_damage();
    if (current.damaged.size() < damaged_max)
      current.damaged.push_back(index);
  };
  auto note_missing = [&](std::uint64_t until) {
    for (; current.next < until; ++current.next)
      if (bits->test(current.next))
        note(current.next);
  };
  auto is_spent = false;
  auto visited =
    source.each_block(current.header.number, {current.next, end}, [&](std::uint64_t index, byte_view value) {
      note_missing(index);
      if (!check_block(current.report, source, current.header, index, value))
        note(index);
      current.next = index + 1;
      ++with_.counted->scrub_blocks;
      with_.counted->scrub_bytes += value.size();
      overdrawn_ += value.size() > budget ? value.size() - budget : 0;
      budget -= std::min<std::uint64_t>(budget, value.size());
      is_spent = budget == 0;
      return !is_spent;
    });
  if (!visited)
    return fail(visited.error());
  if (!is_spent)
    note_missing(end);
  return current.next >= head->length;
}

void scrub_state::end_pass() {
  ++with_.counted->scrub_passes;
  if (pass_faults_ > 0)
    say("warning", "everything was looked at: " + blocks_text(pass_faults_) +
                     (pass_faults_ == 1 ? " was damaged" : " were damaged"));
  else
    say("info", "everything was looked at, nothing is damaged");
  damaged_before_ = 0;
  note_damage();
  damaged_before_ = std::exchange(pass_faults_, 0) - std::exchange(pass_repaired_, 0);
  cursor_ = {};
  wait_for_pass();
}

/// What the pass before left counts until this one has come to its end.
void scrub_state::note_damage() {
  with_.counted->scrub_damaged = std::max(damaged_before_, pass_faults_ - pass_repaired_);
}

void scrub_state::wait_for_pass() {
  stage_ = stage::waiting;
  auto next = began_ + milliseconds{with_.interval_ms};
  wait(std::max<milliseconds>(slice_pause, std::chrono::duration_cast<milliseconds>(next - self_->clock().now())));
}

// -- repair

/// The core itself decides what is damaged: what was seen here may have been cut off since.
void scrub_state::repair(walk found) {
  stage_ = stage::repairing;
  core_selector selector;
  selector.kind = selector_kind::by_discovery;
  selector.id.data = found.header.discovery.data;
  selector.generation = 255;
  selector.create = false;
  auto key = text::to_hex(found.header.key.view());
  auto reason = found.report.faults.empty() ? "blocks are missing" : found.report.faults.front();
  auto count = found.damaged.size();
  say("error",
      "core " + key + ": " + blocks_text(count) + (count == 1 ? " is" : " are") + " damaged, first: " + reason);
  store_event event;
  event.kind = store_event_kind::damage;
  event.key = found.header.key;
  event.discovery = found.header.discovery;
  event.reason = blocks_text(count) + ": " + reason;
  self_->send(with_.store, event);
  self_->request(with_.store, patience, open_atom_v, selector)
    .then(
      [this, found](const opened_core& opened) {
        // Peers that are connected hear that it is wanted, and say what they have.
        self_->request(opened.handle, patience, update_atom_v, static_cast<std::uint64_t>(peers_pause.count()))
          .then([this, found, core = opened.handle](bool) { drop_and_fetch(found, core); },
                [this, found](const caf::error& failed) { done(found, 0, to_string(from_caf(failed))); });
      },
      [this, found](const caf::error& failed) { done(found, 0, to_string(from_caf(failed))); });
}

void scrub_state::drop_and_fetch(const walk& found, const core_actor& core) {
  self_->request(core, patience, peers_atom_v)
    .then(
      [this, found, core](const std::vector<core_peer_record>& peers) {
        if (std::none_of(peers.begin(), peers.end(),
                         [&found](const core_peer_record& peer) { return may_have(peer, found.damaged); })) {
          done(found, 0, "no peer is connected that may have what is damaged: it stays as it is until the next pass");
          return;
        }
        self_->request(core, patience, repair_atom_v)
          .then([this, found, core](const repair_report&) { fetch(found, core); },
                [this, found](const caf::error& failed) { done(found, 0, to_string(from_caf(failed))); });
      },
      [this, found](const caf::error& failed) { done(found, 0, to_string(from_caf(failed))); });
}

void scrub_state::fetch(const walk& found, const core_actor& core) {
  download_request request;
  request.blocks = found.damaged;
  request.wait_ms = fetch_ms_max;
  self_->request(core, patience, download_atom_v, request)
    .then(
      [this, found](bool are_here) {
        done(found, are_here ? found.damaged.size() : 0,
             are_here ? "fetched again from a peer"
                      : "what is damaged was dropped, and no peer brought all of it again in time");
      },
      [this, found](const caf::error& failed) { done(found, 0, to_string(from_caf(failed))); });
}

void scrub_state::done(const walk& found, std::uint64_t repaired, const std::string& outcome) {
  with_.counted->scrub_repaired += repaired;
  pass_repaired_ += repaired;
  note_damage();
  say(repaired > 0 ? "info" : "error", "core " + text::to_hex(found.header.key.view()) + ": " + outcome);
  self_->request(with_.store, patience, close_atom_v, found.header.discovery)
    .then([](bool) {},
          [](const caf::error&) {
            // the store is closing: it closes everything
          });
  stage_ = stage::walking;
  wait(slice_pause);
}

scrub_actor::behavior_type scrub(scrub_state::self_pointer self, scrub_arguments arguments) {
  auto& state = self->state;
  state.start(self, std::move(arguments));
  return {
    [&state](tick_atom, std::uint64_t wait) { state.tick(wait); },
    [&state](update_atom, std::uint64_t bytes_s, std::uint64_t interval_ms) { state.set_pace(bytes_s, interval_ms); },
  };
}

} // namespace corestore::actors
