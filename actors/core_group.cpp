// A core and the group that it is in.
#include <caf/all.hpp>

#include "actors/core.hpp"
#include "base/text.hpp"

namespace corestore::actors {

caf::result<core_record> core_state::set_group(const bytes& topic) {
  log::group_change wanted;
  if (!topic.empty()) {
    wanted.topic = hash32::from(topic);
    if (!wanted.topic)
      return make_error(ec::bad_argument, "the topic of a group has 32 bytes, not " + std::to_string(topic.size()));
  }
  auto promise = self_->make_response_promise<core_record>();
  edit change;
  change.stage = [this, wanted](const storage::snapshot&) -> result<log::change_set> {
    log::change_set changes;
    changes.number = log_.header.number;
    changes.base_fork = log_.head.fork;
    changes.base_length = log_.head.length;
    if (wanted.topic ? group_ && *group_ == *wanted.topic : !group_)
      return changes;
    if (wanted.topic && group_)
      return fail(ec::conflict,
                  "the core is in the group " + text::to_hex(group_->view()) + ": it has to leave that one first");
    changes.group = wanted;
    return changes;
  };
  change.done = [this, promise](const result<void>& outcome) mutable {
    if (outcome)
      promise.deliver(record());
    else
      promise.deliver(to_caf(outcome.error()));
  };
  enqueue(std::move(change));
  return promise;
}

/// The log has changed, durably: those who watch the store hear of it when the core is in a group.
void core_state::note_group_change() {
  if (!group_)
    return;
  group_board::change change{*group_, log_.header.key, log_.head.length, log_.head.fork};
  if (!around_->changed->put(log_.header.discovery, change))
    return;
  if (auto store = caf::actor_cast<local_store_actor>(around_->store))
    self_->send(store, group_atom_v);
}

} // namespace corestore::actors
