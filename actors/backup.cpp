#include "actors/backup.hpp"

#include <chrono>

#include <caf/all.hpp>

namespace corestore::actors {

backup_actor::behavior_type backup(backup_actor::pointer self, const std::shared_ptr<storage::backend>& backend) {
  return {[self, backend](backup_atom, const std::string& directory, bool is_compact) -> caf::result<space_report> {
    self->quit(); // after this answer: a thread of its own does not end with its last handle
    auto start = self->clock().now();
    space_report report;
    report.path = directory;
    auto source = backend->open_snapshot();
    if (!source)
      return to_caf(source.error());
    auto cores = (*source)->core_count();
    if (!cores)
      return to_caf(cores.error());
    source->reset(); // the copy has a view of its own
    report.cores = *cores;
    report.from_bytes = backend->stats().file_bytes;
    auto copied = backend->copy_to(directory, is_compact);
    if (!copied)
      return to_caf(copied.error());
    report.to_bytes = *copied;
    auto took = std::chrono::duration_cast<std::chrono::milliseconds>(self->clock().now() - start);
    report.took_ms = static_cast<std::uint64_t>(took.count());
    return report;
  }};
}

} // namespace corestore::actors
