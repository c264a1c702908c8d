#include "storage/lmdb_bits.hpp"

#include <algorithm>

#include "storage/lmdb_lookup.hpp"
#include "storage/tree_math.hpp"

namespace corestore::storage {

namespace {

constexpr auto page_bits = schema::bits_per_record;
constexpr std::size_t loaded_max = 1024; // one megabyte

using bit_array = std::array<std::uint8_t, page_bits / 8>;

bool test_bit(const bit_array& bits, std::uint64_t position) {
  return (bits[position / 8] >> (position % 8) & 1U) != 0;
}

void fill_bits(bit_array& bits, std::uint64_t start, std::uint64_t end, bool value) {
  for (auto position = start; position < end;) {
    if (position % 8 == 0 && end - position >= 8) {
      bits[position / 8] = value ? 0xff : 0;
      position += 8;
      continue;
    }
    auto mask = static_cast<std::uint8_t>(1U << (position % 8));
    auto& byte = bits[position / 8];
    byte = static_cast<std::uint8_t>(value ? byte | mask : byte & ~mask);
    ++position;
  }
}

std::uint64_t first_unset(const bit_array& bits, std::uint64_t start) {
  auto position = start;
  while (position < page_bits) {
    if (position % 8 == 0 && bits[position / 8] == 0xff)
      position += 8;
    else if (test_bit(bits, position))
      ++position;
    else
      break;
  }
  return position;
}

} // namespace

result<lmdb_bits::record_content*> lmdb_bits::load(std::uint64_t page) {
  if (auto known = loaded_.find(page); known != loaded_.end())
    return &known->second;
  if (loaded_.size() >= loaded_max) {
    if (auto written = write_changed(); !written)
      return fail(std::move(written.error()));
    loaded_.clear();
  }
  record_content content;
  if (record_.bit_records != 0) {
    auto value = txn_.get(schema::table::bits, schema::encode_key(number_, page));
    if (!value)
      return fail(std::move(value.error()));
    if (*value) {
      if ((*value)->size() > content.bits.size())
        return of_core(number_, {ec::storage_damaged, "a record of bits is too long"});
      std::copy((*value)->begin(), (*value)->end(), content.bits.begin());
      content.is_stored = true;
    }
  }
  return &loaded_.emplace(page, content).first->second;
}

result<bool> lmdb_bits::test(std::uint64_t block) {
  if (block < record_.contiguous_length)
    return true;
  return load(block / page_bits).map([&](auto* content) { return test_bit(content->bits, block % page_bits); });
}

result<void> lmdb_bits::fill(log::block_range range, bool value) {
  for (auto position = range.start; position < range.end;) {
    auto page = position / page_bits;
    auto end = std::min(range.end, (page + 1) * page_bits);
    auto content = load(page);
    if (!content)
      return fail(std::move(content.error()));
    fill_bits((*content)->bits, position % page_bits, end - page * page_bits, value);
    (*content)->is_changed = true;
    position = end;
  }
  return {};
}

result<void> lmdb_bits::set(log::block_range range) {
  auto& length = record_.contiguous_length;
  if (range.start > length)
    return fill(range, true);
  length = std::max(length, range.end);
  return {};
}

result<void> lmdb_bits::clear(log::block_range range) {
  if (range.start >= range.end)
    return {};
  auto before = record_.contiguous_length;
  if (range.start < before) {
    record_.contiguous_length = range.start;
    if (auto filled = fill({range.end, before}, true); !filled) // what lies behind the gap is still there
      return filled;
  }
  // Records exist where something is loaded or stored; a range may reach far past both.
  for (auto page = range.start / page_bits; page <= (range.end - 1) / page_bits; ++page) {
    auto loaded = loaded_.lower_bound(page);
    std::optional<std::uint64_t> next;
    if (loaded != loaded_.end())
      next = loaded->first;
    if (record_.bit_records != 0) {
      auto stored = seek_index(txn_, schema::table::bits, number_, page);
      if (!stored)
        return fail(std::move(stored.error()));
      if (*stored)
        next = std::min(next.value_or(UINT64_MAX), (*stored)->index);
    }
    if (!next || *next > (range.end - 1) / page_bits)
      return {};
    page = *next;
    auto cleared = fill({std::max(range.start, page * page_bits), std::min(range.end, (page + 1) * page_bits)}, false);
    if (!cleared)
      return cleared;
  }
  return {};
}

result<void> lmdb_bits::truncate(std::uint64_t length) {
  auto& contiguous = record_.contiguous_length;
  contiguous = std::min(contiguous, length);
  return clear({length, tree::block_max + 1});
}

result<void> lmdb_bits::advance() {
  auto& length = record_.contiguous_length;
  while (record_.bit_records != 0 || !loaded_.empty()) {
    auto page = length / page_bits;
    auto content = load(page);
    if (!content)
      return fail(std::move(content.error()));
    auto position = first_unset((*content)->bits, length % page_bits);
    length = page * page_bits + position;
    if (position != page_bits)
      break;
  }
  return {};
}

result<void> lmdb_bits::drop_passed() {
  auto kept = record_.contiguous_length / page_bits;
  loaded_.erase(loaded_.begin(), loaded_.lower_bound(kept));
  while (record_.bit_records != 0) {
    auto found = seek_index(txn_, schema::table::bits, number_, 0);
    if (!found)
      return fail(std::move(found.error()));
    if (!*found || (*found)->index >= kept)
      break;
    if (auto erased = txn_.erase(schema::table::bits, schema::encode_key(number_, (*found)->index)); !erased)
      return fail(std::move(erased.error()));
    --record_.bit_records;
  }
  return {};
}

result<void> lmdb_bits::write_changed() {
  for (auto& [page, content] : loaded_) {
    if (!content.is_changed)
      continue;
    content.is_changed = false;
    auto below = std::clamp(record_.contiguous_length, page * page_bits, (page + 1) * page_bits) - page * page_bits;
    auto bits = content.bits;
    fill_bits(bits, 0, below, false); // so that a record with nothing beyond the length disappears
    std::size_t size = bits.size();
    while (size > 0 && bits[size - 1] == 0)
      --size;
    auto key = schema::encode_key(number_, page);
    if (size == 0 && content.is_stored) {
      if (auto erased = txn_.erase(schema::table::bits, key); !erased)
        return fail(std::move(erased.error()));
      --record_.bit_records;
    }
    if (size != 0) {
      if (auto stored = txn_.put(schema::table::bits, key, byte_view{bits}.first(size)); !stored)
        return stored;
      record_.bit_records += content.is_stored ? 0 : 1;
    }
    content.is_stored = size != 0;
  }
  return {};
}

result<void> lmdb_bits::flush() {
  auto step = advance();
  if (step)
    step = drop_passed();
  if (step)
    step = write_changed();
  return step;
}

} // namespace corestore::storage
