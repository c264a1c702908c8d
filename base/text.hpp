// Text forms of byte strings: hex, z-base-32, base64, and the ids that users type.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/error.hpp"

namespace corestore::text {

std::string to_hex(byte_view source);
std::optional<bytes> from_hex(std::string_view source);

/// z-base-32, most significant bit first, the last group zero filled.
std::string to_z32(byte_view source);
/// Nothing for a character outside the alphabet; the up to 4 surplus bits of the last character are ignored.
std::optional<bytes> from_z32(std::string_view source);

std::string to_base64(byte_view source);
std::optional<bytes> from_base64(std::string_view source);

/// 32 bytes from 64 hex digits, 52 z-base-32 characters or `pear://ID[/path]`. bad_argument otherwise.
result<fixed_bytes<32, struct id_tag>> parse_id(std::string_view source);

template <class Key>
result<Key> parse_key(std::string_view source) {
  return parse_id(source).map([](const auto& id) {
    Key key;
    key.data = id.data;
    return key;
  });
}

} // namespace corestore::text
