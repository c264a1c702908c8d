// Side by side or one after the other: the same hashes.
#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>

#include "base/blake2b_lanes.hpp"
#include "base/crypto.hpp"

using namespace corestore;

namespace {

bytes content_of(std::size_t size, std::size_t salt) {
  bytes content(size);
  for (std::size_t i = 0; i < size; ++i)
    content[i] = static_cast<std::uint8_t>(i * 31 + salt * 7 + (i >> 8U));
  return content;
}

void check(const std::vector<std::pair<bytes, bytes>>& contents) {
  std::vector<crypto::two_parts> messages;
  for (const auto& [head, body] : contents)
    messages.push_back({head, body});
  std::vector<hash32> hashes(messages.size());
  crypto::blake2b_each(messages, hashes);
  for (std::size_t i = 0; i < messages.size(); ++i)
    REQUIRE(hashes[i] == crypto::blake2b({messages[i].head, messages[i].body}));
}

} // namespace

TEST_CASE("messages of every length around the blocks of the function are hashed as libsodium does") {
  for (std::size_t size = 0; size <= 520; ++size)
    check({{content_of(9, size), content_of(size, 1)},
           {content_of(9, size), content_of(size, 2)},
           {content_of(9, size), content_of(size, 3)},
           {content_of(9, size), content_of(size, 4)}});
}

TEST_CASE("messages of different lengths and numbers are hashed as libsodium does") {
  rc::prop("any mixture", [] {
    auto sizes = *rc::gen::container<std::vector<std::pair<std::size_t, std::size_t>>>(
      rc::gen::pair(rc::gen::inRange<std::size_t>(0, 300), rc::gen::inRange<std::size_t>(0, 1000)));
    std::vector<std::pair<bytes, bytes>> contents;
    for (const auto& [head, body] : sizes)
      contents.emplace_back(content_of(head, contents.size()), content_of(body, contents.size() + 1));
    check(contents);
  });
}

TEST_CASE("a long message beside short ones is hashed to its end") {
  check({{{}, content_of(100000, 1)}, {{}, {}}, {content_of(128, 2), {}}});
}

TEST_CASE("known answers") {
  // From the reference implementation: BLAKE2b-256 of nothing and of "abc".
  const auto abc = as_bytes("abc");
  const std::vector<crypto::two_parts> messages{{{}, {}}, {abc, {}}, {abc.first(1), abc.subspan(1)}};
  std::vector<hash32> hashes(3);
  crypto::blake2b_each(messages, hashes);
  CHECK(hashes[0] == crypto::blake2b({}));
  CHECK(hashes[1].data[0] == 0xbd);
  CHECK(hashes[1].data[1] == 0xdd);
  CHECK(hashes[1].data[31] == 0x19);
  CHECK(hashes[2] == hashes[1]);
}
