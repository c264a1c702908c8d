#include "storage/lmdb_inspect.hpp"

#include <array>
#include <cstring>
#include <fstream>
#include <system_error>

namespace corestore::storage {

namespace {

// Layout of LMDB 0.9 on 64-bit little-endian machines: two meta pages, each a page header of 16 bytes, then magic,
// version, address, map size, two table descriptors of 48 bytes, last page, transaction id.
constexpr std::uint32_t lmdb_magic = 0xBEEFC0DE;
constexpr std::uint32_t lmdb_format = 1;

/// Pages at the end of the file that a transaction took and gave back are never written.
constexpr std::uint64_t unwritten_pages_max = 64;

struct meta_page {
  std::uint32_t magic = 0;
  std::uint32_t format = 0;
  std::uint32_t page_bytes = 0;
  std::uint64_t last_page = 0;
  std::uint64_t transaction = 0;
};

template <class Integer>
Integer load(const char* source) {
  Integer value = 0;
  std::memcpy(&value, source, sizeof(value));
  return value;
}

/// A page that cannot be read has no magic.
meta_page read_meta(std::ifstream& file, std::uint64_t offset) {
  std::array<char, 16 + 136> raw{};
  file.clear();
  file.seekg(static_cast<std::streamoff>(offset));
  if (!file.read(raw.data(), raw.size()))
    return {};
  return {load<std::uint32_t>(raw.data() + 16), load<std::uint32_t>(raw.data() + 20),
          load<std::uint32_t>(raw.data() + 40), load<std::uint64_t>(raw.data() + 136),
          load<std::uint64_t>(raw.data() + 144)};
}

bool is_page_size(std::uint32_t size) {
  return size >= 512 && size <= 65536 && (size & (size - 1)) == 0;
}

} // namespace

result<void> inspect_data_file(const std::filesystem::path& directory, bool may_repair) {
  auto path = directory / "data.mdb";
  std::error_code failed;
  auto status = std::filesystem::status(path, failed);
  if (status.type() == std::filesystem::file_type::not_found)
    return fail(ec::not_found, directory.string() + " holds no store");
  if (failed)
    return fail(ec::storage_failed, path.string() + ": " + failed.message());
  if (status.type() != std::filesystem::file_type::regular)
    return fail(ec::storage_damaged, path.string() + " is not a regular file");
  std::ifstream file{path, std::ios::binary};
  if (!file)
    return fail(ec::storage_failed, path.string() + " cannot be read");
  if (std::filesystem::file_size(path) == 0) // the creation was cut short: LMDB starts anew
    return may_repair ? result<void>{} : fail(ec::not_found, path.string() + " is empty");
  auto first = read_meta(file, 0);
  if (first.magic != lmdb_magic)
    return fail(ec::storage_damaged, path.string() + " is not the data file of a store");
  if (first.format != lmdb_format)
    return fail(ec::storage_format, path.string() + " has the LMDB data format " + std::to_string(first.format));
  if (!is_page_size(first.page_bytes))
    return fail(ec::storage_damaged, path.string() + " has a damaged first page");
  auto second = read_meta(file, first.page_bytes);
  if (second.magic != lmdb_magic)
    return fail(ec::storage_damaged, path.string() + " has a damaged second page");
  const auto& newest = second.transaction > first.transaction ? second : first;
  auto pages = std::filesystem::file_size(path, failed) / first.page_bytes; // asked last: a live owner only extends it
  if (pages + unwritten_pages_max < newest.last_page + 1 || newest.last_page > UINT64_MAX / 65536)
    return fail(ec::storage_damaged, path.string() + " is truncated: " + std::to_string(pages) + " of " +
                                       std::to_string(newest.last_page + 1) + " pages are left");
  if (pages < newest.last_page + 1 && may_repair)
    std::filesystem::resize_file(path, (newest.last_page + 1) * first.page_bytes, failed);
  if (failed)
    return fail(ec::storage_failed, path.string() + ": " + failed.message());
  return {};
}

} // namespace corestore::storage
