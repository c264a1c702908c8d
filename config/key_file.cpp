#include "config/key_file.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string_view>

#include "base/text.hpp"

namespace corestore::config {

result<primary_key> read_primary_key(const std::string& path) {
  errno = 0;
  std::ifstream file{path, std::ios::binary};
  if (!file)
    return fail(ec::bad_argument, path + ": cannot be read: " + std::strerror(errno));
  std::array<char, 128> content{}; // longer than any form of a key
  file.read(content.data(), content.size());
  std::string_view text{content.data(), static_cast<std::size_t>(file.gcount())};
  if (auto raw = primary_key::from(as_bytes(text)))
    return *raw;
  constexpr std::string_view blanks = " \t\r\n";
  auto first = text.find_first_not_of(blanks);
  if (first != std::string_view::npos)
    if (auto decoded = text::from_hex(text.substr(first, text.find_last_not_of(blanks) - first + 1)))
      if (auto key = primary_key::from(*decoded))
        return *key;
  return fail(ec::bad_argument, path + ": a primary key is 64 hex digits or 32 raw bytes");
}

} // namespace corestore::config
