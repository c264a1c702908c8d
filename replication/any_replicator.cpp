#include "replication/any_replicator.hpp"

namespace corestore::replication {

namespace {

/// Calls `action` with the machine of the generation that was chosen.
template <class Machines, class Action>
auto with(Machines& machines, Action action) {
  if (auto* current = std::get_if<replicator>(&machines))
    return action(*current);
  return action(std::get<legacy::replicator>(machines));
}

} // namespace

any_replicator::any_replicator(const log::core_state& state, replicator_settings settings) {
  if (state.header.generation == log::generation::g9)
    machine_.emplace<legacy::replicator>(state, settings);
  else
    machine_.emplace<replicator>(state, settings);
}

// -- calls that differ

void any_replicator::receive(peer_id peer, message_batch messages, const log::log_source& source,
                             std::uint64_t now_ms) {
  if (auto* machine = current()) {
    if (auto* batch = std::get_if<std::vector<wire::message>>(&messages))
      machine->receive(peer, std::move(*batch), source, now_ms);
  } else if (auto* batch = std::get_if<std::vector<legacy::message>>(&messages)) {
    previous().receive(peer, std::move(*batch), source, now_ms);
  }
}

void any_replicator::want_block(std::uint64_t index, const log::log_source& source, std::uint64_t now_ms) {
  want_blocks({index}, source, now_ms);
}

void any_replicator::drop_block(std::uint64_t index) {
  drop_blocks({index});
}

void any_replicator::add_seek(seek_id id, std::uint64_t byte_position, std::uint64_t padding,
                              const log::log_source& source, std::uint64_t now_ms) {
  if (auto* machine = current())
    machine->add_seek(id, byte_position, padding, source, now_ms);
  else
    previous().add_seek(id, byte_position, source, now_ms);
}

void any_replicator::set_allow_push(bool is_allowed, const log::log_source& source, std::uint64_t now_ms) {
  if (auto* machine = current())
    machine->set_allow_push(is_allowed, source, now_ms);
  else
    previous().set_allow_push(is_allowed);
}

std::size_t any_replicator::push(std::uint64_t index, const log::log_source& source, std::uint64_t now_ms) {
  auto* machine = current();
  return machine == nullptr ? 0 : machine->push(index, source, now_ms);
}

any_parked_peer any_replicator::park_peer(peer_id peer) {
  if (auto* machine = current())
    return machine->park_peer(peer);
  return previous().park_peer(peer);
}

void any_replicator::unpark_peer(peer_id peer, peer_options options, const any_parked_peer& parked,
                                 const log::log_source& source, std::uint64_t now_ms) {
  if (auto* machine = current()) {
    const auto* known = std::get_if<parked_peer_ptr>(&parked);
    machine->unpark_peer(peer, options, known == nullptr ? nullptr : *known, source, now_ms);
  } else {
    const auto* known = std::get_if<legacy::parked_peer_ptr>(&parked);
    previous().unpark_peer(peer, options, known == nullptr ? nullptr : *known, source, now_ms);
  }
}

any_effects any_replicator::take_effects() {
  any_effects all;
  auto take = [&all](auto&& produced) {
    all.messages.reserve(produced.messages.size());
    for (auto& one : produced.messages)
      all.messages.push_back({one.peer, std::move(one.messages)});
    all.verified = std::move(produced.verified);
    all.events = std::move(produced.events);
  };
  if (auto* machine = current()) {
    auto produced = machine->take_effects();
    all.replaced = std::move(produced.replaced);
    take(std::move(produced));
  } else {
    take(previous().take_effects());
  }
  return all;
}

// -- calls that are the same

void any_replicator::add_peer(peer_id peer, peer_options options, const log::log_source& source, std::uint64_t now_ms) {
  return with(machine_, [&](auto& machine) { return machine.add_peer(peer, options, source, now_ms); });
}

void any_replicator::remove_peer(peer_id peer, const log::log_source& source, std::uint64_t now_ms) {
  return with(machine_, [&](auto& machine) { return machine.remove_peer(peer, source, now_ms); });
}

void any_replicator::grant(peer_id peer, std::size_t bytes, const log::log_source& source) {
  return with(machine_, [&](auto& machine) { return machine.grant(peer, bytes, source); });
}

void any_replicator::changed(const log::change_set& changes, bool is_ours, const log::log_source& source,
                             std::uint64_t now_ms) {
  return with(machine_, [&](auto& machine) { return machine.changed(changes, is_ours, source, now_ms); });
}

void any_replicator::discarded(const std::vector<log::verification>& verified, const log::log_source& source,
                               std::uint64_t now_ms) {
  return with(machine_, [&](auto& machine) { return machine.discarded(verified, source, now_ms); });
}

void any_replicator::want_blocks(const std::vector<std::uint64_t>& indices, const log::log_source& source,
                                 std::uint64_t now_ms) {
  return with(machine_, [&](auto& machine) { return machine.want_blocks(indices, source, now_ms); });
}

void any_replicator::drop_blocks(const std::vector<std::uint64_t>& indices) {
  return with(machine_, [&](auto& machine) { return machine.drop_blocks(indices); });
}

void any_replicator::add_download(download_id id, log::block_range range, bool is_linear, const log::log_source& source,
                                  std::uint64_t now_ms) {
  return with(machine_, [&](auto& machine) { return machine.add_download(id, range, is_linear, source, now_ms); });
}

void any_replicator::remove_download(download_id id) {
  return with(machine_, [&](auto& machine) { return machine.remove_download(id); });
}

void any_replicator::remove_seek(seek_id id) {
  return with(machine_, [&](auto& machine) { return machine.remove_seek(id); });
}

void any_replicator::set_downloading(bool is_downloading, const log::log_source& source, std::uint64_t now_ms) {
  return with(machine_, [&](auto& machine) { return machine.set_downloading(is_downloading, source, now_ms); });
}

bool any_replicator::add_extension(const std::string& name) {
  return with(machine_, [&](auto& machine) { return machine.add_extension(name); });
}

void any_replicator::remove_extension(const std::string& name) {
  return with(machine_, [&](auto& machine) { return machine.remove_extension(name); });
}

std::size_t any_replicator::send_extension(peer_id peer, const std::string& name, const bytes& payload) {
  return with(machine_, [&](auto& machine) { return machine.send_extension(peer, name, payload); });
}

void any_replicator::set_push_only(bool is_push_only, const log::log_source& source, std::uint64_t now_ms) {
  return with(machine_, [&](auto& machine) { return machine.set_push_only(is_push_only, source, now_ms); });
}

void any_replicator::set_transfers(peer_id peer, bool may_upload, bool may_download, const log::log_source& source,
                                   std::uint64_t now_ms) {
  return with(machine_,
              [&](auto& machine) { return machine.set_transfers(peer, may_upload, may_download, source, now_ms); });
}

bool any_replicator::is_quiet() const {
  return with(machine_, [&](auto& machine) { return machine.is_quiet(); });
}

bool any_replicator::is_known_to_peers() const {
  return with(machine_, [&](auto& machine) { return machine.is_known_to_peers(); });
}

bool any_replicator::is_missed(peer_id peer) const {
  return with(machine_, [&](auto& machine) { return machine.is_missed(peer); });
}

bool any_replicator::is_update_settled() const {
  return with(machine_, [&](auto& machine) { return machine.is_update_settled(); });
}

std::vector<peer_info> any_replicator::peers() const {
  return with(machine_, [&](auto& machine) { return machine.peers(); });
}

std::size_t any_replicator::peer_count() const {
  return with(machine_, [&](auto& machine) { return machine.peer_count(); });
}

std::uint64_t any_replicator::remote_contiguous_length() const {
  return with(machine_, [&](auto& machine) { return machine.remote_contiguous_length(); });
}

wire_statistics any_replicator::statistics() const {
  return with(machine_, [&](auto& machine) { return machine.statistics(); });
}

std::size_t any_replicator::queued(peer_id peer) const {
  return with(machine_, [&](auto& machine) { return machine.queued(peer); });
}

void any_replicator::tick(const log::log_source& source, std::uint64_t now_ms) {
  return with(machine_, [&](auto& machine) { return machine.tick(source, now_ms); });
}

std::optional<std::uint64_t> any_replicator::next_tick_ms() const {
  return with(machine_, [&](auto& machine) { return machine.next_tick_ms(); });
}

} // namespace corestore::replication
