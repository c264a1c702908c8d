#include <catch2/catch.hpp>

#include "base/text.hpp"
#include "log/encryption.hpp"

namespace corestore::log {

namespace {

hash32 filled(std::uint8_t value) {
  hash32 key;
  key.data.fill(value);
  return key;
}

core_key some_core() {
  core_key key;
  key.data.fill(2);
  return key;
}

} // namespace

TEST_CASE("a block comes back as it was, whatever the schedule, and is longer by the padding while it is stored") {
  for (auto schedule : {key_schedule::current, key_schedule::compat, key_schedule::block}) {
    block_cipher cipher{filled(1), some_core(), schedule};
    for (std::string_view plain :
         {"", "a", "a longer block than a cipher's own block of sixty-four bytes, to be sure of it"}) {
      auto stored = cipher.encrypt(5, 3, as_bytes(plain));
      CHECK(stored.size() == plain.size() + encryption_padding);
      auto back = cipher.decrypt(5, stored);
      REQUIRE(back.has_value());
      CHECK(as_text(*back) == plain);
    }
  }
}

TEST_CASE("index, fork, core and schedule each lead to other bytes") {
  auto plain = as_bytes("the same block every time");
  block_cipher cipher{filled(1), some_core(), key_schedule::current};
  auto stored = cipher.encrypt(5, 3, plain);
  CHECK(cipher.encrypt(6, 3, plain) != stored);
  CHECK(cipher.encrypt(5, 4, plain) != stored);
  CHECK(block_cipher{filled(1), {}, key_schedule::current}.encrypt(5, 3, plain) != stored);
  CHECK(block_cipher{filled(1), some_core(), key_schedule::compat}.encrypt(5, 3, plain) != stored);
  CHECK(block_cipher{block_encryption_key(some_core(), filled(1)), some_core(), key_schedule::block}.encrypt(
          5, 3, plain) == stored);
}

TEST_CASE("what is shorter than the padding cannot be decrypted") {
  block_cipher cipher{filled(1), some_core(), key_schedule::current};
  auto failed = cipher.decrypt(0, as_bytes("seven b"));
  REQUIRE_FALSE(failed.has_value());
  CHECK(failed.error().code == ec::decoding_failed);
}

TEST_CASE("blocks are encrypted byte for byte as the reference does it") {
  // hypercore 11.35.5: key 01.., core key 02.., index 5, fork 3, "hello"
  auto stored = [](key_schedule schedule) {
    return text::to_hex(block_cipher{filled(1), some_core(), schedule}.encrypt(5, 3, as_bytes("hello")));
  };
  CHECK(stored(key_schedule::current) == "557c30dbaf8bd5e554fb8e2fbd");
  CHECK(stored(key_schedule::compat) == "d64dfbf71d850c47fa793ec729");
  CHECK(stored(key_schedule::block) == "2011f6ca4bc70bfea47563702e");
}

} // namespace corestore::log
