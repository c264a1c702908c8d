// A core and the sessions that carry its peers.
#include <algorithm>

#include <caf/all.hpp>

#include "actors/core.hpp"

namespace corestore::actors {

namespace {

template <class... Handlers>
struct overloaded : Handlers... {
  using Handlers::operator()...;
};
template <class... Handlers>
overloaded(Handlers...) -> overloaded<Handlers...>;

} // namespace

bool core_state::attach(peer_link link) {
  if (ending_)
    return false;
  links_.use().expected.erase(link.session.address());
  if (log_.header.is_frozen) {
    peer_output refusal;
    refusal.peer = link.peer;
    refusal.is_idle = true;
    self_->send(link.session, std::move(refusal));
    return true;
  }
  auto peer = link.peer;
  auto options = options_of(link);
  auto parked = std::move(link.parked);
  links_.use().attached.insert_or_assign(peer, std::move(link));
  std::ignore =
    reading([&](const log::log_source& source) { replicator_->unpark_peer(peer, options, parked, source, now_ms()); });
  settle();
  return true;
}

void core_state::detach(replication::peer_id peer) {
  if (hand_over(peer))
    return;
  auto* links = links_.find();
  if (links == nullptr)
    return;
  auto found = links->attached.find(peer);
  if (found == links->attached.end())
    return;
  // One side found that nobody wants anything while the other began to want something: that needs a new channel.
  if (!ending_ && replicator_->is_missed(peer))
    self_->send(found->second.session, open_atom_v,
                local_core{caf::actor_cast<local_core_actor>(self_), log_.header.key, log_.header.discovery,
                           log_.header.generation});
  links->attached.erase(found);
  links->outputs.erase(peer);
  if (auto* beside = beside_.find())
    beside->waiting.erase(peer);
  std::ignore = reading([&](const log::log_source& source) { replicator_->remove_peer(peer, source, now_ms()); });
  settle();
  if (links_.look().empty())
    links_.drop();
}

void core_state::receive(peer_input input) {
  if (hand_back(input))
    return;
  auto& links = links_.use();
  auto session = links.attached.find(input.peer);
  if (session == links.attached.end())
    return; // it was detached while the message was under way
  if (session->second.inputs_due > 0)
    --session->second.inputs_due;
  auto peer = input.peer;
  replication::each_kind(input.messages, [this](std::size_t kind) { ++around_->counted->received.at(kind); });
  auto done = reading(
    [&](const log::log_source& source) { replicator_->receive(peer, std::move(input.messages), source, now_ms()); });
  collect_effects();
  acknowledge(peer);
  if (!done)
    links_.use().outputs[peer].failure = done.error();
  settle();
}

void core_state::grant(replication::peer_id peer, std::uint64_t bytes) {
  if (!links_.look().attached.contains(peer))
    return;
  links_.use().outputs[peer]; // the session waits for an answer, however empty
  std::ignore = reading([&](const log::log_source& source) { replicator_->grant(peer, bytes, source); });
  settle();
}

void core_state::collect_effects() {
  if (!replicator_.is_present())
    return;
  auto effects = replicator_->take_effects();
  for (auto& item : effects.messages) {
    replication::each_kind(item.messages, [this](std::size_t kind) { ++around_->counted->transmitted.at(kind); });
    links_.use().outputs[item.peer].batches.push_back(std::move(item.messages));
  }
  for (auto& verified : effects.verified)
    verified_.push_back(std::move(verified));
  if (effects.replaced)
    reorg_ = std::move(effects.replaced);
  for (auto& event : effects.events)
    handle_event(event);
}

void core_state::handle_event(replication::replicator_event& event) {
  auto publish_block = [this](event_kind kind, std::uint64_t index, std::uint64_t size) {
    if (sinks_.empty())
      return;
    auto fact = event_of(kind);
    fact.index = index;
    fact.size = size - std::min(size, padding());
    publish(fact);
  };
  std::visit(overloaded{
               [&](const replication::peer_added&) { publish(event_of(event_kind::peer_add)); },
               [&](const replication::peer_removed&) { publish(event_of(event_kind::peer_remove)); },
               [&](const replication::block_uploaded& fact) {
                 ++around_->counted->blocks_uploaded;
                 around_->counted->bytes_uploaded += fact.size;
                 publish_block(event_kind::upload, fact.index, fact.size);
               },
               [&](const replication::block_downloaded& fact) {
                 ++around_->counted->blocks_downloaded;
                 around_->counted->bytes_downloaded += fact.size;
                 publish_block(event_kind::download, fact.index, fact.size);
               },
               [&](const replication::invalid_data&) { ++around_->counted->invalid_data; },
               [&](const replication::invalid_request&) { ++around_->counted->invalid_requests; },
               [&](const replication::peer_failed& fact) { links_.use().outputs[fact.peer].failure = fact.reason; },
               [&](const replication::peer_idle& fact) { links_.use().outputs[fact.peer].is_idle = true; },
               [&](const replication::conflict_found& fact) { freeze(fact); },
               [&](replication::extension_received& fact) { tell_listeners(std::move(fact)); },
               [&](const replication::remote_contiguous& fact) {
                 auto told = event_of(event_kind::contiguous);
                 told.length = fact.length;
                 publish(told);
               },
               [](const auto&) {
                 // counted by the replicator; nothing to tell
               },
             },
             event);
}

void core_state::send_outputs() {
  auto* links = links_.find();
  if (links == nullptr)
    return;
  for (auto& [peer, output] : links->outputs) {
    auto session = links->attached.find(peer);
    if (session == links->attached.end())
      continue;
    output.peer = peer;
    output.queued = replicator_->queued(peer);
    self_->send(session->second.session, std::move(output));
  }
  links->outputs.clear();
}

} // namespace corestore::actors
