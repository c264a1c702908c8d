// How a core is erased for good.
#include <caf/all.hpp>

#include "actors/store.hpp"

namespace corestore::actors {

caf::result<clear_result> store_state::purge(const core_selector& selector) {
  auto promise = self_->make_response_promise<clear_result>();
  purge_for(selector, promise);
  return promise;
}

void store_state::purge_for(const core_selector& selector, caf::typed_response_promise<clear_result> promise) {
  if (is_closed_) {
    promise.deliver(closed_error());
    return;
  }
  auto resolved = resolve(selector);
  if (!resolved || !resolved->is_stored) {
    promise.deliver(resolved ? make_error(ec::not_found, "the store does not know this core")
                             : to_caf(resolved.error()));
    return;
  }
  auto header = resolved->header;
  std::vector<log::core_header> erased{header};
  if (resolved->twin && !resolved->is_twin_new)
    erased.push_back(*resolved->twin);
  auto again = [this, selector, promise] {
    purge_for(selector, promise);
  };
  for (const auto& one : erased)
    if (auto busy = busy_.find(one.discovery); busy != busy_.end()) {
      busy->second.emplace_back(again);
      return;
    }
  for (const auto& one : erased)
    if (auto loaded = loaded_.find(one.discovery); loaded != loaded_.end()) {
      busy_[one.discovery].emplace_back(again); // after its end; handles and channels end with it
      self_->send_exit(loaded->second.handle, caf::exit_reason::user_shutdown);
      return;
    }
  busy_[header.discovery];
  auto given_back = measure(header);
  if (!given_back) {
    promise.deliver(to_caf(given_back.error()));
    settled(header.discovery);
    return;
  }
  std::vector<change_set_ptr> group;
  for (const auto& one : erased) {
    log::change_set changes;
    changes.number = one.number;
    changes.is_purge = true;
    group.push_back(std::make_shared<const log::change_set>(std::move(changes)));
  }
  self_->request(writer_, caf::infinite, commit_atom_v, std::move(group))
    .then(
      [this, header, promise, given = *given_back](std::uint64_t) mutable {
        promise.deliver(given);
        store_event event;
        event.kind = store_event_kind::purge;
        event.key = header.key;
        event.discovery = header.discovery;
        tell(scope_id{}, event);
        settled(header.discovery);
      },
      [this, header, promise](const caf::error& reason) mutable {
        promise.deliver(reason);
        settled(header.discovery);
      });
}

/// Blocks that are stored, and their bytes.
result<clear_result> store_state::measure(const log::core_header& header) const {
  auto source = backend_->open_snapshot();
  if (!source)
    return fail(source.error());
  auto head = (*source)->head(header.number);
  auto bits = (*source)->bits(header.number);
  if (!head || !bits)
    return fail(head ? bits.error() : head.error());
  clear_result found;
  found.blocks = bits->count({0, head->length});
  if (found.blocks == head->length) {
    found.bytes = head->byte_length;
    return found;
  }
  auto counted = (*source)->each_block(header.number, {0, head->length}, [&](std::uint64_t, byte_view value) {
    found.bytes += value.size();
    return true;
  });
  return counted.map([&] { return found; });
}

} // namespace corestore::actors
