#include <catch2/catch.hpp>

#include <numeric>

#include "base/crypto.hpp"
#include "base/text.hpp"

using namespace corestore;

namespace {

bytes hex(std::string_view source) {
  return text::from_hex(source).value();
}

bytes counted(std::size_t size) {
  bytes content(size);
  std::iota(content.begin(), content.end(), std::uint8_t{0});
  return content;
}

} // namespace

TEST_CASE("BLAKE2b of abc is that of RFC 7693") {
  CHECK(text::to_hex(crypto::blake2b_512({as_bytes("abc")}).view()) ==
        "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
        "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923");
}

TEST_CASE("a hash does not depend on how its input is cut") {
  auto content = counted(200);
  auto whole = crypto::blake2b({content});
  for (std::size_t cut = 0; cut <= content.size(); cut += 13) {
    auto view = byte_view{content};
    CHECK(crypto::blake2b({view.first(cut), view.subspan(cut)}) == whole);
    crypto::blake2b_stream stream;
    stream.update(view.first(cut));
    stream.update(view.subspan(cut));
    CHECK(stream.finish() == whole);
  }
  CHECK(crypto::blake2b_keyed(byte_view{content}.first(32), {content}) != whole);
}

TEST_CASE("a signature holds for its message and key only") {
  auto pair = crypto::ed25519_key_pair(key_seed{});
  auto message = counted(50);
  auto signature = crypto::ed25519_sign(message, pair.secret_part);
  CHECK(crypto::ed25519_verify(message, signature.view(), pair.public_part));
  CHECK_FALSE(crypto::ed25519_verify(message, signature.view(), crypto::ed25519_key_pair().public_part));
  CHECK_FALSE(crypto::ed25519_verify(message, signature.view().first(63), pair.public_part));
  message[0] ^= 1U;
  CHECK_FALSE(crypto::ed25519_verify(message, signature.view(), pair.public_part));
}

TEST_CASE("two sides of a key agreement get the same secret") {
  auto ours = crypto::ed25519_key_pair();
  auto theirs = crypto::ed25519_key_pair();
  auto secret = crypto::ed25519_dh(ours.secret_part, theirs.public_part);
  REQUIRE(secret);
  CHECK(secret == crypto::ed25519_dh(theirs.secret_part, ours.public_part));
  CHECK_FALSE(crypto::ed25519_dh(ours.secret_part, public_key{}));
}

TEST_CASE("sealed bytes open again, and damaged ones do not") {
  auto key = counted(32);
  auto nonce = counted(12);
  auto plain = counted(40);
  auto cipher = crypto::aead_encrypt(key, nonce, as_bytes("about"), plain);
  CHECK(crypto::aead_decrypt(key, nonce, as_bytes("about"), cipher) == plain);
  CHECK_FALSE(crypto::aead_decrypt(key, nonce, as_bytes("other"), cipher));
  CHECK_FALSE(crypto::aead_decrypt(key, nonce, as_bytes("about"), byte_view{cipher}.first(15)));
  cipher[3] ^= 1U;
  CHECK_FALSE(crypto::aead_decrypt(key, nonce, as_bytes("about"), cipher));
}

TEST_CASE("a secret stream opens in order only") {
  auto key = counted(32);
  crypto::stream_encryptor encryptor{key};
  auto seal = [&](std::string_view text) {
    bytes cipher(text.size() + crypto::stream_overhead_bytes);
    encryptor.seal(as_bytes(text), cipher);
    return cipher;
  };
  auto first = seal("first");
  auto second = seal("second");
  crypto::stream_decryptor decryptor{key, encryptor.header()};
  auto early = second;
  CHECK_FALSE(decryptor.open(early));
  auto opened = decryptor.open(first);
  REQUIRE(opened);
  CHECK(as_text(*opened) == "first");
  opened = decryptor.open(second);
  REQUIRE(opened);
  CHECK(as_text(*opened) == "second");
  bytes tiny(16);
  CHECK_FALSE(decryptor.open(tiny));
}

TEST_CASE("sealing in place gives the same bytes") {
  auto key = counted(32);
  auto header = counted(24);
  crypto::stream_encryptor apart{key, header};
  crypto::stream_encryptor in_place{key, header};
  auto plain = counted(1000);
  bytes expected(plain.size() + crypto::stream_overhead_bytes);
  apart.seal(plain, expected);
  bytes buffer(plain.size() + crypto::stream_overhead_bytes);
  std::copy(plain.begin(), plain.end(), buffer.begin() + 1);
  in_place.seal(byte_view{buffer}.subspan(1, plain.size()), buffer);
  CHECK(buffer == expected);
  CHECK(hex("00ff") == bytes{0, 255});
}

TEST_CASE("wiping leaves zeros, and comparison looks at everything") {
  auto content = counted(32);
  auto copy = content;
  CHECK(crypto::equal_in_constant_time(content, copy));
  copy.back() ^= 1U;
  CHECK_FALSE(crypto::equal_in_constant_time(content, copy));
  CHECK_FALSE(crypto::equal_in_constant_time(content, byte_view{content}.first(31)));
  crypto::wipe(content);
  CHECK(content == bytes(32));
  CHECK(crypto::random<key_seed>() != crypto::random<key_seed>());
}
