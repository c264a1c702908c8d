#include "replication/mux/channel_table.hpp"

#include <string>

#include "base/check.hpp"
#include "base/limits.hpp"

namespace corestore::replication {

namespace {

// A channel_id is the slot in the low bits and the slot's generation above, so that a stale one is told apart.
constexpr std::uint32_t slot_bits = 17;
constexpr std::uint32_t slot_mask = (std::uint32_t{1} << slot_bits) - 1;
constexpr std::uint16_t generation_max = (1U << (32 - slot_bits)) - 1;
static_assert(2 * limits::channels_per_connection_max <= slot_mask + 1);

} // namespace

channel* channel_table::create(const discovery_key& discovery, channel_state state) {
  if (state != channel_state::requested) {
    if (ours_count_ >= limits::channels_per_connection_max)
      return nullptr;
    ++ours_count_;
  }
  auto slot = static_cast<std::uint32_t>(slots_.size());
  if (free_slots_.empty()) {
    CORESTORE_CHECK(slot <= slot_mask);
    slots_.emplace_back();
  } else {
    slot = free_slots_.back();
    free_slots_.pop_back();
  }
  auto& created = slots_[slot];
  created.discovery = discovery;
  created.state = state;
  by_discovery_[discovery] = slot;
  return &created;
}

void channel_table::erase(channel& target) {
  CORESTORE_CHECK(target.state != channel_state::over);
  if (target.local_id != 0) {
    local_ids_[target.local_id - 1] = none;
    free_local_ids_.push_back(target.local_id);
  }
  if (target.remote_id != 0)
    remote_ids_[target.remote_id - 1] = none;
  if (target.local_id != 0 || target.state == channel_state::wished)
    --ours_count_;
  by_discovery_.erase(target.discovery);
  set_state(target, channel_state::over);
  target.local_id = 0;
  target.remote_id = 0;
  target.held = {};
  renew(target);
  free_slots_.push_back(slot_of(target));
}

void channel_table::renew(channel& target) {
  target.generation =
    target.generation == generation_max ? std::uint16_t{1} : static_cast<std::uint16_t>(target.generation + 1);
}

channel* channel_table::find(channel_id id) {
  auto slot = id & slot_mask;
  if (slot >= slots_.size())
    return nullptr;
  auto& found = slots_[slot];
  return found.state != channel_state::over && found.generation == id >> slot_bits ? &found : nullptr;
}

channel* channel_table::find(const discovery_key& discovery) {
  auto found = by_discovery_.find(discovery);
  return found == by_discovery_.end() ? nullptr : &slots_[found->second];
}

channel* channel_table::find_local(std::uint64_t local_id) {
  if (local_id == 0 || local_id > local_ids_.size() || local_ids_[local_id - 1] == none)
    return nullptr;
  return &slots_[local_ids_[local_id - 1]];
}

channel* channel_table::find_remote(std::uint64_t remote_id) {
  if (remote_id == 0 || remote_id > remote_ids_.size() || remote_ids_[remote_id - 1] == none)
    return nullptr;
  return &slots_[remote_ids_[remote_id - 1]];
}

channel_id channel_table::id_of(const channel& target) const {
  return std::uint32_t{target.generation} << slot_bits | slot_of(target);
}

bool channel_table::assign_local(channel& target) {
  CORESTORE_CHECK(target.local_id == 0);
  if (target.state == channel_state::requested) { // the others were counted when they were created
    if (ours_count_ >= limits::channels_per_connection_max)
      return false;
    ++ours_count_;
  }
  if (free_local_ids_.empty()) {
    local_ids_.push_back(slot_of(target));
    target.local_id = static_cast<std::uint32_t>(local_ids_.size());
  } else {
    target.local_id = free_local_ids_.back();
    free_local_ids_.pop_back();
    local_ids_[target.local_id - 1] = slot_of(target);
  }
  return true;
}

result<void> channel_table::see_remote(std::uint64_t remote_id) {
  if (remote_id == 0 || remote_id > remote_ids_.size() + 1 || find_remote(remote_id) != nullptr)
    return fail(ec::protocol_violation, "an Open with the id " + std::to_string(remote_id));
  if (remote_id > limits::channels_per_connection_max)
    return fail(ec::limit_exceeded, "too many channels");
  if (remote_id > remote_ids_.size())
    remote_ids_.push_back(none);
  return {};
}

void channel_table::assign_remote(channel& target, std::uint32_t remote_id) {
  CORESTORE_CHECK(target.remote_id == 0 && remote_ids_[remote_id - 1] == none);
  remote_ids_[remote_id - 1] = slot_of(target);
  target.remote_id = remote_id;
}

void channel_table::set_state(channel& target, channel_state state) {
  if (target.state == channel_state::open)
    --open_count_;
  if (state == channel_state::open)
    ++open_count_;
  target.state = state;
}

} // namespace corestore::replication
