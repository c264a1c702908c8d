#include "migration/survey.hpp"

#include <algorithm>
#include <system_error>

#include "base/text.hpp"
#include "migration/input_file.hpp"
#include "migration/legacy_directory.hpp"
#include "migration/modern_directory.hpp"

namespace corestore::migration {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t cores_max = 1000000;
constexpr std::size_t complaints_max = 1000;

/// The names in a directory, in byte order; empty for one that cannot be read.
std::vector<std::string> names_in(const fs::path& directory) {
  std::vector<std::string> names;
  std::error_code failure;
  for (fs::directory_iterator entry{directory, failure}, end; !failure && entry != end; entry.increment(failure)) {
    names.push_back(entry->path().filename().string());
    if (names.size() > cores_max)
      break;
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool is_hex(std::string_view name, std::size_t digits) {
  return name.size() == digits && name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// The first 32 bytes of a file; nothing when it is not there or shorter.
result<std::optional<primary_key>> read_secret(const fs::path& path) {
  auto file = input_file::open(path);
  if (!file)
    return fail(file.error());
  if (!*file || (*file)->size() < primary_key::size)
    return std::optional<primary_key>{};
  auto content = (*file)->read(0, primary_key::size);
  if (!content)
    return fail(content.error());
  return primary_key::from(*content);
}

using probe = bool (*)(const fs::path&);

/// Collects `AA/BB/DISCOVERY-KEY` below `top`.
result<void> find_cores(survey& found, const fs::path& top, probe is_core) {
  for (const auto& first : names_in(top)) {
    if (!is_hex(first, 2))
      continue;
    for (const auto& second : names_in(top / first)) {
      if (!is_hex(second, 2))
        continue;
      for (const auto& name : names_in(top / first / second)) {
        if (!is_hex(name, 64))
          continue;
        auto place = top / first / second / name;
        if (!is_core(place) || name.substr(0, 4) != first + second) {
          if (found.complaints.size() < complaints_max)
            found.complaints.push_back(place.string() + " holds no core");
          continue;
        }
        found.cores.push_back(place);
        if (found.cores.size() > cores_max)
          return fail(ec::limit_exceeded,
                      found.root.string() + " holds more than " + std::to_string(cores_max) + " cores");
      }
    }
  }
  return {};
}

bool has(const fs::path& path) {
  std::error_code failure;
  return fs::exists(path, failure);
}

/// Whether there are the marks of a RocksDB database.
bool is_database(const fs::path& directory) {
  if (!has(directory / "CURRENT"))
    return false;
  auto names = names_in(directory);
  return std::any_of(names.begin(), names.end(), [](const auto& name) { return name.starts_with("MANIFEST-"); });
}

} // namespace

std::string_view describe(layout kind) {
  switch (kind) {
  case layout::corestore_5:
    return "corestore 5";
  case layout::hypercore_9:
    return "hypercore 9";
  case layout::corestore_6:
    return "corestore 6";
  case layout::hypercore_10:
    return "hypercore 10";
  case layout::corestore_7:
    return "corestore 7";
  case layout::native:
    return "this engine";
  case layout::unknown:
    break;
  }
  return "unknown";
}

result<survey> look_at(const fs::path& path) {
  std::error_code failure;
  if (!fs::exists(path, failure))
    return fail(ec::not_found, path.string() + " does not exist");
  if (!fs::is_directory(path, failure))
    return fail(ec::not_found, path.string() + " is not a directory");
  survey found;
  found.root = path;
  if (has(path / "data.mdb")) {
    found.kind = layout::native;
    return found;
  }
  if (is_database(path) || is_database(path / "db")) {
    found.kind = layout::corestore_7;
    return found;
  }
  if (modern::is_core_directory(path) || legacy::is_core_directory(path)) {
    found.kind = modern::is_core_directory(path) ? layout::hypercore_10 : layout::hypercore_9;
    found.cores.push_back(path);
    return found;
  }
  auto is_six = has(path / "primary-key") || has(path / "cores");
  auto secret = read_secret(path / (is_six ? "primary-key" : "master_key"));
  if (!secret)
    return fail(secret.error());
  found.secret = *secret;
  auto cores = is_six ? find_cores(found, path / "cores", modern::is_core_directory)
                      : find_cores(found, path, legacy::is_core_directory);
  if (!cores)
    return fail(cores.error());
  if (is_six)
    found.kind = layout::corestore_6;
  else if (has(path / "master_key") || !found.cores.empty())
    found.kind = layout::corestore_5;
  if (found.kind != layout::unknown && !found.secret)
    found.complaints.push_back(path.string() + " holds no " + (is_six ? "primary key" : "master key"));
  return found;
}

result<std::unique_ptr<core_source>> open_core(const survey& found, const fs::path& core,
                                               const std::optional<primary_key>& secret) {
  auto root = found.secret ? found.secret : secret;
  auto is_nine = found.kind == layout::corestore_5 || found.kind == layout::hypercore_9;
  auto opened = is_nine ? legacy::open_directory(core, root) : modern::open_directory(core, root);
  if (!opened)
    return opened;
  auto is_store = found.kind == layout::corestore_5 || found.kind == layout::corestore_6;
  if (is_store && core.filename() != text::to_hex((*opened)->facts().header.discovery.view()))
    return fail(ec::key_mismatch, core.string() + ": the key that is stored belongs to another directory");
  return opened;
}

} // namespace corestore::migration
