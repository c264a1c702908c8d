#include "migration/output_file.hpp"

#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace corestore::migration {

namespace {

constexpr std::size_t buffer_bytes_max = std::size_t{1} << 20U;

tl::unexpected<error> system_error(const std::filesystem::path& path) {
  auto is_full = errno == ENOSPC || errno == EDQUOT;
  return fail(is_full ? ec::storage_full : ec::storage_failed, path.string() + ": " + std::strerror(errno));
}

} // namespace

result<output_file> output_file::create(const std::filesystem::path& path) {
  output_file made;
  made.path_ = path;
  made.descriptor_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (made.descriptor_ < 0)
    return system_error(path);
  return made;
}

output_file::output_file(output_file&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), path_(std::move(other.path_)),
      buffered_at_(other.buffered_at_), buffer_(std::move(other.buffer_)) {
  // nop
}

output_file& output_file::operator=(output_file&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(path_, other.path_);
  std::swap(buffered_at_, other.buffered_at_);
  std::swap(buffer_, other.buffer_);
  return *this;
}

output_file::~output_file() {
  if (descriptor_ >= 0)
    ::close(descriptor_);
}

result<void> output_file::write(std::uint64_t offset, byte_view content) {
  if (offset != buffered_at_ + buffer_.size() || buffer_.size() + content.size() > buffer_bytes_max) {
    if (auto done = flush(); !done)
      return done;
    buffered_at_ = offset;
  }
  if (content.size() > buffer_bytes_max)
    return put(offset, content);
  buffer_.insert(buffer_.end(), content.begin(), content.end());
  return {};
}

result<void> output_file::flush() {
  auto done = put(buffered_at_, buffer_);
  buffered_at_ += buffer_.size();
  buffer_.clear();
  return done;
}

result<void> output_file::put(std::uint64_t offset, byte_view content) {
  while (!content.empty()) {
    auto written = ::pwrite(descriptor_, content.data(), content.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      return system_error(path_);
    content = content.subspan(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
  return {};
}

result<void> output_file::resize(std::uint64_t size) {
  if (auto done = flush(); !done)
    return done;
  if (::ftruncate(descriptor_, static_cast<off_t>(size)) != 0)
    return system_error(path_);
  return {};
}

result<void> output_file::finish() {
  if (auto done = flush(); !done)
    return done;
  if (::fsync(descriptor_) != 0)
    return system_error(path_);
  return {};
}

result<void> write_file(const std::filesystem::path& path, byte_view content) {
  auto file = output_file::create(path);
  if (!file)
    return fail(file.error());
  if (auto done = file->write(0, content); !done)
    return done;
  return file->finish();
}

result<void> make_empty_directory(const std::filesystem::path& path) {
  std::error_code failure;
  std::filesystem::create_directories(path, failure);
  if (failure)
    return fail(ec::storage_failed, path.string() + ": " + failure.message());
  auto is_empty = std::filesystem::is_empty(path, failure);
  if (failure)
    return fail(ec::storage_failed, path.string() + ": " + failure.message());
  if (!is_empty)
    return fail(ec::bad_argument, path.string() + " is not empty");
  std::filesystem::permissions(path, std::filesystem::perms::owner_all, failure);
  return {};
}

} // namespace corestore::migration
