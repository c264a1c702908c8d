// Notices when messages wait too long for an actor: because a disk stands still, because a handler does not return, or
// because more comes in than goes out. The store and the writer are asked for a sign of life that queues up behind
// everything else; sessions and cores, which may be many, note how late their own timers reach them.
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <caf/actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include "actors/meters.hpp"
#include "messages/type_ids.hpp"

namespace corestore::actors {

using watchdog_actor = caf::typed_actor<
  // look again
  caf::reacts_to<tick_atom>>;

struct watchdog_arguments {
  /// Who is asked, and as what it is counted.
  struct subject {
    mailbox kind = mailbox::store;
    caf::actor_addr address;
  };

  std::vector<subject> subjects;
  meters_ptr counted;
  std::chrono::milliseconds pause{1000};     ///< between two looks
  std::chrono::milliseconds age_limit{5000}; ///< messages older than that are worth a line in the log
  std::function<void(const char* severity, const std::string& line)> log;
};

class watchdog_state {
public:
  using self_pointer = watchdog_actor::stateful_pointer<watchdog_state>;

  static inline const char* name = "watchdog";

  void start(self_pointer self, watchdog_arguments arguments);
  void tick();

private:
  using time_point = std::chrono::steady_clock::time_point;

  /// One that is asked, and since when it owes an answer.
  struct watched {
    watchdog_arguments::subject subject;
    std::optional<time_point> asked;
    std::chrono::microseconds answered_after{0}; ///< the longest since the last look
  };

  void ask(std::size_t position);
  void answered(std::size_t position);
  void tell(mailbox whose, std::chrono::microseconds age);

  self_pointer self_ = nullptr;
  watchdog_arguments with_;
  std::vector<watched> watched_;
  std::array<bool, mailbox_totals::names.size()> is_late_{};
};

/// Best in a thread of its own: it has to see when all workers are busy.
watchdog_actor::behavior_type watchdog(watchdog_state::self_pointer self, watchdog_arguments arguments);

} // namespace corestore::actors
