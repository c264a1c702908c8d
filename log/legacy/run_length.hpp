// Run-length coding of bitfields, as generation 9 announces them: a varint header `4 n + 2 bit + 1` for `n` bytes of
// equal bits, or `2 n` followed by `n` bytes as they are. Bit `i` is bit `7 - i % 8` of byte `i / 8`.
#pragma once

#include <cstddef>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "log/bitfield.hpp"

namespace corestore::log::legacy {

/// Byte-identical with the reference. Zero bytes at the end are left out.
bytes encode_run_length(byte_view bits);

/// decoding_failed for a malformed source, limit_exceeded when more than `bytes_max` bytes would come out.
result<bytes> decode_run_length(byte_view encoded, std::size_t bytes_max);

/// The bits of `range` (a start and an end that are multiples of 32) in the order of this coding.
bytes bits_of(const bitfield& source, block_range range);

/// The same bits as words for bitfield::assign() and its kind.
std::vector<std::uint32_t> words_of(byte_view bits);

} // namespace corestore::log::legacy
