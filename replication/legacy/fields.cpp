#include "replication/legacy/fields.hpp"

#include "base/limits.hpp"
#include "base/varint.hpp"

namespace corestore::replication::legacy {

namespace {

enum wire_type : std::uint8_t { type_varint = 0, type_fixed64 = 1, type_bytes = 2, type_fixed32 = 5 };

} // namespace

std::optional<std::uint64_t> field_reader::read_integer() {
  auto value = varint::read(left_);
  if (!value || *value > limits::safe_integer_max) {
    failed_ = true;
    return std::nullopt;
  }
  return value;
}

std::optional<field> field_reader::next() {
  while (!failed_ && !left_.empty()) {
    auto key = read_integer();
    if (!key)
      break;
    field found;
    found.number = *key >> 3U;
    std::uint64_t skipped = 0;
    switch (*key & 7U) {
    case type_varint: {
      auto value = read_integer();
      found.value = value.value_or(0);
      break;
    }
    case type_bytes: {
      auto size = read_integer();
      if (size && *size <= left_.size()) {
        found.is_bytes = true;
        found.content = left_.first(*size);
        left_ = left_.subspan(*size);
      } else {
        failed_ = true;
      }
      break;
    }
    case type_fixed64:
      skipped = 8;
      break;
    case type_fixed32:
      skipped = 4;
      break;
    default:
      failed_ = true;
    }
    if (found.number == 0 || skipped > left_.size())
      failed_ = true;
    if (failed_)
      break;
    left_ = left_.subspan(skipped);
    if (skipped == 0)
      return found;
  }
  return std::nullopt;
}

void write_integer(bytes& target, std::uint64_t number, std::uint64_t value) {
  varint::append(target, number << 3U | type_varint);
  varint::append(target, value);
}

void write_bytes(bytes& target, std::uint64_t number, byte_view content) {
  varint::append(target, number << 3U | type_bytes);
  varint::append(target, content.size());
  target.insert(target.end(), content.begin(), content.end());
}

} // namespace corestore::replication::legacy
