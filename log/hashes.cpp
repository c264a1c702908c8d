#include "log/hashes.hpp"

#include <array>

#include "base/crypto.hpp"
#include "log/flat_tree.hpp"

namespace corestore::log {

namespace {

constexpr std::uint8_t leaf_type = 0;
constexpr std::uint8_t parent_type = 1;
constexpr std::uint8_t roots_type = 2;

void write_integer(std::span<std::uint8_t, 8> target, std::uint64_t value, generation which) {
  for (std::size_t i = 0; i < 8; ++i)
    target[which == generation::g9 ? 7 - i : i] = static_cast<std::uint8_t>(value >> (8 * i));
}

/// A hash type followed by a size: what leaves and parents begin with.
std::array<std::uint8_t, 9> prefix(std::uint8_t type, std::uint64_t size, generation which) {
  std::array<std::uint8_t, 9> result{type};
  write_integer(std::span{result}.subspan<1, 8>(), size, which);
  return result;
}

} // namespace

hash32 domain_constant(std::string_view name, std::uint8_t index) {
  auto inner = crypto::blake2b({as_bytes(name)});
  return crypto::blake2b({inner.view(), byte_view{&index, 1}});
}

const hash32& tree_domain() {
  static const auto value = domain_constant("hypercore", 0);
  return value;
}

const hash32& initiator_domain() {
  static const auto value = domain_constant("hypercore", 1);
  return value;
}

const hash32& responder_domain() {
  static const auto value = domain_constant("hypercore", 2);
  return value;
}

const hash32& manifest_domain() {
  static const auto value = domain_constant("hypercore", 3);
  return value;
}

const namespace_id& default_namespace() {
  static const namespace_id value{domain_constant("hypercore", 4).data};
  return value;
}

const hash32& encryption_domain() {
  static const auto value = domain_constant("hypercore", 5);
  return value;
}

const hash32& derivation_domain() {
  static const auto value = domain_constant("corestore", 0);
  return value;
}

hash32 leaf_hash(byte_view data, generation which) {
  return crypto::blake2b({prefix(leaf_type, data.size(), which), data});
}

node leaf_node(std::uint64_t block, byte_view data, generation which) {
  return {2 * block, data.size(), leaf_hash(data, which)};
}

node parent_node(const node& one, const node& other, generation which) {
  const auto& left = one.index < other.index ? one : other;
  const auto& right = one.index < other.index ? other : one;
  auto size = left.size + right.size;
  std::array<std::uint8_t, 73> input{}; // one update instead of three: this is the hottest hash of all
  auto head = prefix(parent_type, size, which);
  std::copy(head.begin(), head.end(), input.begin());
  std::copy(left.hash.data.begin(), left.hash.data.end(), input.begin() + 9);
  std::copy(right.hash.data.begin(), right.hash.data.end(), input.begin() + 41);
  return {flat_tree::parent(left.index), size, crypto::blake2b({input})};
}

hash32 tree_hash(std::span<const node> roots, generation which) {
  crypto::blake2b_stream stream;
  stream.update(byte_view{&roots_type, 1});
  for (const auto& root : roots) {
    std::array<std::uint8_t, 16> position{};
    write_integer(std::span{position}.first<8>(), root.index, which);
    write_integer(std::span{position}.last<8>(), root.size, which);
    stream.update(root.hash.view());
    stream.update(position);
  }
  return stream.finish();
}

discovery_key discovery_key_of(const core_key& key) {
  return {crypto::blake2b_keyed(key.view(), {as_bytes("hypercore")}).data};
}

hash32 capability(byte_view handshake_hash, const core_key& key, bool is_initiator) {
  const auto& domain = is_initiator ? initiator_domain() : responder_domain();
  return crypto::blake2b_keyed(handshake_hash, {domain.view(), key.view()});
}

} // namespace corestore::log
