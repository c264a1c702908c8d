#include "log/hashes.hpp"

#include <array>

#include "base/blake2b_lanes.hpp"
#include "base/crypto.hpp"
#include "log/flat_tree.hpp"
#include "log/hash_batches.hpp"

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

namespace {

using parent_input = std::array<std::uint8_t, 73>; // one update instead of three: this is the hottest hash of all

parent_input input_of_parent(const node& left, const node& right, generation which) {
  parent_input input{};
  auto head = prefix(parent_type, left.size + right.size, which);
  std::copy(head.begin(), head.end(), input.begin());
  std::copy(left.hash.data.begin(), left.hash.data.end(), input.begin() + 9);
  std::copy(right.hash.data.begin(), right.hash.data.end(), input.begin() + 41);
  return input;
}

/// Messages that are prepared at a time: a few pages, however long a batch is.
constexpr std::size_t portion = 64;

} // namespace

node parent_node(const node& one, const node& other, generation which) {
  const auto& left = one.index < other.index ? one : other;
  const auto& right = one.index < other.index ? other : one;
  return {flat_tree::parent(left.index), left.size + right.size,
          crypto::blake2b({input_of_parent(left, right, which)})};
}

namespace {

/// Calls `done(i, hash)` with the leaf hash of `value_of(i)` for each i below `count`.
template <class ValueOf, class Done>
void hash_leaves(std::size_t count, generation which, const ValueOf& value_of, const Done& done) {
  std::array<std::array<std::uint8_t, 9>, portion> heads{};
  std::array<crypto::two_parts, portion> messages;
  std::array<hash32, portion> hashes;
  for (std::size_t first = 0; first < count; first += portion) {
    auto size = std::min(count - first, portion);
    for (std::size_t i = 0; i < size; ++i) {
      byte_view value = value_of(first + i);
      heads[i] = prefix(leaf_type, value.size(), which);
      messages[i] = {heads[i], value};
    }
    crypto::blake2b_each(std::span{messages}.first(size), std::span{hashes}.first(size));
    for (std::size_t i = 0; i < size; ++i)
      done(first + i, hashes[i]);
  }
}

} // namespace

std::vector<node> leaf_nodes(std::uint64_t first, std::span<const shared_bytes> blocks, generation which) {
  std::vector<node> leaves;
  leaves.reserve(blocks.size());
  hash_leaves(
    blocks.size(), which, [&](std::size_t i) { return blocks[i].view(); },
    [&](std::size_t i, const hash32& hash) {
      leaves.push_back({2 * (first + i), blocks[i].size(), hash});
    });
  return leaves;
}

void fill_leaves(std::span<const open_leaf> open, generation which) {
  hash_leaves(
    open.size(), which, [&](std::size_t i) { return open[i].value; },
    [&](std::size_t i, const hash32& hash) { *open[i].leaf = hash; });
}

std::vector<node> parent_nodes(std::span<const std::pair<const node*, const node*>> siblings, generation which) {
  std::vector<node> parents;
  parents.reserve(siblings.size());
  std::array<parent_input, portion> inputs{};
  std::array<crypto::two_parts, portion> messages;
  std::array<hash32, portion> hashes;
  while (!siblings.empty()) {
    auto count = std::min(siblings.size(), portion);
    for (std::size_t i = 0; i < count; ++i) {
      inputs[i] = input_of_parent(*siblings[i].first, *siblings[i].second, which);
      messages[i] = {{}, inputs[i]};
    }
    crypto::blake2b_each(std::span{messages}.first(count), std::span{hashes}.first(count));
    for (std::size_t i = 0; i < count; ++i) {
      const auto& [left, right] = siblings[i];
      parents.push_back({flat_tree::parent(left->index), left->size + right->size, hashes[i]});
    }
    siblings = siblings.subspan(count);
  }
  return parents;
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
