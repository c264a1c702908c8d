#include "storage/directory_lock.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace corestore::storage {

namespace {

using directory_id = std::pair<dev_t, ino_t>; // a path may have several spellings

struct registry {
  std::mutex mutex;
  std::set<directory_id> open;
};

registry& open_directories() {
  static registry instance;
  return instance;
}

tl::unexpected<error> system_error(const std::filesystem::path& path) {
  return fail(ec::storage_failed, path.string() + ": " + std::strerror(errno));
}

tl::unexpected<error> held_by(const std::filesystem::path& directory, std::optional<long> pid) {
  return fail(ec::store_held, directory.string() + " is held by " +
                                (pid ? "process " + std::to_string(*pid) : std::string{"another process"}));
}

std::optional<long> read_pid(int descriptor) {
  std::array<char, 32> text{};
  auto size = ::pread(descriptor, text.data(), text.size(), 0);
  long pid = 0;
  if (size <= 0 || std::from_chars(text.data(), text.data() + size, pid).ec != std::errc{} || pid <= 0)
    return std::nullopt;
  return pid;
}

/// The locked file.
result<int> lock_file(const std::filesystem::path& directory) {
  auto path = directory / "owner.lock";
  auto descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0)
    return system_error(path);
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    auto reason = errno;
    auto pid = read_pid(descriptor);
    ::close(descriptor);
    errno = reason;
    return reason == EWOULDBLOCK ? held_by(directory, pid) : system_error(path);
  }
  auto text = std::to_string(::getpid()) + "\n";
  if (::ftruncate(descriptor, 0) != 0 || ::pwrite(descriptor, text.data(), text.size(), 0) < 0) {
    auto failed = system_error(path); // a full disk: without the pid in it the lock still holds
    if (errno != ENOSPC && errno != EDQUOT) {
      ::close(descriptor);
      return failed;
    }
  }
  return descriptor;
}

} // namespace

struct directory_lock::entry {
  directory_id id;
  int descriptor = -1;

  entry() = default;
  entry(const entry&) = delete;
  entry& operator=(const entry&) = delete;

  ~entry() {
    if (descriptor >= 0)
      ::close(descriptor);
    auto& directories = open_directories();
    std::lock_guard guard{directories.mutex};
    directories.open.erase(id);
  }
};

directory_lock::directory_lock(std::unique_ptr<entry> held) : held_(std::move(held)) {
  // nop
}

directory_lock::directory_lock(directory_lock&&) noexcept = default;
directory_lock& directory_lock::operator=(directory_lock&&) noexcept = default;
directory_lock::~directory_lock() = default;

result<directory_lock> directory_lock::acquire(const std::filesystem::path& directory, kind wanted) {
  struct stat status {};
  if (::stat(directory.c_str(), &status) != 0)
    return system_error(directory);
  directory_id id{status.st_dev, status.st_ino};
  {
    auto& directories = open_directories();
    std::lock_guard guard{directories.mutex};
    if (!directories.open.insert(id).second)
      return held_by(directory, ::getpid());
  }
  auto held = std::make_unique<entry>();
  held->id = id;
  if (wanted == kind::owner) {
    auto descriptor = lock_file(directory);
    if (!descriptor)
      return fail(std::move(descriptor.error()));
    held->descriptor = *descriptor;
  }
  return directory_lock{std::move(held)};
}

} // namespace corestore::storage
