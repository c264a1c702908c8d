// Many blocks at a time make the tree that they make one after the other.
#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>

#include "base/limits.hpp"
#include "log/tree_batch.hpp"

using namespace corestore;

namespace {

std::vector<shared_bytes> some_blocks(std::size_t count, std::size_t salt) {
  std::vector<shared_bytes> blocks;
  for (std::size_t i = 0; i < count; ++i)
    blocks.emplace_back(bytes((i * 37 + salt * 11) % 300, static_cast<std::uint8_t>(i + salt)));
  return blocks;
}

void check_same(const log::tree_batch& one, const log::tree_batch& other) {
  RC_ASSERT(one.length() == other.length());
  RC_ASSERT(one.byte_length() == other.byte_length());
  RC_ASSERT(std::equal(one.roots().begin(), one.roots().end(), other.roots().begin(), other.roots().end()));
  RC_ASSERT(one.added() == other.added());
}

} // namespace

TEST_CASE("blocks appended together make the nodes of blocks appended one by one, in the same order") {
  rc::prop("in both generations, on any base", [] {
    auto which = *rc::gen::element(log::generation::g10, log::generation::g9);
    log::tree_batch single{log::tree_head{}, which};
    log::tree_batch together{log::tree_head{}, which};
    auto batches = *rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(0, 150));
    std::size_t salt = 0;
    for (auto count : batches) {
      auto blocks = some_blocks(count, ++salt);
      for (const auto& block : blocks)
        RC_ASSERT(single.append(block.view()));
      RC_ASSERT(together.append_all(blocks));
      check_same(together, single);
    }
  });
}

TEST_CASE("a batch that would go past what can be encoded leaves the tree as it was") {
  log::tree_head full;
  full.byte_length = limits::safe_integer_max;
  log::tree_batch batch{full};
  CHECK_FALSE(batch.append_all(some_blocks(5, 1)));
  CHECK(batch.length() == 0);
  CHECK(batch.added().empty());
  CHECK(batch.append_all({}));
}
