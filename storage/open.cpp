#include "storage/open.hpp"

#include <cerrno>
#include <cstring>
#include <system_error>

#include <sys/stat.h>

#include "storage/lmdb_backend.hpp"
#include "storage/lmdb_inspect.hpp"

namespace corestore::storage {

namespace {

/// The directory itself is for its owner only: it holds the primary key.
result<void> make_directory(const std::filesystem::path& path) {
  std::error_code failed;
  if (path.has_parent_path())
    std::filesystem::create_directories(path.parent_path(), failed);
  if (!failed && ::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    failed = {errno, std::system_category()};
  return failed ? fail(ec::storage_failed, path.string() + ": " + failed.message()) : result<void>{};
}

result<void> prepare(const std::filesystem::path& path, const open_options& options) {
  std::error_code failed;
  auto status = std::filesystem::status(path, failed);
  if (status.type() == std::filesystem::file_type::not_found) {
    if (options.is_read_only || !options.may_create)
      return fail(ec::not_found, path.string() + " does not exist");
    return make_directory(path);
  }
  if (failed)
    return fail(ec::storage_failed, path.string() + ": " + failed.message());
  if (status.type() != std::filesystem::file_type::directory)
    return fail(ec::storage_damaged, path.string() + " is not a directory");
  return {};
}

} // namespace

result<std::unique_ptr<backend>> open_store(const std::filesystem::path& path, const open_options& options) {
  if (auto prepared = prepare(path, options); !prepared)
    return fail(std::move(prepared.error()));
  auto kind = options.is_read_only ? directory_lock::kind::reader : directory_lock::kind::owner;
  auto lock = directory_lock::acquire(path, kind);
  if (!lock)
    return fail(std::move(lock.error()));
  auto inspected = inspect_data_file(path, !options.is_read_only);
  auto is_missing = !inspected && inspected.error().code == ec::not_found;
  if (!inspected && !(is_missing && options.may_create && !options.is_read_only))
    return fail(std::move(inspected.error()));
  return lmdb_backend::open(path, options, std::move(*lock));
}

} // namespace corestore::storage
