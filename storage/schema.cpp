#include "storage/schema.hpp"

#include <algorithm>

namespace corestore::storage::schema {

namespace {

template <class Integer>
void put_big_endian(std::uint8_t* target, Integer value) {
  for (std::size_t i = sizeof(Integer); i-- > 0; value = static_cast<Integer>(value >> 8U))
    target[i] = static_cast<std::uint8_t>(value & 0xffU);
}

template <class Integer>
Integer get_big_endian(const std::uint8_t* source) {
  Integer value = 0;
  for (std::size_t i = 0; i < sizeof(Integer); ++i)
    value = static_cast<Integer>((value << 8U) | source[i]);
  return value;
}

} // namespace

core_only_key encode_key(log::core_number number) {
  core_only_key key{};
  put_big_endian(key.data(), static_cast<std::uint32_t>(number));
  return key;
}

core_index_key encode_key(log::core_number number, std::uint64_t index) {
  core_index_key key{};
  put_big_endian(key.data(), static_cast<std::uint32_t>(number));
  put_big_endian(key.data() + 4, index);
  return key;
}

sequence_key encode_sequence(std::uint64_t sequence) {
  sequence_key key{};
  put_big_endian(key.data(), sequence);
  return key;
}

group_key encode_group_key(const hash32& topic, std::uint64_t position) {
  group_key key{};
  std::copy(topic.data.begin(), topic.data.end(), key.begin());
  put_big_endian(key.data() + hash32::size, position);
  return key;
}

std::optional<std::uint64_t> decode_group_key(byte_view key, const hash32& topic) {
  if (key.size() != sizeof(group_key) || !std::equal(topic.data.begin(), topic.data.end(), key.begin()))
    return std::nullopt;
  return get_big_endian<std::uint64_t>(key.data() + hash32::size);
}

bytes encode_alias_key(const namespace_id& name_space, std::string_view name) {
  auto text = as_bytes(name);
  bytes key(namespace_id::size + text.size());
  auto end = std::copy(name_space.data.begin(), name_space.data.end(), key.begin());
  std::copy(text.begin(), text.end(), end);
  return key;
}

bytes encode_user_key(log::core_number number, std::string_view name) {
  auto prefix = encode_key(number);
  auto text = as_bytes(name);
  bytes key(prefix.size() + text.size());
  std::copy(text.begin(), text.end(), std::copy(prefix.begin(), prefix.end(), key.begin()));
  return key;
}

std::optional<std::string_view> decode_user_name(byte_view key, log::core_number number) {
  auto prefix = encode_key(number);
  if (key.size() < prefix.size() || !std::equal(prefix.begin(), prefix.end(), key.begin()))
    return std::nullopt;
  return as_text(key.subspan(prefix.size()));
}

std::optional<log::core_number> decode_core_key(byte_view key) {
  if (key.size() != sizeof(core_only_key))
    return std::nullopt;
  return log::core_number{get_big_endian<std::uint32_t>(key.data())};
}

std::optional<core_index> decode_core_index_key(byte_view key) {
  if (key.size() != sizeof(core_index_key))
    return std::nullopt;
  return core_index{log::core_number{get_big_endian<std::uint32_t>(key.data())},
                    get_big_endian<std::uint64_t>(key.data() + 4)};
}

std::optional<std::uint64_t> decode_sequence(byte_view key) {
  if (key.size() != sizeof(sequence_key))
    return std::nullopt;
  return get_big_endian<std::uint64_t>(key.data());
}

std::optional<std::string_view> decode_alias_name(byte_view key, const namespace_id& name_space) {
  if (key.size() < namespace_id::size || !std::equal(name_space.data.begin(), name_space.data.end(), key.begin()))
    return std::nullopt;
  return as_text(key.subspan(namespace_id::size));
}

} // namespace corestore::storage::schema
