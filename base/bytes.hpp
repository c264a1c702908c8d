// Owned bytes, views, shared immutable buffers, and fixed-size byte strings as distinct types.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace corestore {

using bytes = std::vector<std::uint8_t>;
using byte_view = std::span<const std::uint8_t>;

/// The bytes of a text, without a terminator.
inline byte_view as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

inline std::string_view as_text(byte_view view) {
  return {reinterpret_cast<const char*>(view.data()), view.size()};
}

inline bytes to_bytes(byte_view view) {
  return {view.begin(), view.end()};
}

inline bytes to_bytes(std::string_view text) {
  return to_bytes(as_bytes(text));
}

/// `Size` raw bytes whose `Tag` keeps one kind of key from being passed for another.
template <std::size_t Size, class Tag>
struct fixed_bytes {
  static constexpr std::size_t size = Size;

  std::array<std::uint8_t, Size> data{};

  [[nodiscard]] byte_view view() const {
    return data;
  }

  /// `std::nullopt` unless `source` is exactly `Size` bytes long.
  static std::optional<fixed_bytes> from(byte_view source) {
    if (source.size() != Size)
      return std::nullopt;
    fixed_bytes result;
    std::copy(source.begin(), source.end(), result.data.begin());
    return result;
  }

  [[nodiscard]] bool is_zero() const {
    return std::all_of(data.begin(), data.end(), [](std::uint8_t byte) { return byte == 0; });
  }

  friend auto operator<=>(const fixed_bytes&, const fixed_bytes&) = default; // NOLINT(modernize-use-nullptr): misread
};

using hash32 = fixed_bytes<32, struct hash32_tag>;               ///< BLAKE2b-256 output
using core_key = fixed_bytes<32, struct core_key_tag>;           ///< manifest hash, or public key of a compat core
using discovery_key = fixed_bytes<32, struct discovery_key_tag>; ///< keyed hash of a core key
using public_key = fixed_bytes<32, struct public_key_tag>;       ///< Ed25519
using secret_key = fixed_bytes<64, struct secret_key_tag>;       ///< Ed25519, libsodium form: seed || public key
using key_seed = fixed_bytes<32, struct key_seed_tag>;           ///< Ed25519 seed
using signature64 = fixed_bytes<64, struct signature64_tag>;     ///< Ed25519, detached
using primary_key = fixed_bytes<32, struct primary_key_tag>;     ///< root secret of a store
using namespace_id = fixed_bytes<32, struct namespace_id_tag>;   ///< zeros = the root namespace

struct key_pair {
  public_key public_part;
  secret_key secret_part;

  friend bool operator==(const key_pair&, const key_pair&) = default;
};

/// An immutable run of bytes whose storage is shared by every copy; slices keep the storage alive.
class shared_bytes {
public:
  shared_bytes() = default;

  /// Takes ownership of `content`.
  shared_bytes(bytes content) { // NOLINT(google-explicit-constructor): the owned and the shared form are one value
    auto storage = std::make_shared<const bytes>(std::move(content));
    view_ = byte_view{storage->data(), storage->size()};
    owner_ = std::move(storage);
  }

  /// `view` must stay valid for as long as `owner` lives.
  shared_bytes(std::shared_ptr<const void> owner, byte_view view) : owner_(std::move(owner)), view_(view) {
    // nop
  }

  static shared_bytes copy_of(byte_view view) {
    return shared_bytes{to_bytes(view)};
  }

  [[nodiscard]] byte_view view() const {
    return view_;
  }
  [[nodiscard]] std::size_t size() const {
    return view_.size();
  }
  [[nodiscard]] bool empty() const {
    return view_.empty();
  }

  friend bool operator==(const shared_bytes& left, const shared_bytes& right) {
    return std::equal(left.view_.begin(), left.view_.end(), right.view_.begin(), right.view_.end());
  }

private:
  std::shared_ptr<const void> owner_;
  byte_view view_;
};

} // namespace corestore

template <std::size_t Size, class Tag>
struct std::hash<corestore::fixed_bytes<Size, Tag>> {
  std::size_t operator()(const corestore::fixed_bytes<Size, Tag>& value) const noexcept {
    std::size_t result = 0; // keys are uniformly distributed: their first bytes are hash enough
    std::memcpy(&result, value.data.data(), sizeof(result));
    return result;
  }
};
