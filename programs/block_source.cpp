#include "programs/block_source.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include "base/limits.hpp"

namespace corestore::programs {

namespace {

constexpr std::size_t read_bytes = std::size_t{64} << 10U;

/// Blocks of a batch when the caller does not say.
constexpr std::size_t batch_blocks_default = 1024;

/// A batch is closed when it holds that much, whatever the number of its blocks: batches in flight are memory.
constexpr std::size_t batch_bytes_max = std::size_t{4} << 20U;

} // namespace

block_source::block_source(block_source_options options) : options_(std::move(options)) {
  if (options_.files.empty())
    options_.files.emplace_back("-");
}

block_source::~block_source() {
  if (descriptor_ > STDIN_FILENO)
    close(descriptor_);
}

std::string block_source::file_name() const {
  const auto& name = options_.files[file_];
  return name == "-" ? "standard input" : name;
}

std::size_t block_source::blocks_max() const {
  return options_.batch_blocks_max == 0 ? batch_blocks_default : options_.batch_blocks_max;
}

bool block_source::is_batch_full() const {
  return batch_.size() >= blocks_max() || batch_bytes_ >= batch_bytes_max;
}

bool block_source::is_ready() const {
  if (descriptor_ < 0)
    return file_ >= options_.files.size() || options_.files[file_] != "-";
  pollfd source{descriptor_, POLLIN, 0};
  return poll(&source, 1, 0) != 0;
}

result<std::vector<shared_bytes>> block_source::next() {
  for (;;) {
    if (is_batch_full() || (file_ >= options_.files.size() && !batch_.empty()))
      return take_batch();
    if (file_ >= options_.files.size())
      return std::vector<shared_bytes>{};
    if (descriptor_ < 0)
      if (auto opened = open_file(); !opened)
        return fail(opened.error());
    if (auto done = cut(); !done)
      return fail(done.error());
    if (is_batch_full())
      continue;
    // Without --batch, input that is slow to come is not waited for: what is there is a batch.
    if (options_.batch_blocks_max == 0 && !batch_.empty() && !is_ready())
      return take_batch();
    auto more = read_more();
    if (!more)
      return fail(more.error());
    if (!*more)
      finish_file();
  }
}

result<void> block_source::open_file() {
  if (options_.files[file_] == "-") {
    descriptor_ = STDIN_FILENO;
    return {};
  }
  descriptor_ = open(options_.files[file_].c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor_ < 0)
    return fail(ec::storage_failed, file_name() + ": " + std::strerror(errno));
  return {};
}

result<bool> block_source::read_more() {
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(cut_));
  scanned_ -= std::min(scanned_, cut_);
  cut_ = 0;
  auto size = pending_.size();
  pending_.resize(size + read_bytes);
  ssize_t count = -1;
  do {
    count = read(descriptor_, pending_.data() + size, read_bytes);
  } while (count < 0 && errno == EINTR);
  auto reason = errno;
  pending_.resize(size + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  if (count < 0)
    return fail(ec::storage_failed, file_name() + ": " + std::strerror(reason));
  return count > 0;
}

result<void> block_source::cut() {
  if (options_.by_line) {
    if (auto done = cut_lines(); !done)
      return done;
  } else if (options_.block_bytes > 0) {
    while (pending_.size() - cut_ >= options_.block_bytes && !is_batch_full())
      add_block(byte_view{pending_}.subspan(cut_, options_.block_bytes));
  }
  if (!is_batch_full() && pending_.size() - cut_ > limits::block_bytes_max)
    return fail(ec::bad_argument,
                fmt::format("{}: a block may have {} bytes at most{}", file_name(), limits::block_bytes_max,
                            options_.by_line ? "" : "; --block-size or --lines cut it into several"));
  return {};
}

result<void> block_source::cut_lines() {
  while (!is_batch_full()) {
    scanned_ = std::max(scanned_, cut_);
    auto from = pending_.begin() + static_cast<std::ptrdiff_t>(scanned_);
    auto found = std::find(from, pending_.end(), std::uint8_t{'\n'});
    if (found == pending_.end()) {
      scanned_ = pending_.size();
      return {};
    }
    auto size = static_cast<std::size_t>(found - pending_.begin()) - cut_;
    if (size > limits::block_bytes_max)
      return fail(ec::bad_argument, fmt::format("{}: a line of {} bytes; a block may have {} at most", file_name(),
                                                size, limits::block_bytes_max));
    add_block(byte_view{pending_}.subspan(cut_, size));
    ++cut_; // the line end
  }
  return {};
}

/// What is left is the last line, the last and shorter block, or the file as a whole.
void block_source::finish_file() {
  auto is_whole_file = !options_.by_line && options_.block_bytes == 0;
  if (pending_.size() > cut_ || is_whole_file)
    add_block(byte_view{pending_}.subspan(cut_));
  pending_.clear();
  cut_ = scanned_ = 0;
  if (descriptor_ > STDIN_FILENO)
    close(descriptor_);
  descriptor_ = -1;
  ++file_;
}

void block_source::add_block(byte_view content) {
  batch_.push_back(shared_bytes::copy_of(content));
  batch_bytes_ += content.size();
  cut_ += content.size();
}

std::vector<shared_bytes> block_source::take_batch() {
  batch_bytes_ = 0;
  return std::exchange(batch_, {});
}

} // namespace corestore::programs
