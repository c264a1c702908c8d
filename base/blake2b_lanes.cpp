#include "base/blake2b_lanes.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <utility>

#include "base/crypto.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace corestore::crypto {

namespace {

hash32 hash_one(const two_parts& message) {
  return blake2b({message.head, message.body});
}

} // namespace

#if defined(__x86_64__)

namespace {

constexpr std::size_t block_bytes = 128;

constexpr std::array<std::uint64_t, 8> initial = {0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b,
                                                  0xa54ff53a5f1d36f1, 0x510e527fade682d1, 0x9b05688c2b3e6c1f,
                                                  0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};

/// Of a digest of 32 bytes without a key.
constexpr std::uint64_t parameters = 0x01010020;

constexpr std::array<std::array<std::uint8_t, 16>, 12> order = {{
  {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
  {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
  {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
  {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
  {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
  {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
  {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
  {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
  {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
  {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
  {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
  {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
}};

/// Word by word the states of the messages, each followed by the same word of the next message.
using state_words = std::uint64_t*;

/// Takes one block of each message into its state: `counters` tell the bytes so far, `lasts` are all ones for those
/// that end.
using compression = void (*)(state_words state, const std::uint8_t* const* blocks, const std::uint64_t* counters,
                             const std::uint64_t* lasts);

/// One message on its way through the blocks.
class feed {
public:
  void start(const two_parts& message) {
    message_ = message;
    size_ = message.head.size() + message.body.size();
    blocks_ = std::max<std::size_t>((size_ + block_bytes - 1) / block_bytes, 1);
  }

  [[nodiscard]] std::size_t blocks() const {
    return blocks_;
  }

  /// Bytes hashed when block `index` is done.
  [[nodiscard]] std::uint64_t counter(std::size_t index) const {
    return std::min<std::uint64_t>((index + 1) * block_bytes, size_);
  }

  /// The 128 bytes of block `index`, zeros behind the end; where they lie, or in a copy that lives until the next call.
  const std::uint8_t* block(std::size_t index) {
    auto start = index * block_bytes;
    auto head = message_.head.size();
    if (start >= head && start + block_bytes <= size_)
      return message_.body.data() + (start - head);
    copy_.fill(0);
    if (index >= blocks_)
      return copy_.data();
    auto end = std::min(start + block_bytes, size_);
    auto from_head = start < head ? std::min(end, head) - start : 0;
    if (from_head > 0)
      std::memcpy(copy_.data(), message_.head.data() + start, from_head);
    auto from_body = end - start - from_head;
    if (from_body > 0)
      std::memcpy(copy_.data() + from_head, message_.body.data() + (start + from_head - head), from_body);
    return copy_.data();
  }

private:
  two_parts message_;
  std::size_t size_ = 0;
  std::size_t blocks_ = 0;
  alignas(64) std::array<std::uint8_t, block_bytes> copy_{};
};

// -- four messages side by side: AVX2

using words_4 = __m256i;

[[gnu::target("avx2"), gnu::always_inline]] inline words_4 rotated_24(words_4 x) {
  return _mm256_shuffle_epi8(x, _mm256_setr_epi8(3, 4, 5, 6, 7, 0, 1, 2, 11, 12, 13, 14, 15, 8, 9, 10, 3, 4, 5, 6, 7, 0,
                                                 1, 2, 11, 12, 13, 14, 15, 8, 9, 10));
}

[[gnu::target("avx2"), gnu::always_inline]] inline words_4 rotated_16(words_4 x) {
  return _mm256_shuffle_epi8(x, _mm256_setr_epi8(2, 3, 4, 5, 6, 7, 0, 1, 10, 11, 12, 13, 14, 15, 8, 9, 2, 3, 4, 5, 6, 7,
                                                 0, 1, 10, 11, 12, 13, 14, 15, 8, 9));
}

[[gnu::target("avx2"), gnu::always_inline]] inline void mix(words_4& a, words_4& b, words_4& c, words_4& d, words_4 x,
                                                            words_4 y) {
  a = _mm256_add_epi64(_mm256_add_epi64(a, b), x);
  d = _mm256_shuffle_epi32(_mm256_xor_si256(d, a), 0xb1); // by 32
  c = _mm256_add_epi64(c, d);
  b = rotated_24(_mm256_xor_si256(b, c));
  a = _mm256_add_epi64(_mm256_add_epi64(a, b), y);
  d = rotated_16(_mm256_xor_si256(d, a));
  c = _mm256_add_epi64(c, d);
  auto mixed = _mm256_xor_si256(b, c);
  b = _mm256_or_si256(_mm256_srli_epi64(mixed, 63), _mm256_add_epi64(mixed, mixed));
}

[[gnu::target("avx2"), gnu::always_inline]] inline words_4 load(const std::uint8_t* source) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(source));
}

/// Four words of each of four messages: turned so that each register has one word of all.
[[gnu::target("avx2"), gnu::always_inline]] inline void load_words(const std::uint8_t* const* blocks, std::size_t first,
                                                                   words_4* target) {
  const words_4 one = load(blocks[0] + 8 * first);
  const words_4 two = load(blocks[1] + 8 * first);
  const words_4 three = load(blocks[2] + 8 * first);
  const words_4 four = load(blocks[3] + 8 * first);
  const words_4 even_low = _mm256_unpacklo_epi64(one, two);
  const words_4 odd_low = _mm256_unpackhi_epi64(one, two);
  const words_4 even_high = _mm256_unpacklo_epi64(three, four);
  const words_4 odd_high = _mm256_unpackhi_epi64(three, four);
  target[first] = _mm256_permute2x128_si256(even_low, even_high, 0x20);
  target[first + 1] = _mm256_permute2x128_si256(odd_low, odd_high, 0x20);
  target[first + 2] = _mm256_permute2x128_si256(even_low, even_high, 0x31);
  target[first + 3] = _mm256_permute2x128_si256(odd_low, odd_high, 0x31);
}

/// The rounds stand one after the other, so that the order of the words is known when this is compiled.
template <std::size_t Round>
[[gnu::target("avx2"), gnu::always_inline]] inline void round_of(words_4* v, const words_4* m) {
  constexpr auto s = order[Round];
  mix(v[0], v[4], v[8], v[12], m[s[0]], m[s[1]]);
  mix(v[1], v[5], v[9], v[13], m[s[2]], m[s[3]]);
  mix(v[2], v[6], v[10], v[14], m[s[4]], m[s[5]]);
  mix(v[3], v[7], v[11], v[15], m[s[6]], m[s[7]]);
  mix(v[0], v[5], v[10], v[15], m[s[8]], m[s[9]]);
  mix(v[1], v[6], v[11], v[12], m[s[10]], m[s[11]]);
  mix(v[2], v[7], v[8], v[13], m[s[12]], m[s[13]]);
  mix(v[3], v[4], v[9], v[14], m[s[14]], m[s[15]]);
}

template <std::size_t... Rounds>
[[gnu::target("avx2"), gnu::always_inline]] inline void all_rounds(words_4* v, const words_4* m,
                                                                   std::index_sequence<Rounds...> /*numbers*/) {
  (round_of<Rounds>(v, m), ...);
}

[[gnu::target("avx2")]] void compress_4(state_words state, const std::uint8_t* const* blocks,
                                        const std::uint64_t* counters, const std::uint64_t* lasts) {
  words_4 m[16]; // NOLINT(modernize-avoid-c-arrays): std::array drops the alignment of the registers
  for (std::size_t first = 0; first < 16; first += 4)
    load_words(blocks, first, m);
  auto* stored = reinterpret_cast<words_4*>(state);
  words_4 v[16]; // NOLINT(modernize-avoid-c-arrays)
  for (std::size_t i = 0; i < 8; ++i) {
    v[i] = _mm256_load_si256(stored + i);
    v[i + 8] = _mm256_set1_epi64x(static_cast<long long>(initial[i]));
  }
  v[12] = _mm256_xor_si256(v[12], _mm256_load_si256(reinterpret_cast<const words_4*>(counters)));
  v[14] = _mm256_xor_si256(v[14], _mm256_load_si256(reinterpret_cast<const words_4*>(lasts)));
  all_rounds(v, m, std::make_index_sequence<order.size()>{});
  for (std::size_t i = 0; i < 8; ++i)
    _mm256_store_si256(stored + i, _mm256_xor_si256(_mm256_load_si256(stored + i), _mm256_xor_si256(v[i], v[i + 8])));
}

// -- eight: AVX-512

// The compiler's own vectors: g++ 12 takes the intrinsics for reads of what was never written.

using words_8 [[gnu::vector_size(64), gnu::may_alias]] = std::uint64_t;
using half_words [[gnu::vector_size(32), gnu::may_alias]] = std::uint64_t;

template <int Bits>
[[gnu::target("avx512f"), gnu::always_inline]] inline void rotate(words_8& x) {
  x = (x >> Bits) | (x << (64 - Bits));
}

[[gnu::target("avx512f"), gnu::always_inline]] inline void mix(words_8& a, words_8& b, words_8& c, words_8& d,
                                                               const words_8& x, const words_8& y) {
  a += b + x;
  d ^= a;
  rotate<32>(d);
  c += d;
  b ^= c;
  rotate<24>(b);
  a += b + y;
  d ^= a;
  rotate<16>(d);
  c += d;
  b ^= c;
  rotate<63>(b);
}

template <std::size_t Round>
[[gnu::target("avx512f"), gnu::always_inline]] inline void round_of(words_8* v, const words_8* m) {
  constexpr auto s = order[Round];
  mix(v[0], v[4], v[8], v[12], m[s[0]], m[s[1]]);
  mix(v[1], v[5], v[9], v[13], m[s[2]], m[s[3]]);
  mix(v[2], v[6], v[10], v[14], m[s[4]], m[s[5]]);
  mix(v[3], v[7], v[11], v[15], m[s[6]], m[s[7]]);
  mix(v[0], v[5], v[10], v[15], m[s[8]], m[s[9]]);
  mix(v[1], v[6], v[11], v[12], m[s[10]], m[s[11]]);
  mix(v[2], v[7], v[8], v[13], m[s[12]], m[s[13]]);
  mix(v[3], v[4], v[9], v[14], m[s[14]], m[s[15]]);
}

template <std::size_t... Rounds>
[[gnu::target("avx512f"), gnu::always_inline]] inline void all_rounds(words_8* v, const words_8* m,
                                                                      std::index_sequence<Rounds...> /*numbers*/) {
  (round_of<Rounds>(v, m), ...);
}

[[gnu::target("avx512f")]] void compress_8(state_words state, const std::uint8_t* const* blocks,
                                           const std::uint64_t* counters, const std::uint64_t* lasts) {
  words_4 low[16];  // NOLINT(modernize-avoid-c-arrays)
  words_4 high[16]; // NOLINT(modernize-avoid-c-arrays)
  words_8 m[16];    // NOLINT(modernize-avoid-c-arrays)
  for (std::size_t first = 0; first < 16; first += 4) {
    load_words(blocks, first, low);
    load_words(blocks + 4, first, high);
  }
  for (std::size_t i = 0; i < 16; ++i)
    m[i] = __builtin_shufflevector(reinterpret_cast<half_words>(low[i]), reinterpret_cast<half_words>(high[i]), 0, 1, 2,
                                   3, 4, 5, 6, 7);
  auto* stored = reinterpret_cast<words_8*>(state);
  words_8 v[16]; // NOLINT(modernize-avoid-c-arrays)
  for (std::size_t i = 0; i < 8; ++i) {
    v[i] = stored[i];
    v[i + 8] = words_8{} + initial[i];
  }
  v[12] ^= *reinterpret_cast<const words_8*>(counters);
  v[14] ^= *reinterpret_cast<const words_8*>(lasts);
  all_rounds(v, m, std::make_index_sequence<order.size()>{});
  for (std::size_t i = 0; i < 8; ++i)
    stored[i] ^= v[i] ^ v[i + 8];
}

// -- what both have in common

/// One message to as many as there are lanes.
template <std::size_t Lanes>
void hash_side_by_side(compression compress, std::span<const two_parts> messages, std::span<hash32> target) {
  std::array<feed, Lanes> feeds;
  std::size_t blocks = 0;
  for (std::size_t lane = 0; lane < messages.size(); ++lane) {
    feeds[lane].start(messages[lane]);
    blocks = std::max(blocks, feeds[lane].blocks());
  }
  alignas(64) std::array<std::uint64_t, 8 * Lanes> state{};
  for (std::size_t word = 0; word < 8; ++word)
    std::fill_n(state.begin() + static_cast<std::ptrdiff_t>(word * Lanes), Lanes,
                initial[word] ^ (word == 0 ? parameters : 0));
  for (std::size_t index = 0; index < blocks; ++index) {
    std::array<const std::uint8_t*, Lanes> there{};
    alignas(64) std::array<std::uint64_t, Lanes> counters{};
    alignas(64) std::array<std::uint64_t, Lanes> lasts{};
    for (std::size_t lane = 0; lane < Lanes; ++lane) {
      auto& from = feeds[lane];
      there[lane] = from.block(index);
      counters[lane] = from.counter(index);
      lasts[lane] = index + 1 == from.blocks() ? ~std::uint64_t{0} : 0;
    }
    compress(state.data(), there.data(), counters.data(), lasts.data());
    for (std::size_t lane = 0; lane < target.size(); ++lane)
      if (lasts[lane] != 0)
        for (std::size_t word = 0; word < 4; ++word)
          std::memcpy(target[lane].data.data() + 8 * word, &state[word * Lanes + lane], 8);
  }
}

} // namespace

std::size_t blake2b_lanes() {
  static const std::size_t lanes =
    __builtin_cpu_supports("avx512f") != 0 ? 8 : (__builtin_cpu_supports("avx2") != 0 ? 4 : 1);
  return lanes;
}

void blake2b_each(std::span<const two_parts> messages, std::span<hash32> target) {
  const auto lanes = blake2b_lanes();
  while (messages.size() > 1 && lanes > 1) {
    const auto is_wide = lanes == 8 && messages.size() > 4;
    const auto count = std::min<std::size_t>(messages.size(), is_wide ? 8 : 4);
    if (is_wide)
      hash_side_by_side<8>(compress_8, messages.first(count), target.first(count));
    else
      hash_side_by_side<4>(compress_4, messages.first(count), target.first(count));
    messages = messages.subspan(count);
    target = target.subspan(count);
  }
  std::transform(messages.begin(), messages.end(), target.begin(), hash_one);
}

#else

std::size_t blake2b_lanes() {
  return 1;
}

void blake2b_each(std::span<const two_parts> messages, std::span<hash32> target) {
  std::transform(messages.begin(), messages.end(), target.begin(), hash_one);
}

#endif

} // namespace corestore::crypto
