#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>

#include "log/merkle_tree.hpp"
#include "tests/unit/log/data_codec.hpp"
#include "tests/unit/log/memory_log.hpp"

using namespace corestore;
using test::memory_core;
using test::test_blocks;
using test::test_keys;

namespace {

/// Nothing that `reader` holds may differ from what the writer signed.
bool is_honest(const memory_core& reader, const memory_core& writer) {
  for (const auto& [index, node] : reader.store.nodes)
    if (!writer.store.nodes.contains(index) || writer.store.nodes.at(index) != node)
      return false;
  for (const auto& [index, block] : reader.store.blocks)
    if (!writer.store.blocks.contains(index) || !(writer.store.blocks.at(index) == block))
      return false;
  auto roots = log::roots_at(writer.state.head, writer.store, reader.state.head.length);
  return roots && *roots == reader.state.head.roots;
}

/// Accepted or refused, the reader stays honest; true when it was accepted.
bool survives(memory_core reader, const memory_core& writer, byte_view message) {
  auto decoded = test::decode_data(message);
  if (!decoded || !reader.receive({decoded->content}))
    return false;
  RC_ASSERT(is_honest(reader, writer));
  return true;
}

memory_core writer_of(std::uint64_t length) {
  auto keys = test_keys();
  auto core = memory_core::owned(keys);
  RC_ASSERT(core.append(test_blocks(0, length), keys).has_value());
  return core;
}

log::proof_request any_request(std::uint64_t start, std::uint64_t length) {
  log::proof_request request;
  auto kind = *rc::gen::inRange(0, 6);
  if (kind >= 2)
    request.upgrade = log::upgrade_request{start, *rc::gen::inRange<std::uint64_t>(1, length - start + 1)};
  auto end = request.upgrade ? start + request.upgrade->length : std::max<std::uint64_t>(start, 1);
  auto index = *rc::gen::inRange<std::uint64_t>(0, end);
  auto levels = log::flat_tree::missing_nodes_max(2 * index, start);
  if (kind % 3 == 0)
    request.block = log::block_request{index, levels};
  if (kind % 3 == 1)
    request.hash = log::hash_request{2 * index, levels};
  if (kind == 4 || kind == 5)
    request.seek = log::seek_request{*rc::gen::inRange<std::uint64_t>(0, 5 * length), 0};
  request.manifest = *rc::gen::arbitrary<bool>();
  return request;
}

} // namespace

TEST_CASE("any proof verifies, and any damaged bit of it is refused or harmless") {
  rc::prop("flip", [] {
    auto start = *rc::gen::inRange<std::uint64_t>(0, 20);
    auto length = start + *rc::gen::inRange<std::uint64_t>(1, 20);
    auto keys = test_keys();
    auto writer = writer_of(start);
    auto knows_manifest = start > 0 || *rc::gen::arbitrary<bool>();
    auto reader = memory_core::remote(writer.state.header.key, knows_manifest ? writer.state.header.manifest : bytes{});
    if (start > 0)
      RC_ASSERT(
        reader.receive({writer.prove({{}, {}, {}, log::upgrade_request{0, start}, false}).value()}).has_value());
    RC_ASSERT(writer.append(test_blocks(start, length), keys).has_value());
    auto request = any_request(start, length);
    auto answer = writer.prove(request);
    RC_PRE(answer.has_value());
    auto encoded = test::encode_data(*answer);
    if (knows_manifest && (start > 0 || request.upgrade))
      RC_ASSERT(survives(reader, writer, encoded));
    for (int i = 0; i < 40; ++i) {
      auto damaged = encoded;
      auto bit = *rc::gen::inRange<std::size_t>(0, damaged.size() * 8);
      damaged[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
      survives(reader, writer, damaged);
    }
    survives(reader, writer, byte_view{encoded}.first(*rc::gen::inRange<std::size_t>(0, encoded.size())));
  });
}

TEST_CASE("any bytes are a message or an error") {
  rc::prop("noise", [](bytes noise) {
    auto writer = writer_of(5);
    auto reader = memory_core::remote(writer.state.header.key, writer.state.header.manifest);
    if (!noise.empty())
      noise[0] &= 31U;
    survives(reader, writer, noise);
  });
}
