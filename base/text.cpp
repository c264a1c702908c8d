#include "base/text.hpp"

#include <array>

namespace corestore::text {

namespace {

constexpr std::string_view hex_alphabet = "0123456789abcdef";
constexpr std::string_view z32_alphabet = "ybndrfg8ejkmcpqxot1uwisza345h769";
constexpr std::string_view base64_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<std::int8_t, 256> inverse(std::string_view alphabet) {
  std::array<std::int8_t, 256> table{};
  for (auto& entry : table)
    entry = -1;
  for (std::size_t i = 0; i < alphabet.size(); ++i)
    table[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::int8_t>(i);
  return table;
}

/// Groups of `Bits` bits, most significant first; the last group is zero filled.
template <unsigned Bits>
std::string encode_groups(byte_view source, std::string_view alphabet) {
  std::string text;
  text.reserve((source.size() * 8 + Bits - 1) / Bits);
  std::uint32_t pending = 0;
  unsigned count = 0;
  for (auto byte : source) {
    pending = (pending << 8U) | byte;
    count += 8;
    while (count >= Bits) {
      count -= Bits;
      text.push_back(alphabet[(pending >> count) & ((1U << Bits) - 1)]);
    }
  }
  if (count > 0)
    text.push_back(alphabet[(pending << (Bits - count)) & ((1U << Bits) - 1)]);
  return text;
}

template <unsigned Bits>
std::optional<bytes> decode_groups(std::string_view source, const std::array<std::int8_t, 256>& table) {
  bytes decoded;
  decoded.reserve(source.size() * Bits / 8);
  std::uint32_t pending = 0;
  unsigned count = 0;
  for (auto character : source) {
    auto value = table[static_cast<std::uint8_t>(character)];
    if (value < 0)
      return std::nullopt;
    pending = (pending << Bits) | static_cast<std::uint32_t>(value);
    count += Bits;
    if (count >= 8) {
      count -= 8;
      decoded.push_back(static_cast<std::uint8_t>(pending >> count));
    }
  }
  return decoded;
}

} // namespace

std::string to_hex(byte_view source) {
  std::string text;
  text.reserve(source.size() * 2);
  for (auto byte : source) {
    text.push_back(hex_alphabet[byte >> 4U]);
    text.push_back(hex_alphabet[byte & 0xfU]);
  }
  return text;
}

std::optional<bytes> from_hex(std::string_view source) {
  static constexpr auto table = inverse(hex_alphabet);
  if (source.size() % 2 != 0)
    return std::nullopt;
  std::string lower{source};
  for (auto& character : lower)
    if (character >= 'A' && character <= 'F')
      character = static_cast<char>(character - 'A' + 'a');
  return decode_groups<4>(lower, table);
}

std::string to_z32(byte_view source) {
  return encode_groups<5>(source, z32_alphabet);
}

std::optional<bytes> from_z32(std::string_view source) {
  static constexpr auto table = inverse(z32_alphabet);
  return decode_groups<5>(source, table);
}

std::string to_base64(byte_view source) {
  auto text = encode_groups<6>(source, base64_alphabet);
  text.append((4 - text.size() % 4) % 4, '=');
  return text;
}

std::optional<bytes> from_base64(std::string_view source) {
  static constexpr auto table = inverse(base64_alphabet);
  if (source.size() % 4 == 0)
    for (int i = 0; i < 2 && source.ends_with('='); ++i)
      source.remove_suffix(1);
  if (source.size() % 4 == 1)
    return std::nullopt;
  return decode_groups<6>(source, table);
}

result<fixed_bytes<32, struct id_tag>> parse_id(std::string_view source) {
  auto id = source;
  if (id.starts_with("pear://")) {
    id.remove_prefix(7);
    id = id.substr(0, id.find('/'));
  }
  std::optional<bytes> decoded;
  if (id.size() == 64)
    decoded = from_hex(id);
  else if (id.size() == 52)
    decoded = from_z32(id);
  if (decoded)
    if (auto key = fixed_bytes<32, struct id_tag>::from(*decoded))
      return *key;
  return fail(ec::bad_argument,
              "not a key (64 hex digits or 52 z-base-32 characters): " + std::string{source.substr(0, 80)});
}

} // namespace corestore::text
