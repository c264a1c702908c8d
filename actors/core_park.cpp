// How a core leaves the memory without anybody noticing: only when nothing is under way, and only after every session
// has taken back what is known of its peer.
#include <algorithm>

#include <caf/all.hpp>

#include "actors/core.hpp"

namespace corestore::actors {

namespace {

/// How long news wait for the peers that have not confirmed them.
constexpr std::uint64_t news_ms_max = 20000;

/// How long a session that asked for the core may take to attach its peer.
constexpr std::uint64_t attach_ms_max = 5000;

} // namespace

bool core_state::is_in_use() const {
  return ending_ || has_work() || !waiting_.look().empty() || !sinks_.empty() || !views_.empty() || verifying_ ||
         marks_ || !replicator_.is_quiet() || owes_news() || is_expecting() || !beside_.look().is_idle();
}

/// A core that left before the peer it was loaded for is attached, or before it has what that peer said, would be
/// loaded again at once, and so for ever.
bool core_state::is_expecting() const {
  auto now = now_ms();
  const auto& [attached, outputs, handing_over, expected] = links_.look();
  return std::any_of(expected.begin(), expected.end(), [now](const auto& entry) { return now < entry.second; }) ||
         std::any_of(attached.begin(), attached.end(), [](const auto& entry) { return entry.second.inputs_due > 0; });
}

void core_state::expect(const session_actor& session) {
  links_.use().expected[session.address()] = now_ms() + attach_ms_max;
}

bool core_state::owes_news() const {
  return now_ms() < news_until_ms_ && replicator_.is_present() && !replicator_->is_known_to_peers();
}

void core_state::note_news() {
  news_until_ms_ = now_ms() + news_ms_max;
}

parked_core core_state::park() {
  parked_core answer;
  if (is_in_use()) {
    quiet_listener_ = caf::actor_cast<caf::actor_addr>(self_->current_sender());
    arm_timer();
    return answer;
  }
  answer.is_parked = true;
  if (auto* links = links_.find())
    hand_over_all(*links, answer.sessions);
  finish(caf::exit_reason::normal);
  return answer;
}

/// Every session takes back what is known of its peer.
void core_state::hand_over_all(session_links& links, std::vector<session_actor>& known) {
  for (const auto& [peer, link] : links.attached) {
    const auto& session = link.session;
    links.handing_over.emplace(peer, session);
    self_->monitor(session);
    self_->send(session, peer_park{peer, replicator_->park_peer(peer)});
    if (std::find(known.begin(), known.end(), session) == known.end())
      known.push_back(session);
  }
  links.attached.clear();
  links.outputs.clear();
}

void core_state::tell_quiet() {
  if (!quiet_listener_ || is_in_use())
    return;
  if (auto listener = caf::actor_cast<local_store_actor>(quiet_listener_))
    self_->send(listener, park_atom_v, log_.header.discovery);
  quiet_listener_ = nullptr;
}

bool core_state::hand_over(replication::peer_id peer) {
  auto* links = links_.find();
  if (links == nullptr)
    return false;
  auto found = links->handing_over.find(peer);
  if (found == links->handing_over.end())
    return false;
  // The session outlives this core, and would keep its memory for as long as it is observed.
  self_->demonitor(found->second.address());
  links->handing_over.erase(found);
  settle();
  return true;
}

bool core_state::hand_back(peer_input& input) {
  const auto& handing_over = links_.look().handing_over;
  auto found = handing_over.find(input.peer);
  if (found == handing_over.end())
    return false;
  self_->send(found->second, std::move(input));
  return true;
}

void core_state::on_down(const caf::actor_addr& address) {
  unsubscribe(address);
  retract({}, address);
  auto is_it = [&](const auto& entry) {
    return entry.second.address() == address;
  };
  if (auto* links = links_.find(); links != nullptr && std::erase_if(links->handing_over, is_it) > 0)
    settle();
  tell_quiet();
}

} // namespace corestore::actors
