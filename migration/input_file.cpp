#include "migration/input_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace corestore::migration {

namespace {

tl::unexpected<error> system_error(const std::filesystem::path& path) {
  return fail(ec::storage_failed, path.string() + ": " + std::strerror(errno));
}

} // namespace

result<std::optional<input_file>> input_file::open(const std::filesystem::path& path) {
  auto descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK); // a pipe in its place must not block
  if (descriptor < 0) {
    if (errno == ENOENT || errno == ENOTDIR)
      return std::optional<input_file>{};
    return system_error(path);
  }
  input_file opened;
  opened.descriptor_ = descriptor;
  opened.path_ = path;
  struct stat status {};
  if (::fstat(descriptor, &status) != 0)
    return system_error(path);
  if (!S_ISREG(status.st_mode))
    return fail(ec::storage_failed, path.string() + " is not a regular file");
  opened.size_ = static_cast<std::uint64_t>(status.st_size);
  opened.allocated_ = static_cast<std::uint64_t>(status.st_blocks) * 512;
  return std::optional<input_file>{std::move(opened)};
}

input_file::input_file(input_file&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), size_(other.size_), allocated_(other.allocated_),
      path_(std::move(other.path_)) {
  // nop
}

input_file& input_file::operator=(input_file&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(size_, other.size_);
  std::swap(allocated_, other.allocated_);
  std::swap(path_, other.path_);
  return *this;
}

input_file::~input_file() {
  if (descriptor_ >= 0)
    ::close(descriptor_);
}

result<bytes> input_file::read_some(std::uint64_t offset, std::size_t size) const {
  if (offset >= size_)
    return bytes{};
  bytes content(static_cast<std::size_t>(std::min<std::uint64_t>(size, size_ - offset)));
  std::size_t done = 0;
  while (done < content.size()) {
    auto got = ::pread(descriptor_, content.data() + done, content.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return system_error(path_);
    if (got == 0)
      break; // it became shorter meanwhile
    done += static_cast<std::size_t>(got);
  }
  content.resize(done);
  return content;
}

result<bytes> input_file::read(std::uint64_t offset, std::size_t size) const {
  auto content = read_some(offset, size);
  if (content && content->size() != size)
    return fail(ec::decoding_failed, path_.string() + " ends at byte " + std::to_string(offset + content->size()) +
                                       ", " + std::to_string(size) + " bytes were expected at " +
                                       std::to_string(offset));
  return content;
}

result<bytes> input_file::read_all(std::size_t bytes_max) const {
  if (size_ > bytes_max)
    return fail(ec::limit_exceeded,
                path_.string() + " has " + std::to_string(size_) + " bytes, more than " + std::to_string(bytes_max));
  return read(0, static_cast<std::size_t>(size_));
}

result<void> input_file::lock_shared() const {
  auto held = [this] {
    return fail(ec::store_held, path_.string() + " is in use by another process: end it first");
  };
  if (::flock(descriptor_, LOCK_SH | LOCK_NB) != 0)
    return errno == EWOULDBLOCK ? held() : system_error(path_);
  struct flock wanted {};
  wanted.l_type = F_RDLCK;
  wanted.l_whence = SEEK_SET;
  if (::fcntl(descriptor_, F_OFD_SETLK, &wanted) != 0 && (errno == EAGAIN || errno == EACCES))
    return held();
  return {};
}

chunked_file::chunked_file(input_file file) : file_(std::move(file)), chunks_(chunks_kept) {
  // nop
}

result<const bytes*> chunked_file::load(std::uint64_t number) const {
  auto& kept = chunks_[static_cast<std::size_t>(number % chunks_kept)];
  if (kept.number != number) {
    auto content = file_.read_some(number * chunk_bytes, chunk_bytes);
    if (!content)
      return fail(content.error());
    kept.number = number;
    kept.content = std::move(*content);
  }
  return &kept.content;
}

result<void> chunked_file::read(std::uint64_t offset, std::span<std::uint8_t> target) const {
  std::fill(target.begin(), target.end(), std::uint8_t{0});
  std::size_t done = 0;
  while (done < target.size() && offset + done < file_.size()) {
    auto position = offset + done;
    auto content = load(position / chunk_bytes);
    if (!content)
      return fail(content.error());
    auto start = static_cast<std::size_t>(position % chunk_bytes);
    if (start >= (*content)->size())
      break;
    auto count = std::min(target.size() - done, (*content)->size() - start);
    std::copy_n((*content)->begin() + static_cast<std::ptrdiff_t>(start), count,
                target.begin() + static_cast<std::ptrdiff_t>(done));
    done += count;
  }
  return {};
}

} // namespace corestore::migration
