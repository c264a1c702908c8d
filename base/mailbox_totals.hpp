// How long messages wait before an actor takes them, by kinds of actors.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

namespace corestore {

/// Actors whose mailboxes are watched.
enum class mailbox : std::uint8_t { store, writer, session, core };

/// Times in microseconds.
struct mailbox_totals {
  using counter = std::atomic<std::uint64_t>;

  static constexpr std::array<std::string_view, 4> names{"store", "writer", "session",
                                                         "core"}; ///< in the order of `mailbox`

  std::array<counter, names.size()> age_us{}; ///< of the oldest message that waited lately
  std::array<counter, names.size()> late{};   ///< times that this passed the limit

  /// An actor saw by one of its own timers how long a message waits.
  void note(mailbox whose, std::uint64_t waited_us) {
    auto& oldest = noted_us[static_cast<std::size_t>(whose)];
    auto known = oldest.load(std::memory_order_relaxed);
    while (known < waited_us && !oldest.compare_exchange_weak(known, waited_us, std::memory_order_relaxed)) {
      // `known` is what somebody else noted meanwhile
    }
  }

  std::array<counter, names.size()> noted_us{}; ///< the longest since the watchdog looked last
};

} // namespace corestore
