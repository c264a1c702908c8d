// What the guards of a public port did since the start, for whoever shows it.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace corestore {

/// Why a connection was turned away or ended, or a channel refused.
enum class refusal : std::uint8_t {
  connections,         ///< as many as the server takes
  address_connections, ///< as many as one address may have
  peer_connections,    ///< as many as one Noise key may have
  denied,              ///< on the deny list
  not_allowed,         ///< there is an allow list, and it is not on it
  banned,              ///< for a while
  channels,            ///< as many channels as it may have: only the channel is refused
  handshake,           ///< no handshake, or a wrong one
  rule,                ///< it broke a rule of the protocol
  idle                 ///< not a byte for too long
};

/// Limits of rates that make a peer wait.
enum class throttle : std::uint8_t { peer_requests, address_requests, peer_bytes, address_bytes };

struct guard_totals {
  using counter = std::atomic<std::uint64_t>;

  static constexpr std::array<std::string_view, 10> refusal_names{
    "connections", "address_connections", "peer_connections",
    "denied",      "not_allowed",         "banned",
    "channels",    "handshake",           "rule",
    "idle"};
  static constexpr std::array<std::string_view, 4> throttle_names{"peer_requests", "address_requests", "peer_bytes",
                                                                  "address_bytes"};

  /// One address that is listened on, or everything that is dialled.
  struct source {
    std::string name;
    counter accepted{0};
    std::array<counter, refusal_names.size()> refused{};
  };

  counter strikes{0};
  counter bans{0};                                        ///< ever imposed
  counter requests{0};                                    ///< that peers sent
  counter connection_switches{0};                         ///< times that a connection was switched
  counter core_switches{0};                               ///< and a core, or one of its peers
  std::array<counter, throttle_names.size()> throttled{}; ///< times that a peer had to wait

  std::shared_ptr<source> add_source(std::string name) {
    auto added = std::make_shared<source>();
    added->name = std::move(name);
    std::lock_guard guard{mutex_};
    sources_.push_back(added);
    return added;
  }

  [[nodiscard]] std::vector<std::shared_ptr<const source>> sources() const {
    std::lock_guard guard{mutex_};
    return {sources_.begin(), sources_.end()};
  }

private:
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<source>> sources_;
};

} // namespace corestore
