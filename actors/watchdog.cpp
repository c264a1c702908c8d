#include "actors/watchdog.hpp"

#include <algorithm>
#include <utility>

#include <caf/all.hpp>

namespace corestore::actors {

namespace {

using std::chrono::microseconds;

} // namespace

void watchdog_state::start(self_pointer self, watchdog_arguments arguments) {
  self_ = self;
  with_ = std::move(arguments);
  for (auto& subject : with_.subjects)
    watched_.push_back({std::move(subject), std::nullopt, microseconds{0}});
  tick();
}

void watchdog_state::tick() {
  std::array<microseconds, mailbox_totals::names.size()> ages{};
  auto note = [&ages](mailbox whose, microseconds age) {
    auto& oldest = ages.at(static_cast<std::size_t>(whose));
    oldest = std::max(oldest, age);
  };
  auto now = self_->clock().now();
  for (std::size_t i = 0; i < watched_.size(); ++i) {
    auto& entry = watched_[i];
    note(entry.subject.kind, std::exchange(entry.answered_after, microseconds{0}));
    if (entry.asked)
      note(entry.subject.kind, std::chrono::duration_cast<microseconds>(now - *entry.asked));
    else
      ask(i);
  }
  for (std::size_t kind = 0; kind < ages.size(); ++kind) {
    note(mailbox{static_cast<std::uint8_t>(kind)},
         microseconds{with_.counted->mailboxes.noted_us.at(kind).exchange(0)});
    tell(mailbox{static_cast<std::uint8_t>(kind)}, ages.at(kind));
  }
  self_->delayed_send(self_, with_.pause, tick_atom_v);
}

/// What every actor answers by itself, when all messages before it were taken.
void watchdog_state::ask(std::size_t position) {
  auto target = caf::actor_cast<caf::actor>(watched_[position].subject.address);
  if (!target)
    return; // it has ended
  watched_[position].asked = self_->clock().now();
  self_->request(target, caf::infinite, caf::sys_atom_v, caf::get_atom_v, std::string{"info"})
    .then([this, position](caf::ok_atom, const std::string&, const caf::strong_actor_ptr&,
                           const std::string&) { answered(position); },
          [this, position](const caf::error&) { answered(position); });
}

void watchdog_state::answered(std::size_t position) {
  auto& entry = watched_[position];
  auto age = std::chrono::duration_cast<microseconds>(self_->clock().now() - *std::exchange(entry.asked, std::nullopt));
  entry.answered_after = std::max(entry.answered_after, age);
}

void watchdog_state::tell(mailbox whose, microseconds age) {
  auto kind = static_cast<std::size_t>(whose);
  with_.counted->mailboxes.age_us.at(kind) = static_cast<std::uint64_t>(age.count());
  auto is_late = age >= with_.age_limit;
  if (is_late == std::exchange(is_late_.at(kind), is_late))
    return;
  if (is_late)
    ++with_.counted->mailboxes.late.at(kind);
  if (!with_.log)
    return;
  auto who = std::string{mailbox_totals::names.at(kind)};
  auto waited = std::chrono::duration_cast<std::chrono::milliseconds>(age).count();
  if (is_late)
    with_.log("warning", "messages wait for the " + who + ": the oldest one for " + std::to_string(waited) + " ms");
  else
    with_.log("info", "messages no longer wait for the " + who);
}

watchdog_actor::behavior_type watchdog(watchdog_state::self_pointer self, watchdog_arguments arguments) {
  auto& state = self->state;
  state.start(self, std::move(arguments));
  return {[&state](tick_atom) {
    state.tick();
  }};
}

} // namespace corestore::actors
