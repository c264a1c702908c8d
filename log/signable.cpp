#include "log/signable.hpp"

#include <algorithm>
#include <initializer_list>

#include "base/check.hpp"
#include "log/hashes.hpp"

namespace corestore::log {

namespace {

template <std::size_t Size>
std::array<std::uint8_t, Size> joined(std::initializer_list<byte_view> parts, std::uint64_t length,
                                      std::uint64_t fork) {
  std::array<std::uint8_t, Size> target{};
  auto* position = target.data();
  for (auto part : parts)
    position = std::copy(part.begin(), part.end(), position);
  for (auto number : {length, fork})
    for (unsigned i = 0; i < 8; ++i)
      *position++ = static_cast<std::uint8_t>(number >> (8 * i));
  CORESTORE_CHECK(position == target.data() + target.size());
  return target;
}

} // namespace

tree_signable signable_of(byte_view context, const hash32& tree_hash, std::uint64_t length, std::uint64_t fork) {
  CORESTORE_CHECK(context.size() == hash32::size);
  return joined<112>({tree_domain().view(), context, tree_hash.view()}, length, fork);
}

compat_signable compat_signable_of(const hash32& tree_hash, std::uint64_t length, std::uint64_t fork) {
  return joined<80>({tree_domain().view(), tree_hash.view()}, length, fork);
}

legacy_signable legacy_signable_of(const hash32& tree_hash, std::uint64_t length, std::uint64_t fork) {
  return joined<48>({tree_hash.view()}, length, fork);
}

} // namespace corestore::log
