// The files of a core of hypercore 9, byte by byte. `bitfield`, `tree` and `signatures` begin with 32 bytes:
//
//   05 02 57  type (0 bitfield, 1 signatures, 2 tree)  version 0  u16be entry size  algorithm length, algorithm, zeros
//
//   tree        node i at 32 + 40 i: hash (32), u64be size; 40 zeros: not there
//   signatures  of length n at 32 + 64 (n - 1); 64 zeros: not there
//   data        the blocks, one after another
//   bitfield    pages: 1,024 bytes of block bits, 2,048 bytes of node bits, the rest (512 bytes) an index over both.
//               Bit i is bit 7 - i % 8 of byte i / 8
//   name        varint n, n bytes: the core is derived from the master key
//   key         32 bytes; secret_key 64 bytes
//
// The index is a flat tree of bytes over each 4 data bytes; a byte holds four times two bits: 11 all ones, 00 all
// zeros, 01 mixed. Those of a leaf are its four data bytes, those of a parent the halves of its children.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "log/bitfield.hpp"
#include "log/node.hpp"

namespace corestore::migration::legacy {

inline constexpr std::size_t header_bytes = 32;
inline constexpr std::size_t node_bytes = 40;
inline constexpr std::size_t signature_bytes = signature64::size;
inline constexpr std::size_t block_bits_bytes = 1024; ///< of a page of the bitfield
inline constexpr std::size_t node_bits_bytes = 2048;
inline constexpr std::size_t index_bytes = 512;
inline constexpr std::size_t page_bytes = block_bits_bytes + node_bits_bytes + index_bytes;
inline constexpr std::uint64_t blocks_per_page = block_bits_bytes * 8;
inline constexpr std::uint64_t nodes_per_page = node_bits_bytes * 8;

enum class file_type : std::uint8_t { bitfield = 0, signatures = 1, tree = 2 };

struct file_header {
  file_type type = file_type::bitfield;
  std::uint16_t entry_bytes = 0;
  std::string algorithm;
  friend bool operator==(const file_header&, const file_header&) = default;
};

/// What the reference writes for a file of that type.
file_header header_of(file_type type);

bytes encode_header(const file_header& header);

/// decoding_failed unless it is the header of a file of `type` with entries of a size that can be read.
result<file_header> decode_header(byte_view source, file_type type);

/// The bits of a core, over all its pages.
struct bit_content {
  log::bitfield blocks;
  log::bitfield nodes;
};

/// Takes over one page: `page` is cut off where the file ends.
void load_page(bit_content& target, std::uint64_t number, byte_view page);

/// All pages for a log of `length` blocks, with their index, as the reference writes them.
bytes encode_pages(const bit_content& source, std::uint64_t length);

std::array<std::uint8_t, node_bytes> encode_node(const log::node& source);

/// Nothing for 40 zeros.
std::optional<log::node> decode_node(std::uint64_t index, byte_view source);

bytes encode_name(std::string_view name);

/// Nothing unless the length fits the rest exactly, and there is one.
std::optional<std::string> decode_name(byte_view source);

} // namespace corestore::migration::legacy
