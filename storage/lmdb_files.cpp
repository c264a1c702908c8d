#include "storage/lmdb_files.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

namespace corestore::storage {

tl::unexpected<error> file_error(const std::filesystem::path& path) {
  auto cause = errno == ENOSPC || errno == EDQUOT ? ec::storage_full : ec::storage_failed;
  return fail(cause, path.string() + ": " + std::strerror(errno));
}

open_file::~open_file() {
  if (descriptor_ >= 0)
    ::close(descriptor_);
}

open_file open_file::create(const std::filesystem::path& path) {
  ::unlink(path.c_str());
  return open_file{::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
}

result<void> sync_directory(const std::filesystem::path& path) {
  open_file directory{::open(path.empty() ? "." : path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!directory.is_open() || ::fsync(directory.descriptor()) != 0)
    return file_error(path);
  return {};
}

swap_guard::swap_guard(const std::filesystem::path& directory, int operation)
    : file_(::open((directory / "swap.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
  while (file_.is_open() && ::flock(file_.descriptor(), operation) != 0 && errno == EINTR) {
    // again
  }
}

} // namespace corestore::storage
