#include "storage/restore.hpp"

#include <utility>
#include <vector>

#include "storage/lmdb_backend.hpp"
#include "storage/lmdb_env.hpp"
#include "storage/lmdb_files.hpp"
#include "storage/lmdb_inspect.hpp"
#include "storage/new_directory.hpp"

namespace corestore::storage {

namespace {

constexpr std::size_t fences_per_commit = 1000;

/// The owner's lock, so that the store at `from` is not at work. Where nothing can be written, nobody is.
result<directory_lock> lock_source(const std::filesystem::path& from) {
  auto lock = directory_lock::acquire(from, directory_lock::kind::owner);
  if (lock || lock.error().code == ec::store_held)
    return lock;
  return directory_lock::acquire(from, directory_lock::kind::reader);
}

result<void> copy_store(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::error_code failed;
  if (!std::filesystem::is_directory(from, failed))
    return fail(ec::not_found, from.string() + " is not a directory with a backup");
  auto lock = lock_source(from);
  if (!lock)
    return fail(std::move(lock.error()));
  if (auto inspected = inspect_data_file(from, false); !inspected)
    return inspected;
  open_options options;
  options.is_read_only = true;
  auto source = lmdb_env::open(from, options);
  if (!source)
    return fail(std::move(source.error()));
  auto file = open_file::create(to / "data.mdb");
  return file.is_open() ? (*source)->copy(file.descriptor(), false) : file_error(to / "data.mdb");
}

result<void> fence_all(backend& store, restored_store& outcome, bool is_forced) {
  std::vector<log::change_set> fences;
  {
    auto source = store.open_snapshot();
    if (!source)
      return fail(std::move(source.error()));
    error failure;
    auto visited = (*source)->each_header([&](const log::core_header& header) {
      ++outcome.cores;
      if (header.origin == log::key_origin::none || (is_forced && !header.fence))
        return true;
      auto head = (*source)->head(header.number);
      if (!head) {
        failure = std::move(head.error());
        return false;
      }
      log::change_set changes;
      changes.number = header.number;
      changes.base_fork = head->fork;
      changes.base_length = head->length;
      changes.header = header;
      changes.header->fence.reset();
      if (!is_forced)
        changes.header->fence = log::head_mark{head->fork, head->length};
      fences.push_back(std::move(changes));
      return true;
    });
    if (!visited || failure.code != ec::none)
      return fail(visited ? std::move(failure) : std::move(visited.error()));
  }
  outcome.fenced = is_forced ? 0 : fences.size();
  std::span<const log::change_set> rest{fences};
  while (!rest.empty()) {
    auto group = rest.first(std::min(rest.size(), fences_per_commit));
    if (auto applied = store.apply(group); !applied)
      return applied;
    rest = rest.subspan(group.size());
  }
  return {};
}

} // namespace

result<restored_store> restore_store(const std::filesystem::path& from, const std::filesystem::path& to,
                                     bool is_forced) {
  auto target = new_directory::create(to);
  if (!target)
    return fail(std::move(target.error()));
  if (auto copied = copy_store(from, target->path()); !copied)
    return fail(std::move(copied.error()));
  open_options options;
  options.may_open_copy = true;
  auto lock = directory_lock::acquire(target->path(), directory_lock::kind::reader);
  if (!lock)
    return fail(std::move(lock.error()));
  auto store = lmdb_backend::open(target->path(), options, std::move(*lock));
  if (!store)
    return fail(std::move(store.error()));
  restored_store outcome;
  if (auto fenced = fence_all(**store, outcome, is_forced); !fenced)
    return fail(std::move(fenced.error()));
  using mark = lmdb_backend::mark;
  if (auto marked = static_cast<lmdb_backend&>(**store).set_mark(is_forced ? mark::none : mark::restored); !marked)
    return fail(std::move(marked.error()));
  store->reset();
  auto kept = target->keep();
  if (!kept)
    return fail(std::move(kept.error()));
  outcome.bytes = *kept;
  return outcome;
}

} // namespace corestore::storage
