// What the system is told about the order of reads, and that it hears it.
#include <catch2/catch.hpp>

#include <fstream>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "storage/read_ahead.hpp"
#include "tests/unit/storage/support.hpp"

namespace corestore::storage {

namespace {

constexpr std::size_t map_bytes = std::size_t{8} << 20U;
constexpr std::size_t block_bytes = 1000;
constexpr std::uint32_t number = 7;

/// A file of zeros, read through a map as a store is.
class mapped_file {
public:
  explicit mapped_file(std::filesystem::path path) : path_(std::move(path)) {
    std::ofstream{path_}.close();
    std::filesystem::resize_file(path_, map_bytes);
    auto descriptor = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    REQUIRE(descriptor >= 0);
    map_ = ::mmap(nullptr, map_bytes, PROT_READ, MAP_SHARED, descriptor, 0);
    ::close(descriptor);
    REQUIRE(map_ != MAP_FAILED);
    REQUIRE(::madvise(map_, map_bytes, MADV_RANDOM) == 0);
  }
  mapped_file(const mapped_file&) = delete;
  mapped_file& operator=(const mapped_file&) = delete;
  ~mapped_file() {
    ::munmap(map_, map_bytes);
  }

  [[nodiscard]] const std::filesystem::path& path() const {
    return path_;
  }
  [[nodiscard]] byte_view block(std::uint64_t index, std::size_t size = block_bytes) const {
    return {static_cast<const std::uint8_t*>(map_) + index * block_bytes, size};
  }

private:
  std::filesystem::path path_;
  void* map_ = nullptr;
};

/// Whether every map of `file` is marked as read at random, proc_pid_smaps(5): `rr` among its flags. Fails the test
/// when there is none.
bool is_read_at_random(const std::filesystem::path& file) {
  std::ifstream maps{"/proc/self/smaps"};
  auto name = std::filesystem::canonical(file).string();
  std::size_t found = 0;
  std::size_t random = 0;
  bool is_ours = false;
  for (std::string line; std::getline(maps, line);) {
    auto is_head = line.find('-') < line.find(' ') && line.find(':') > line.find(' ');
    if (is_head)
      is_ours = line.ends_with(" " + name);
    if (!is_ours || !line.starts_with("VmFlags:"))
      continue;
    ++found;
    random += (line + " ").find(" rr ") != std::string::npos ? 1 : 0;
  }
  REQUIRE(found > 0);
  return random == found;
}

bool covers(byte_view asked, byte_view part) {
  return asked.data() <= part.data() && asked.data() + asked.size() >= part.data() + part.size();
}

} // namespace

TEST_CASE("reads at random ask for nothing, unless a value is large") {
  testing::temporary_directory folder;
  mapped_file file{folder.path() / "file"};
  read_ahead ahead;
  for (std::uint64_t index : {5, 900, 17, 17, 3, 0, 2})
    CHECK(ahead.note(number, index, file.block(index)).empty());
  auto large = file.block(4000, read_ahead::large_bytes);
  auto asked = ahead.note(number, 4000, large);
  CHECK(covers(asked, large));
  CHECK(asked.size() <= read_ahead::large_bytes + 2 * std::size_t{4096});
}

TEST_CASE("reads in order ask for what follows, and once for each part of it") {
  testing::temporary_directory folder;
  mapped_file file{folder.path() / "file"};
  read_ahead ahead;
  CHECK(ahead.note(number, 20, file.block(20)).empty());
  CHECK(covers(ahead.note(number, 21, file.block(21)), file.block(22, read_ahead::window_bytes)));
  std::size_t requests = 1;
  std::size_t bytes = 0;
  const std::uint64_t last = 4000;
  for (std::uint64_t index = 22; index <= last; ++index) {
    auto asked = ahead.note(number, index, file.block(index));
    requests += asked.empty() ? 0 : 1;
    bytes += asked.size();
  }
  CHECK(requests <= last * block_bytes / (read_ahead::window_bytes / 2) + 1);
  CHECK(bytes <= last * block_bytes + read_ahead::window_bytes);
  CHECK(bytes >= (last - 22) * block_bytes - read_ahead::window_bytes);

  SECTION("the same index of another core is not in order") {
    CHECK(ahead.note(number + 1, last + 1, file.block(0)).empty());
  }
  SECTION("what lies elsewhere in the map is asked for anew") {
    CHECK(covers(ahead.note(number, last + 1, file.block(6000)), file.block(6000)));
  }
  SECTION("the end of the map is no limit") {
    auto end = map_bytes / block_bytes - 1;
    CHECK(ahead.note(number, end - 1, file.block(end - 1)).empty());
    CHECK(covers(ahead.note(number, end, file.block(end)), file.block(end)));
  }
}

TEST_CASE("maps of a file are read in order for a while") {
  testing::temporary_directory folder;
  mapped_file file{folder.path() / "file with a name"};
  mapped_file other{folder.path() / "other"};
  CHECK(is_read_at_random(file.path()));
  {
    sequential_reading walk{file.path()};
    CHECK(walk.maps() == 1);
    CHECK_FALSE(is_read_at_random(file.path()));
    CHECK(is_read_at_random(other.path()));
  }
  CHECK(is_read_at_random(file.path()));
  CHECK(sequential_reading{folder.path() / "none"}.maps() == 0);
}

TEST_CASE("a store is opened for reads at random") {
  testing::temporary_directory folder;
  auto store = open_store(folder.store(), {});
  REQUIRE(store);
  CHECK(is_read_at_random(folder.store() / "data.mdb"));
}

} // namespace corestore::storage
