// The replicator of a core of either generation; the calls are those of replicator.hpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "replication/dialect_events.hpp"
#include "replication/legacy/replicator.hpp"
#include "replication/replicator.hpp"

namespace corestore::replication {

struct any_outgoing {
  peer_id peer = 0;
  message_batch messages;
};

struct any_effects {
  std::vector<any_outgoing> messages;
  std::vector<log::verification> verified;
  std::optional<reorg> replaced;
  std::vector<replicator_event> events;
};

/// What is known of a peer while its core is not in memory; empty for a new peer.
using any_parked_peer = std::variant<parked_peer_ptr, legacy::parked_peer_ptr>;

/// Calls `visit` with the kind of each message, as its place in the names of statistics.
template <class Visitor>
void each_kind(const message_batch& batch, Visitor visit) {
  if (const auto* current = std::get_if<std::vector<wire::message>>(&batch)) {
    for (const auto& one : *current)
      visit(one.index());
  } else {
    for (const auto& one : std::get<std::vector<legacy::message>>(batch))
      visit(legacy::kind_of(one));
  }
}

class any_replicator {
public:
  /// In the dialect of `state.header.generation`. `state` must outlive the replicator; it is only read.
  any_replicator(const log::core_state& state, replicator_settings settings);

  // -- peers

  void add_peer(peer_id peer, peer_options options, const log::log_source& source, std::uint64_t now_ms);
  void remove_peer(peer_id peer, const log::log_source& source, std::uint64_t now_ms);
  /// Messages of the other dialect are dropped.
  void receive(peer_id peer, message_batch messages, const log::log_source& source, std::uint64_t now_ms);
  void grant(peer_id peer, std::size_t bytes, const log::log_source& source);

  // -- leaving the memory, and coming back

  [[nodiscard]] bool is_quiet() const;
  [[nodiscard]] bool is_missed(peer_id peer) const;
  [[nodiscard]] bool is_known_to_peers() const;
  [[nodiscard]] any_parked_peer park_peer(peer_id peer);
  /// What was parked in the other dialect counts as nothing: the peer is new.
  void unpark_peer(peer_id peer, peer_options options, const any_parked_peer& parked, const log::log_source& source,
                   std::uint64_t now_ms);

  // -- what happened to the log

  void changed(const log::change_set& changes, bool is_ours, const log::log_source& source, std::uint64_t now_ms);
  void discarded(const std::vector<log::verification>& verified, const log::log_source& source, std::uint64_t now_ms);

  // -- wishes

  void want_block(std::uint64_t index, const log::log_source& source, std::uint64_t now_ms);
  void drop_block(std::uint64_t index);
  void want_blocks(const std::vector<std::uint64_t>& indices, const log::log_source& source, std::uint64_t now_ms);
  void drop_blocks(const std::vector<std::uint64_t>& indices);
  void add_download(download_id id, log::block_range range, bool is_linear, const log::log_source& source,
                    std::uint64_t now_ms);
  void remove_download(download_id id);
  void add_seek(seek_id id, std::uint64_t byte_position, std::uint64_t padding, const log::log_source& source,
                std::uint64_t now_ms);
  void remove_seek(seek_id id);
  void set_downloading(bool is_downloading, const log::log_source& source, std::uint64_t now_ms);

  // -- extensions, pushes, switches

  bool add_extension(const std::string& name);
  void remove_extension(const std::string& name);
  /// In generation 9 only to peers that announced the name themselves.
  std::size_t send_extension(peer_id peer, const std::string& name, const bytes& payload);
  void set_allow_push(bool is_allowed, const log::log_source& source, std::uint64_t now_ms);
  void set_push_only(bool is_push_only, const log::log_source& source, std::uint64_t now_ms);
  /// Always to nobody in generation 9: its peers do not say that they allow it.
  std::size_t push(std::uint64_t index, const log::log_source& source, std::uint64_t now_ms);
  void set_transfers(peer_id peer, bool may_upload, bool may_download, const log::log_source& source,
                     std::uint64_t now_ms);

  // -- questions

  [[nodiscard]] bool is_update_settled() const;
  [[nodiscard]] std::vector<peer_info> peers() const;
  [[nodiscard]] std::size_t peer_count() const;
  [[nodiscard]] std::uint64_t remote_contiguous_length() const;
  [[nodiscard]] wire_statistics statistics() const;
  [[nodiscard]] std::size_t queued(peer_id peer) const;
  void tick(const log::log_source& source, std::uint64_t now_ms);
  [[nodiscard]] std::optional<std::uint64_t> next_tick_ms() const;
  [[nodiscard]] any_effects take_effects();

private:
  [[nodiscard]] replicator* current() {
    return std::get_if<replicator>(&machine_);
  }
  [[nodiscard]] legacy::replicator& previous() {
    return std::get<legacy::replicator>(machine_);
  }

  std::variant<std::monostate, replicator, legacy::replicator> machine_;
};

} // namespace corestore::replication
