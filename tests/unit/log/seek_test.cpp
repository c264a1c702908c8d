#include <catch2/catch.hpp>

#include "tests/unit/log/memory_log.hpp"

using namespace corestore;
using test::memory_core;
using test::test_keys;
namespace tree = log::flat_tree;

namespace {

struct place {
  std::uint64_t index = 0;
  std::uint64_t offset = 0;
};

memory_core writer_of(const std::vector<std::uint64_t>& sizes, std::uint64_t padding) {
  auto keys = test_keys();
  auto core = memory_core::owned(keys);
  std::vector<shared_bytes> blocks;
  for (auto size : sizes)
    blocks.emplace_back(bytes(size + padding, static_cast<std::uint8_t>(blocks.size())));
  REQUIRE(core.append(blocks, keys));
  return core;
}

const std::vector<std::uint64_t> sizes{5, 3, 9, 1, 4, 4, 2, 7, 6, 1, 8};

place expected_place(std::uint64_t position) {
  place result;
  for (auto size : sizes) {
    if (position < size) {
      result.offset = position;
      return result;
    }
    position -= size;
    ++result.index;
  }
  return result;
}

} // namespace

TEST_CASE("every byte of a full log is found where it is") {
  std::uint64_t total = 0;
  for (auto size : sizes)
    total += size;
  for (std::uint64_t padding : {0, 8}) {
    auto writer = writer_of(sizes, padding);
    for (std::uint64_t position = 0; position <= total; ++position) {
      auto found = log::seek(writer.state.head, writer.store, position, padding).value();
      REQUIRE(found.is_found);
      CHECK(found.index == expected_place(position).index);
      CHECK(found.offset == expected_place(position).offset);
    }
    auto past = log::seek(writer.state.head, writer.store, total + 1, padding).value();
    CHECK_FALSE(past.is_found);
    CHECK(past.candidates.start == sizes.size());
  }
}

TEST_CASE("a reader narrows down every byte by asking") {
  for (std::uint64_t padding : {0, 8}) {
    auto writer = writer_of(sizes, padding);
    for (std::uint64_t position = 0; position < 50; ++position) {
      auto reader = memory_core::remote(writer.state.header.key, writer.state.header.manifest);
      REQUIRE(reader.receive({writer.prove({{}, {}, {}, log::upgrade_request{0, sizes.size()}, false}).value()}));
      for (int round = 0;; ++round) {
        REQUIRE(round < 10);
        auto found = log::seek(reader.state.head, reader.store, position, padding).value();
        if (found.is_found) {
          CHECK(found.index == expected_place(position).index);
          CHECK(found.offset == expected_place(position).offset);
          break;
        }
        auto range = found.candidates;
        auto levels = tree::depth(range.start + range.end - 1);
        log::proof_request request;
        request.hash =
          log::hash_request{2 * (range.start + static_cast<std::uint64_t>(round) % (range.end - range.start)), levels};
        request.seek = log::seek_request{position, padding};
        auto answer = writer.prove(request);
        REQUIRE(answer);
        REQUIRE(reader.receive({*answer}));
      }
    }
  }
}

TEST_CASE("a seek together with an upgrade brings the node that holds the byte") {
  auto writer = writer_of(sizes, 0);
  for (std::uint64_t position = 0; position < 50; ++position) {
    auto reader = memory_core::remote(writer.state.header.key, writer.state.header.manifest);
    log::proof_request request;
    request.upgrade = log::upgrade_request{0, sizes.size()};
    request.seek = log::seek_request{position, 0};
    REQUIRE(reader.receive({writer.prove(request).value()}));
    CHECK(reader.state.head == writer.state.head);
    auto found = log::seek(reader.state.head, reader.store, position).value();
    CHECK(found.is_found);
  }
}

TEST_CASE("byte offsets need the nodes to the left") {
  auto writer = writer_of(sizes, 0);
  auto reader = memory_core::remote(writer.state.header.key, writer.state.header.manifest);
  REQUIRE(reader.receive({writer.prove({{}, {}, {}, log::upgrade_request{0, sizes.size()}, false}).value()}));
  CHECK(log::byte_offset(reader.state.head, reader.store, 0).value() == 0U);
  CHECK(log::byte_offset(reader.state.head, reader.store, 8).value() == 35U);
  CHECK_FALSE(log::byte_offset(reader.state.head, reader.store, 3).value());
  CHECK_FALSE(log::byte_offset(reader.state.head, reader.store, 12).value());
  CHECK(log::byte_offset(reader.state.head, reader.store, 11).value() == 50U);
}

TEST_CASE("padding larger than the blocks counts as no payload") {
  auto writer = writer_of({3, 0, 2}, 0);
  auto found = log::seek(writer.state.head, writer.store, 1, UINT64_MAX).value();
  CHECK_FALSE(found.is_found);
}
