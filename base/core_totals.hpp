// Sums over one store, its cores, its writer and its connections, kept as they change: reading them costs the same for
// ten cores and for a hundred thousand.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

#include "base/guard_totals.hpp"
#include "base/mailbox_totals.hpp"
#include "base/power_histogram.hpp"

namespace corestore {

struct core_totals {
  using counter = std::atomic<std::uint64_t>;

  /// Kinds of replication messages, by message type on the wire.
  static constexpr std::array<std::string_view, 10> message_names{"sync", "request", "cancel",   "data",  "no_data",
                                                                  "want", "unwant",  "bitfield", "range", "extension"};

  // since the start
  std::array<counter, message_names.size()> received{};
  std::array<counter, message_names.size()> transmitted{};
  counter invalid_data{0};     ///< answers that did not verify
  counter invalid_requests{0}; ///< requests that nobody could answer

  // over the cores in memory now
  counter complete{0}; ///< cores of which every block is here
  counter blocks{0};   ///< lengths
  counter peers{0};    ///< of all cores: a connection counts once for each core it carries

  // the way of a change to the disk
  power_histogram append_us;   ///< from an append's arrival at its core to its answer
  power_histogram queue_us;    ///< from a change set's arrival at the writer to the begin of its commit
  power_histogram commit_us;   ///< of one transaction, with its sync if the durability asks for one
  power_histogram group_count; ///< change sets of one transaction

  guard_totals guards;
  mailbox_totals mailboxes;
};

} // namespace corestore
