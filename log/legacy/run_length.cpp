#include "log/legacy/run_length.hpp"

#include <array>

#include "base/varint.hpp"

namespace corestore::log::legacy {

namespace {

constexpr std::array<std::uint8_t, 256> make_reversed() {
  std::array<std::uint8_t, 256> table{};
  for (std::size_t value = 0; value < table.size(); ++value)
    for (unsigned bit = 0; bit < 8; ++bit)
      if ((value >> bit & 1U) != 0)
        table[value] = static_cast<std::uint8_t>(table[value] | (1U << (7 - bit)));
  return table;
}

constexpr auto reversed = make_reversed();

class run_encoder {
public:
  explicit run_encoder(byte_view source) : source_(source) {
    // nop
  }

  bytes encode() {
    std::uint8_t bit = 0;
    std::size_t length = 0;
    for (std::size_t i = 0; i < source_.size(); ++i) {
      auto expected = static_cast<std::uint8_t>(bit != 0 ? 0xff : 0);
      if (source_[i] == expected) {
        ++length;
        continue;
      }
      if (length > 0)
        end_run(i, length, bit);
      if (source_[i] == 0 || source_[i] == 0xff) {
        bit = source_[i] == 0xff ? 1 : 0;
        length = 1;
      } else {
        length = 0;
      }
    }
    if (length > 0)
      end_run(source_.size(), length, bit);
    literals_until(source_.size());
    return std::move(target_);
  }

private:
  /// A run of `length` bytes ends before `end`: on its own when that is shorter than as part of the literals.
  void end_run(std::size_t end, std::size_t length, std::uint8_t bit) {
    auto pending = end - length - done_;
    auto header = 4 * std::uint64_t{length} + 2 * std::uint64_t{bit} + 1;
    auto apart = (pending > 0 ? varint::size_of(2 * pending) + pending : 0) + varint::size_of(header);
    auto together = varint::size_of(2 * (pending + length)) + pending + length;
    if (apart >= together)
      return;
    literals_until(end - length);
    varint::append(target_, header);
    done_ = end;
  }

  void literals_until(std::size_t end) {
    if (end <= done_)
      return;
    varint::append(target_, 2 * (end - done_));
    target_.insert(target_.end(), source_.begin() + static_cast<std::ptrdiff_t>(done_),
                   source_.begin() + static_cast<std::ptrdiff_t>(end));
    done_ = end;
  }

  byte_view source_;
  std::size_t done_ = 0; ///< bytes that are encoded
  bytes target_;
};

} // namespace

bytes encode_run_length(byte_view bits) {
  while (!bits.empty() && bits.back() == 0)
    bits = bits.first(bits.size() - 1);
  return run_encoder{bits}.encode();
}

result<bytes> decode_run_length(byte_view encoded, std::size_t bytes_max) {
  bytes target;
  while (!encoded.empty()) {
    auto header = varint::read(encoded);
    if (!header)
      return fail(ec::decoding_failed, "a bitfield ends within a header");
    bool is_run = (*header & 1U) != 0;
    auto count = is_run ? *header >> 2U : *header >> 1U;
    if (count > bytes_max - target.size())
      return fail(ec::limit_exceeded, "a bitfield of more than " + std::to_string(bytes_max) + " bytes");
    if (is_run) {
      target.resize(target.size() + count, static_cast<std::uint8_t>((*header & 2U) != 0 ? 0xff : 0));
      continue;
    }
    if (count > encoded.size())
      return fail(ec::decoding_failed, "a bitfield ends within its literal bytes");
    target.insert(target.end(), encoded.begin(), encoded.begin() + static_cast<std::ptrdiff_t>(count));
    encoded = encoded.subspan(count);
  }
  return target;
}

bytes bits_of(const bitfield& source, block_range range) {
  auto words = source.words(range);
  bytes bits;
  bits.reserve(4 * words.size());
  for (auto word : words)
    for (unsigned shift = 0; shift < 32; shift += 8)
      bits.push_back(reversed.at(word >> shift & 0xffU));
  return bits;
}

std::vector<std::uint32_t> words_of(byte_view bits) {
  std::vector<std::uint32_t> words((bits.size() + 3) / 4);
  for (std::size_t i = 0; i < bits.size(); ++i)
    words[i / 4] |= std::uint32_t{reversed.at(bits[i])} << (8 * (i % 4));
  return words;
}

} // namespace corestore::log::legacy
