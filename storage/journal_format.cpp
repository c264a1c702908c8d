#include "storage/journal_format.hpp"

#include <algorithm>

namespace corestore::storage {

namespace {

constexpr std::uint8_t plain_version = 1;
constexpr std::uint8_t flags_version = 2; ///< a program that knows no flags must not miss what they say
constexpr std::uint8_t signature_flag = 1;
constexpr std::size_t header_bytes = 20;

template <class Integer>
void put_little_endian(std::uint8_t* target, Integer value) {
  for (std::size_t i = 0; i < sizeof(Integer); ++i)
    target[i] = static_cast<std::uint8_t>(value >> (8 * i));
}

template <class Integer>
Integer get_little_endian(const std::uint8_t* source) {
  Integer value = 0;
  for (std::size_t i = 0; i < sizeof(Integer); ++i)
    value |= static_cast<Integer>(static_cast<Integer>(source[i]) << (8 * i));
  return value;
}

} // namespace

result<journal_view> open_journal_entry(byte_view value) {
  auto is_known = value.size() >= header_bytes && (value[0] == plain_version || value[0] == flags_version);
  auto flags = is_known && value[0] == flags_version ? value[1] : std::uint8_t{0};
  if (!is_known || (flags & ~signature_flag) != 0)
    return fail(ec::storage_damaged, "a journal entry of an unknown version");
  journal_view entry;
  entry.keeps_signature = (flags & signature_flag) != 0;
  entry.number = log::core_number{get_little_endian<std::uint32_t>(value.data() + 4)};
  entry.last = get_little_endian<std::uint64_t>(value.data() + 8);
  auto run_bytes = get_little_endian<std::uint32_t>(value.data() + 16);
  auto content = value.subspan(header_bytes);
  if (run_bytes > content.size())
    return fail(ec::storage_damaged, "a journal entry is cut short");
  entry.run = content.first(run_bytes);
  entry.record = content.subspan(run_bytes);
  return entry;
}

std::size_t journal_entry_size(std::size_t run_bytes, std::size_t record_bytes) {
  return header_bytes + run_bytes + record_bytes;
}

std::span<std::uint8_t> encode_journal_entry(log::core_number number, std::uint64_t last, std::size_t run_bytes,
                                             byte_view record, bool keeps_signature, std::span<std::uint8_t> target) {
  std::fill_n(target.begin(), 4, std::uint8_t{0});
  target[0] = keeps_signature ? flags_version : plain_version;
  target[1] = keeps_signature ? signature_flag : std::uint8_t{0};
  put_little_endian(target.data() + 4, static_cast<std::uint32_t>(number));
  put_little_endian(target.data() + 8, last);
  put_little_endian(target.data() + 16, static_cast<std::uint32_t>(run_bytes));
  std::copy(record.begin(), record.end(), target.begin() + static_cast<std::ptrdiff_t>(header_bytes + run_bytes));
  return target.subspan(header_bytes, run_bytes);
}

bytes void_journal_entry() {
  bytes value(header_bytes);
  encode_journal_entry(nobodys_core, 0, 0, {}, false, value);
  return value;
}

} // namespace corestore::storage
