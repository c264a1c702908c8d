// What concerns the whole store at once: copies, compaction, and the fence after a restore.
#include <chrono>
#include <filesystem>

#include <caf/all.hpp>

#include "actors/backup.hpp"
#include "actors/store.hpp"

namespace corestore::actors {

caf::result<space_report> store_state::back_up(const std::string& directory, bool is_compact) {
  if (is_closed_)
    return closed_error();
  if (!std::filesystem::path{directory}.is_absolute())
    return make_error(ec::bad_argument, "a backup needs an absolute path, not `" + directory + "`");
  auto worker = self_->spawn<caf::detached>(backup, backend_);
  return self_->delegate(worker, backup_atom_v, directory, is_compact);
}

caf::result<space_report> store_state::compact() {
  if (is_closed_)
    return closed_error();
  auto promise = self_->make_response_promise<space_report>();
  space_report report;
  report.from_bytes = backend_->stats().file_bytes;
  if (auto source = backend_->open_snapshot())
    report.cores = (*source)->core_count().value_or(0);
  auto start = self_->clock().now();
  self_->request(writer_, caf::infinite, compact_atom_v)
    .then(
      [this, promise, report, start](bool) mutable {
        report.to_bytes = backend_->stats().file_bytes;
        auto took = std::chrono::duration_cast<std::chrono::milliseconds>(self_->clock().now() - start);
        report.took_ms = static_cast<std::uint64_t>(took.count());
        promise.deliver(report);
      },
      [promise](const caf::error& reason) mutable { promise.deliver(reason); });
  return promise;
}

caf::result<bool> store_state::set_fence(bool is_fenced) {
  if (is_closed_)
    return closed_error();
  return self_->delegate(writer_, fence_atom_v, is_fenced);
}

/// After a restore, a key that comes from outside this process may have signed already: only what is drawn at random
/// here is certainly new.
std::optional<log::head_mark> store_state::fence_for(const resolution& wanted, const core_selector& selector) const {
  if (wanted.header.origin == log::key_origin::none || selector.kind == selector_kind::at_random ||
      !backend_->is_restored())
    return std::nullopt;
  log::head_mark mark;
  if (wanted.is_stored)
    if (auto source = backend_->open_snapshot())
      if (auto head = (*source)->head(wanted.header.number))
        mark = {head->fork, head->length};
  return mark;
}

} // namespace corestore::actors
