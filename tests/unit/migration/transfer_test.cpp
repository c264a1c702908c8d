// A core out of memory into change sets: whole, sparse, again, interrupted after each of them, and against another log.
#include <catch2/catch.hpp>

#include <map>

#include "base/crypto.hpp"
#include "log/flat_tree.hpp"
#include "log/hashes.hpp"
#include "log/legacy/keys.hpp"
#include "log/legacy/signing.hpp"
#include "log/tree_batch.hpp"
#include "migration/transfer.hpp"

using namespace corestore;
using namespace corestore::migration;

namespace {

/// A log of generation 9, signed after each batch.
class memory_core final : public core_source {
public:
  explicit memory_core(std::uint64_t length, std::uint64_t batch = 5, std::uint8_t salt = 0) {
    key_seed seed;
    seed.data.fill(1);
    keys_ = crypto::ed25519_key_pair(seed);
    auto identity = log::legacy::identity_of(keys_.public_part);
    facts_.header.key = identity.key;
    facts_.header.discovery = identity.discovery;
    facts_.header.generation = log::generation::g9;
    log::tree_batch tree{{}, log::generation::g9};
    for (std::uint64_t i = 0; i < length; ++i) {
      bytes value(i % 7, static_cast<std::uint8_t>(i + salt));
      REQUIRE(tree.append(value));
      blocks[i] = value;
      if ((i + 1) % batch == 0 || i + 1 == length)
        signatures[i + 1] =
          *log::legacy::sign(facts_.header.key, {tree.roots().begin(), tree.roots().end()}, i + 1, keys_);
    }
    for (const auto& node : tree.added())
      nodes[node.index] = node;
    if (length > 0)
      facts_.head = tree.head(0, to_bytes(signatures[length].view()));
    facts_.bits.set({0, length});
  }

  log::bitfield& bits() {
    return facts_.bits;
  }

  [[nodiscard]] result<std::optional<log::node>> node_at(std::uint64_t index) const override {
    auto found = nodes.find(index);
    return found == nodes.end() ? std::optional<log::node>{} : std::optional{found->second};
  }
  [[nodiscard]] result<shared_bytes> block_bytes(std::uint64_t index, std::uint64_t, std::size_t) const override {
    auto found = blocks.find(index);
    if (found == blocks.end())
      return fail(ec::decoding_failed);
    return shared_bytes::copy_of(found->second);
  }
  [[nodiscard]] result<std::optional<signature64>> signature_at(std::uint64_t length) const override {
    auto found = signatures.find(length);
    return found == signatures.end() ? std::optional<signature64>{} : std::optional{found->second};
  }

  std::map<std::uint64_t, bytes> blocks;
  std::map<std::uint64_t, log::node> nodes;
  std::map<std::uint64_t, signature64> signatures;

private:
  key_pair keys_;
};

/// What a store makes of the change sets; fails from one on.
class memory_target final : public change_sink, public log::node_source {
public:
  result<void> apply(log::change_set changes) override {
    if (sets_left == 0)
      return fail(ec::storage_full);
    --sets_left;
    ++sets;
    if (changes.head)
      head = *changes.head;
    for (const auto& run : changes.runs) {
      std::size_t hash = 0;
      for (std::size_t i = 0; i < run.blocks.size(); ++i) {
        auto block = run.first + i;
        put(block, run.blocks[i]);
        auto index = 2 * block;
        for (std::uint64_t count = log::flat_tree::completed_by(block); count > 0; --count) {
          hashes[index] = run.hashes.at(hash++);
          index = log::flat_tree::parent(index);
        }
      }
      REQUIRE(hash == run.hashes.size());
    }
    for (const auto& block : changes.blocks)
      put(block.index, block.value);
    for (const auto& node : changes.nodes)
      hashes[node.index] = node.hash;
    for (const auto& one : changes.signatures)
      signatures[one.length] = one.signature;
    return {};
  }
  void progress(std::uint64_t, std::uint64_t) override {
    // nop
  }
  [[nodiscard]] bool is_ending() const override {
    return false;
  }
  [[nodiscard]] result<std::optional<log::node>> node_at(std::uint64_t index) const override {
    auto found = hashes.find(index);
    if (found == hashes.end())
      return std::optional<log::node>{};
    return std::optional{log::node{index, sizes_->nodes.at(index).size, found->second}};
  }

  [[nodiscard]] target_core state(const memory_core& source) {
    sizes_ = &source;
    target_core target;
    target.header = source.facts().header;
    target.is_new = head.length == 0;
    target.head = head;
    for (const auto& [index, value] : blocks)
      target.bits.set({index, index + 1});
    target.nodes = head.length > 0 ? this : nullptr;
    return target;
  }

  std::map<std::uint64_t, bytes> blocks;
  std::map<std::uint64_t, hash32> hashes;
  std::map<std::uint64_t, signature64> signatures;
  log::tree_head head;
  std::size_t sets_left = ~std::size_t{0};
  std::size_t sets = 0;

private:
  void put(std::uint64_t index, const shared_bytes& value) {
    blocks[index] = to_bytes(value.view());
  }

  const memory_core* sizes_ = nullptr;
};

void check_equal(const memory_target& target, const memory_core& source) {
  CHECK(target.head == source.facts().head);
  CHECK(target.blocks == source.blocks);
  CHECK(target.signatures == source.signatures);
  REQUIRE(target.hashes.size() == source.nodes.size());
  for (const auto& [index, node] : source.nodes)
    CHECK(target.hashes.at(index) == node.hash);
}

} // namespace

TEST_CASE("logs of every length come whole, with all nodes and signatures") {
  for (std::uint64_t length = 0; length < 70; ++length) {
    memory_core source{length};
    memory_target target;
    auto report = transfer(source, target.state(source), target);
    REQUIRE(report);
    CHECK(report->blocks == length);
    CHECK(report->faults.empty());
    check_equal(target, source);
  }
}

TEST_CASE("a transfer goes on after any change set, and brings the rest") {
  memory_core source{30000, 1000};
  memory_target whole;
  REQUIRE(transfer(source, whole.state(source), whole));
  REQUIRE(whole.sets > 3);
  memory_target target;
  std::uint64_t brought = 0;
  for (std::size_t round = 0; round < whole.sets; ++round) {
    target.sets_left = 1;
    auto report = transfer(source, target.state(source), target);
    CHECK((report ? target.blocks.size() == 30000 : report.error().code == ec::storage_full));
    CHECK(target.blocks.size() >= brought);
    brought = target.blocks.size();
  }
  target.sets_left = 100;
  auto last = transfer(source, target.state(source), target);
  REQUIRE(last);
  check_equal(target, source);
  auto again = transfer(source, target.state(source), target);
  REQUIRE(again);
  CHECK(again->blocks == 0);
  CHECK(again->present == 30000);
}

TEST_CASE("what became longer meanwhile is continued, what is shorter changes nothing") {
  memory_core shorter{23};
  memory_core longer{61};
  memory_target target;
  REQUIRE(transfer(shorter, target.state(shorter), target));
  auto report = transfer(longer, target.state(longer), target);
  REQUIRE(report);
  CHECK(report->blocks == 61 - 23);
  CHECK(target.blocks == longer.blocks);
  auto back = transfer(shorter, target.state(longer), target);
  REQUIRE(back);
  CHECK(back->blocks == 0);
  CHECK(target.head == longer.facts().head);
}

TEST_CASE("another log of the same key is a conflict") {
  memory_core one{23};
  memory_core other{61, 5, 1};
  memory_target target;
  REQUIRE(transfer(one, target.state(one), target));
  CHECK(transfer(other, target.state(one), target).error().code == ec::conflict);
  CHECK(target.blocks == one.blocks);
}

TEST_CASE("gaps stay gaps, and their known nodes come") {
  memory_core source{64};
  for (std::uint64_t i = 0; i < 64; ++i)
    if (i % 3 != 0 && (i < 20 || i > 40))
      source.blocks.erase(i);
  log::bitfield bits;
  for (const auto& [index, value] : source.blocks)
    bits.set({index, index + 1});
  source.bits() = bits;
  memory_target target;
  auto report = transfer(source, target.state(source), target);
  REQUIRE(report);
  CHECK(report->damaged == 0);
  check_equal(target, source);
}

TEST_CASE("blocks that only an earlier length proves come with its signature") {
  memory_core source{64, 5};
  source.nodes.erase(63 - 32); // the left half of the root: its blocks are below the roots of earlier lengths
  log::bitfield bits;
  for (std::uint64_t i : {0, 3, 24})
    bits.set({i, i + 1});
  source.bits() = bits;
  memory_target target;
  auto report = transfer(source, target.state(source), target);
  REQUIRE(report);
  CHECK(report->blocks == 3);
  CHECK(report->damaged == 0);
  for (std::uint64_t i : {0, 3, 24})
    CHECK(target.blocks.at(i) == source.blocks.at(i));
}

TEST_CASE("each kind of damage is named and the rest comes") {
  memory_core source{64};
  SECTION("a block") {
    source.blocks[9].push_back(1);
    memory_target target;
    auto report = transfer(source, target.state(source), target);
    CHECK(report->blocks == 63);
    CHECK(report->damaged == 1);
    CHECK(report->faults.front().starts_with("block 9:"));
  }
  SECTION("a missing block") {
    source.blocks.erase(9);
    memory_target target;
    CHECK(transfer(source, target.state(source), target)->damaged == 1);
  }
  SECTION("a node") {
    source.nodes[19].hash.data[0] ^= 1U;
    memory_target target;
    auto report = transfer(source, target.state(source), target);
    CHECK(report->damaged > 0);
    CHECK(report->damaged + report->blocks == 64);
  }
  SECTION("a size above every bound") {
    source.nodes[18].size = ~std::uint64_t{0};
    memory_target target;
    auto report = transfer(source, target.state(source), target);
    CHECK(report->damaged > 0);
    CHECK(report->damaged + report->blocks == 64);
  }
  SECTION("an earlier signature") {
    source.signatures[10].data[0] ^= 1U;
    memory_target target;
    auto report = transfer(source, target.state(source), target);
    CHECK(report->blocks == 64);
    CHECK(report->faults.front() == "the signature of length 10 does not hold");
    CHECK_FALSE(target.signatures.contains(10));
  }
}
