#include "storage/new_directory.hpp"

#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/lmdb_files.hpp"

namespace corestore::storage {

namespace fs = std::filesystem;

new_directory::new_directory(fs::path path, fs::path wanted) : path_(std::move(path)), wanted_(std::move(wanted)) {
  // nop
}

new_directory::new_directory(new_directory&& other) noexcept
    : path_(std::exchange(other.path_, {})), wanted_(std::move(other.wanted_)) {
  // nop
}

new_directory::~new_directory() {
  std::error_code ignored;
  if (!path_.empty())
    fs::remove_all(path_, ignored);
}

result<new_directory> new_directory::create(const fs::path& wanted) {
  std::error_code failed;
  auto name = wanted.has_filename() ? wanted : wanted.parent_path(); // `DIR/`
  if (name.empty())
    return fail(ec::bad_argument, "a directory is missing");
  auto status = fs::symlink_status(name, failed);
  if (fs::exists(status) && (!fs::is_directory(status) || !fs::is_empty(name, failed)))
    return fail(ec::bad_argument, name.string() + " exists already: name a new or an empty directory");
  failed.clear();
  if (name.has_parent_path())
    fs::create_directories(name.parent_path(), failed);
  if (failed)
    return fail(ec::storage_failed, name.parent_path().string() + ": " + failed.message());
  auto path = name;
  path += ".partial-" + std::to_string(::getpid());
  fs::remove_all(path, failed);
  if (::mkdir(path.c_str(), 0700) != 0)
    return file_error(path);
  return new_directory{std::move(path), std::move(name)};
}

result<std::uint64_t> new_directory::keep() {
  std::error_code failed;
  for (const auto* surplus : {"lock.mdb", "swap.lock", "owner.lock"})
    fs::remove(path_ / surplus, failed);
  auto size = fs::file_size(path_ / "data.mdb", failed);
  if (failed)
    return fail(ec::storage_failed, path_.string() + ": " + failed.message());
  if (auto synced = sync_directory(path_); !synced)
    return fail(std::move(synced.error()));
  if (::rename(path_.c_str(), wanted_.c_str()) != 0)
    return file_error(wanted_);
  path_.clear();
  if (auto synced = sync_directory(wanted_.parent_path()); !synced)
    return fail(std::move(synced.error()));
  return size;
}

} // namespace corestore::storage
