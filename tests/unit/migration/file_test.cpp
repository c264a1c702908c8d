// Files of others are only read, ours are new: what they answer when they are not what they should be.
#include <catch2/catch.hpp>

#include <fstream>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "migration/input_file.hpp"
#include "migration/output_file.hpp"
#include "tests/support/temp_dir.hpp"

using namespace corestore;
using namespace corestore::migration;

namespace {

void put(const std::filesystem::path& path, const std::string& content) {
  std::ofstream{path, std::ios::binary} << content;
}

} // namespace

TEST_CASE("a file is read within its bounds, and never past them") {
  test::temp_dir place;
  put(place.path() / "f", "0123456789");
  auto file = input_file::open(place.path() / "f");
  REQUIRE(file);
  REQUIRE(*file);
  CHECK((*file)->size() == 10);
  CHECK(as_text((*file)->read(2, 3).value()) == "234");
  CHECK(as_text((*file)->read_some(8, 100).value()) == "89");
  CHECK((*file)->read_some(1000, 5)->empty());
  CHECK((*file)->read(8, 3).error().code == ec::decoding_failed);
  CHECK((*file)->read_all(9).error().code == ec::limit_exceeded);
  chunked_file chunks{std::move(**file)};
  std::array<std::uint8_t, 4> entry{};
  REQUIRE(chunks.read(8, entry));
  CHECK(entry == std::array<std::uint8_t, 4>{'8', '9', 0, 0});
  REQUIRE(chunks.read(std::uint64_t{1} << 50U, entry));
  CHECK(entry == std::array<std::uint8_t, 4>{});
}

TEST_CASE("chunks give the same bytes as the file, in any order") {
  test::temp_dir place;
  bytes content(500000);
  for (std::size_t i = 0; i < content.size(); ++i)
    content[i] = static_cast<std::uint8_t>(i * 2654435761U >> 13U);
  put(place.path() / "f", std::string{as_text(content)});
  chunked_file file{std::move(**input_file::open(place.path() / "f"))};
  for (std::size_t i = 0; i < 3000; ++i) {
    auto offset = i * 7919 % (content.size() - 40);
    std::array<std::uint8_t, 40> entry{};
    REQUIRE(file.read(offset, entry));
    REQUIRE(std::equal(entry.begin(), entry.end(), content.begin() + static_cast<std::ptrdiff_t>(offset)));
  }
}

TEST_CASE("what is no file is an error, and a pipe does not block") {
  test::temp_dir place;
  CHECK_FALSE(*input_file::open(place.path() / "nothing"));
  CHECK(input_file::open(place.path()).error().code == ec::storage_failed);
  REQUIRE(::mkfifo((place.path() / "pipe").c_str(), 0600) == 0);
  CHECK(input_file::open(place.path() / "pipe").error().code == ec::storage_failed);
}

TEST_CASE("a file that somebody else has locked is in use") {
  test::temp_dir place;
  put(place.path() / "f", "x");
  auto other = ::open((place.path() / "f").c_str(), O_RDWR);
  auto file = input_file::open(place.path() / "f");
  REQUIRE(::flock(other, LOCK_EX | LOCK_NB) == 0);
  CHECK((*file)->lock_shared().error().code == ec::store_held);
  REQUIRE(::flock(other, LOCK_UN) == 0);
  CHECK((*file)->lock_shared());
  ::close(other);
}

TEST_CASE("a new file never replaces another one, and holds what was written anywhere") {
  test::temp_dir place;
  auto path = place.path() / "f";
  auto file = output_file::create(path);
  REQUIRE(file);
  CHECK(output_file::create(path).error().code == ec::storage_failed);
  REQUIRE(file->write(10, as_bytes("abc")));
  REQUIRE(file->write(13, as_bytes("def")));
  REQUIRE(file->write(0, as_bytes("start")));
  REQUIRE(file->write(16, bytes(3000000, 'z')));
  REQUIRE(file->finish());
  auto back = input_file::open(path);
  CHECK((*back)->size() == 3000016);
  CHECK(as_text((*back)->read(0, 17).value()) == std::string_view{"start\0\0\0\0\0abcdefz", 17});
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777U) == 0600U);
  CHECK(make_empty_directory(place.path()).error().code == ec::bad_argument);
  CHECK(make_empty_directory(place.path() / "new" / "one"));
}
