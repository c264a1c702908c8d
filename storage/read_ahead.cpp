#include "storage/read_ahead.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>

#include <sys/mman.h>
#include <unistd.h>

namespace corestore::storage {

namespace {

std::uintptr_t page_bytes() {
  static const auto size = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  return size;
}

/// Start and end of the pages with `[from, until)`.
struct pages {
  pages(std::uintptr_t from, std::uintptr_t until)
      : start(from / page_bytes() * page_bytes()), end((until + page_bytes() - 1) / page_bytes() * page_bytes()) {
    // nop
  }
  std::uintptr_t start;
  std::uintptr_t end;
};

byte_view ask_for(pages wanted) {
  auto* start = reinterpret_cast<std::uint8_t*>(wanted.start);
  auto size = wanted.end - wanted.start;
  ::madvise(start, size, MADV_WILLNEED); // a part beyond the map is passed over
  return {start, size};
}

/// A word of a line of /proc/PID/maps, up to `separator`.
std::string_view take_until(std::string_view& line, char separator) {
  auto word = line.substr(0, line.find(separator));
  line.remove_prefix(std::min(word.size() + 1, line.size()));
  return word;
}

bool read_hex(std::string_view word, std::uintptr_t& value) {
  auto read = std::from_chars(word.data(), word.data() + word.size(), value, 16);
  return read.ec == std::errc{} && read.ptr == word.data() + word.size();
}

/// Advises every map of `file`; how many there are. The format of the lines is that of proc_pid_maps(5):
/// `start-end permissions offset device inode path`. By path, because some file systems show other devices and inodes
/// there than to stat().
std::size_t advise_maps(const std::filesystem::path& file, int advice) {
  std::error_code failed;
  auto name = std::filesystem::canonical(file, failed).string();
  if (failed)
    return 0;
  std::size_t found = 0;
  std::ifstream maps{"/proc/self/maps"};
  for (std::string text; std::getline(maps, text);) {
    std::string_view line = text;
    std::uintptr_t start = 0;
    std::uintptr_t end = 0;
    if (!read_hex(take_until(line, '-'), start) || !read_hex(take_until(line, ' '), end))
      continue;
    for (int column = 0; column < 4; ++column)
      take_until(line, ' ');
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    if (line != name)
      continue;
    ::madvise(reinterpret_cast<void*>(start), end - start, advice);
    ++found;
  }
  return found;
}

} // namespace

byte_view read_ahead::note(std::uint32_t number, std::uint64_t index, byte_view value) {
  auto is_next = number == number_ && index == next_ && index != 0;
  number_ = number;
  next_ = index + 1;
  auto from = reinterpret_cast<std::uintptr_t>(value.data());
  auto until = from + value.size();
  auto is_asked = from >= asked_from_ && until <= asked_until_;
  if (!is_next)
    return value.size() < large_bytes || is_asked ? byte_view{} : ask_for({from, until});
  if (is_asked && until + window_bytes / 2 <= asked_until_)
    return {};
  pages wanted{is_asked ? asked_until_ : from, until + window_bytes};
  asked_from_ = is_asked ? asked_from_ : wanted.start;
  asked_until_ = wanted.end;
  return ask_for(wanted);
}

sequential_reading::sequential_reading(const std::filesystem::path& file)
    : file_(file), maps_(advise_maps(file, MADV_NORMAL)) {
  // nop
}

sequential_reading::~sequential_reading() {
  advise_maps(file_, MADV_RANDOM);
}

} // namespace corestore::storage
