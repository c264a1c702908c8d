#include "programs/archive_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "base/limits.hpp"
#include "log/archive.hpp"

namespace corestore::programs {

namespace {

constexpr auto& magic = log::archive::magic;

tl::unexpected<error> file_error(const std::filesystem::path& path) {
  auto cause = errno == ENOSPC || errno == EDQUOT ? ec::storage_full
               : errno == ENOENT                  ? ec::not_found
                                                  : ec::storage_failed;
  return fail(cause, path.string() + ": " + std::strerror(errno));
}

bool has_magic(std::FILE* file) {
  std::array<std::uint8_t, magic.size()> found{};
  return std::fread(found.data(), 1, found.size(), file) == found.size() && found == magic;
}

} // namespace

bool is_archive(const std::filesystem::path& path) {
  std::error_code unknown;
  if (!std::filesystem::is_regular_file(path, unknown))
    return false;
  file_handle file{std::fopen(path.c_str(), "rbe")};
  return file && has_magic(file.get());
}

archive_writer::archive_writer(file_handle file, std::filesystem::path path, std::filesystem::path partial)
    : file_(std::move(file)), path_(std::move(path)), partial_(std::move(partial)) {
  // nop
}

archive_writer::~archive_writer() {
  if (file_)
    ::unlink(partial_.c_str());
}

result<archive_writer> archive_writer::create(const std::filesystem::path& path) {
  std::error_code unknown;
  if (std::filesystem::exists(std::filesystem::symlink_status(path, unknown)))
    return fail(ec::bad_argument, path.string() + " exists already");
  auto partial = path;
  partial += ".partial-" + std::to_string(::getpid());
  auto descriptor = ::open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (descriptor < 0)
    return file_error(partial);
  file_handle file{::fdopen(descriptor, "wb")};
  if (!file || std::fwrite(magic.data(), 1, magic.size(), file.get()) != magic.size())
    return file_error(partial);
  archive_writer writer{std::move(file), path, std::move(partial)};
  writer.bytes_ = magic.size();
  return writer;
}

result<void> archive_writer::put(byte_view payload) {
  std::array<std::uint8_t, 4> size{};
  for (std::size_t i = 0; i < size.size(); ++i)
    size[i] = static_cast<std::uint8_t>(payload.size() >> (8 * i));
  if (std::fwrite(size.data(), 1, size.size(), file_.get()) != size.size() ||
      std::fwrite(payload.data(), 1, payload.size(), file_.get()) != payload.size())
    return file_error(partial_);
  bytes_ += size.size() + payload.size();
  return {};
}

result<std::uint64_t> archive_writer::finish() {
  if (std::fflush(file_.get()) != 0 || ::fsync(::fileno(file_.get())) != 0)
    return file_error(partial_);
  if (::link(partial_.c_str(), path_.c_str()) != 0) // a rename would take the place of what came there meanwhile
    return file_error(path_);
  ::unlink(partial_.c_str());
  file_.reset();
  return bytes_;
}

archive_reader::archive_reader(file_handle file, std::string name, std::uint64_t size)
    : file_(std::move(file)), name_(std::move(name)), size_(size) {
  // nop
}

result<archive_reader> archive_reader::open(const std::filesystem::path& path) {
  file_handle file{std::fopen(path.c_str(), "rbe")};
  if (!file)
    return file_error(path);
  if (!has_magic(file.get()))
    return fail(ec::decoding_failed, path.string() + " is not an archive of a core");
  std::error_code unknown; // no regular file: the end is not known, and 0
  auto size = std::filesystem::file_size(path, unknown);
  return archive_reader{std::move(file), path.string(), unknown ? 0 : size};
}

result<std::optional<bytes>> archive_reader::next() {
  std::array<std::uint8_t, 4> raw{};
  auto found = std::fread(raw.data(), 1, raw.size(), file_.get());
  if (found == 0 && std::feof(file_.get()) != 0)
    return std::optional<bytes>{};
  std::size_t size = 0;
  for (std::size_t i = 0; i < raw.size(); ++i)
    size |= static_cast<std::size_t>(raw[i]) << (8 * i);
  if (found == raw.size() && size > limits::archive_frame_bytes_max)
    return fail(ec::decoding_failed, name_ + " is damaged: a frame of " + std::to_string(size) + " bytes");
  bytes payload;
  constexpr std::size_t step = std::size_t{1} << 20U; // memory follows what is really there
  while (found == raw.size() && payload.size() < size) {
    auto before = payload.size();
    payload.resize(std::min(size, before + step));
    if (std::fread(payload.data() + before, 1, payload.size() - before, file_.get()) != payload.size() - before)
      found = 0;
  }
  if (std::ferror(file_.get()) != 0)
    return file_error(name_);
  if (found != raw.size())
    return fail(ec::decoding_failed, name_ + " ends within a frame: it is not the whole archive");
  return std::optional{std::move(payload)};
}

std::uint64_t archive_reader::position() const {
  auto position = std::ftell(file_.get());
  return position < 0 ? 0 : static_cast<std::uint64_t>(position);
}

void archive_reader::rewind() {
  std::fseek(file_.get(), static_cast<long>(magic.size()), SEEK_SET);
}

} // namespace corestore::programs
