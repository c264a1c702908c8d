// Looks at everything stored, slowly and again and again: a block that the disk has changed is found before somebody
// needs it, and fetched again from a peer that has it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <caf/typed_event_based_actor.hpp>

#include "actors/local.hpp"
#include "actors/meters.hpp"
#include "storage/backend.hpp"

namespace corestore::actors {

using scrub_actor = caf::typed_actor<
  // the next slice, unless the wait for it was replaced by another one
  caf::reacts_to<tick_atom, std::uint64_t>,
  // bytes a second (0: rest), and milliseconds from the start of one walk to that of the next
  caf::reacts_to<update_atom, std::uint64_t, std::uint64_t>>;

struct scrub_arguments {
  std::shared_ptr<storage::backend> backend;
  local_store_actor store;
  meters_ptr counted;
  std::uint64_t bytes_s = 0;     ///< hashed in a second, on average; 0: it rests
  std::uint64_t interval_ms = 0; ///< from the start of one walk to that of the next
  std::function<void(const char* severity, const std::string& line)> log;
};

class scrub_state {
public:
  using self_pointer = scrub_actor::stateful_pointer<scrub_state>;

  static inline const char* name = "scrub";

  void start(self_pointer self, scrub_arguments arguments);
  void tick(std::uint64_t wait);
  void set_pace(std::uint64_t bytes_s, std::uint64_t interval_ms);

private:
  enum class stage : std::uint8_t {
    walking,
    repairing, ///< goes on by itself
    resting,   ///< until there is a rate
    waiting    ///< for the next walk
  };

  /// The core that is being looked at.
  struct walk {
    log::core_header header;
    std::uint64_t next = 0; ///< block
    std::vector<std::uint64_t> damaged;
    verify_report report;
  };

  [[nodiscard]] result<void> slice(std::uint64_t budget);
  [[nodiscard]] result<bool> next_core(const storage::snapshot& source);
  [[nodiscard]] result<bool> look(const storage::snapshot& source, std::uint64_t& budget);
  void end_pass();
  void note_damage();
  void wait_for_pass();
  void wait(std::chrono::milliseconds pause);

  void repair(walk found);
  void drop_and_fetch(const walk& found, const core_actor& core);
  void fetch(const walk& found, const core_actor& core);
  void done(const walk& found, std::uint64_t repaired, const std::string& outcome);
  void say(const char* severity, const std::string& line) const;

  self_pointer self_ = nullptr;
  scrub_arguments with_;
  corestore::discovery_key cursor_; ///< the last core that was begun
  std::optional<walk> current_;
  std::chrono::steady_clock::time_point began_; ///< this pass, or the one before
  scrub_state::stage stage_ = stage::walking;
  std::uint64_t waits_ = 0; ///< begun; a tick of an earlier one is of no interest
  std::uint64_t pass_faults_ = 0;
  std::uint64_t pass_repaired_ = 0;
  std::uint64_t damaged_before_ = 0; ///< what the pass before left
  std::uint64_t overdrawn_ = 0;      ///< bytes hashed ahead of the rate
};

scrub_actor::behavior_type scrub(scrub_state::self_pointer self, scrub_arguments arguments);

} // namespace corestore::actors
