#include "migration/legacy_format.hpp"

#include <algorithm>

#include "base/varint.hpp"
#include "log/flat_tree.hpp"
#include "log/legacy/run_length.hpp"

namespace corestore::migration::legacy {

namespace {

constexpr std::array<std::uint8_t, 3> magic{0x05, 0x02, 0x57};
constexpr std::size_t algorithm_bytes_max = header_bytes - 8;

/// All ones, all zeros, or mixed, of a data byte.
std::uint8_t summary_of(std::uint8_t data) {
  return data == 0 ? 0 : data == 0xff ? 3 : 1;
}

/// The same of two summaries.
std::uint8_t join(std::uint8_t two) {
  return two == 0 ? 0 : two == 0xf ? 3 : 1;
}

std::uint8_t parent_of(std::uint8_t left, std::uint8_t right) {
  return static_cast<std::uint8_t>((join(left >> 4U) << 6U) | (join(left & 0xfU) << 4U) | (join(right >> 4U) << 2U) |
                                   join(right & 0xfU));
}

/// The index over `data`: leaf `k` is byte `2 k` and stands for data bytes `4 k` to `4 k + 3`.
bytes index_over(byte_view data) {
  bytes index(data.size() / 2);
  for (std::size_t k = 0; 4 * k < data.size(); ++k)
    for (std::size_t i = 0; i < 4; ++i)
      index[2 * k] = static_cast<std::uint8_t>((index[2 * k] << 2U) | summary_of(data[4 * k + i]));
  for (std::size_t half = 1; 2 * half - 1 < index.size();
       half *= 2) // the nodes of one depth, `half` away from their children
    for (auto i = 2 * half - 1; i < index.size(); i += 4 * half)
      index[i] = parent_of(index[i - half], i + half < index.size() ? index[i + half] : std::uint8_t{0});
  return index;
}

} // namespace

file_header header_of(file_type type) {
  switch (type) {
  case file_type::bitfield:
    return {type, static_cast<std::uint16_t>(page_bytes), {}};
  case file_type::signatures:
    return {type, static_cast<std::uint16_t>(signature_bytes), "Ed25519"};
  case file_type::tree:
    return {type, static_cast<std::uint16_t>(node_bytes), "BLAKE2b"};
  }
  return {};
}

bytes encode_header(const file_header& header) {
  bytes target(header_bytes);
  std::copy(magic.begin(), magic.end(), target.begin());
  target[3] = static_cast<std::uint8_t>(header.type);
  target[5] = static_cast<std::uint8_t>(header.entry_bytes >> 8U);
  target[6] = static_cast<std::uint8_t>(header.entry_bytes);
  auto size = std::min(header.algorithm.size(), algorithm_bytes_max);
  target[7] = static_cast<std::uint8_t>(size);
  std::copy_n(header.algorithm.begin(), size, target.begin() + 8);
  return target;
}

result<file_header> decode_header(byte_view source, file_type type) {
  if (source.size() < header_bytes || !std::equal(magic.begin(), magic.end(), source.begin()))
    return fail(ec::decoding_failed, "no header of hypercore 9");
  if (source[3] != static_cast<std::uint8_t>(type))
    return fail(ec::decoding_failed, "a header of another file, type " + std::to_string(source[3]));
  if (source[4] != 0)
    return fail(ec::decoding_failed, "version " + std::to_string(source[4]) + " of the file is not known");
  file_header header;
  header.type = type;
  header.entry_bytes = static_cast<std::uint16_t>((source[5] << 8U) | source[6]);
  if (source[7] > algorithm_bytes_max)
    return fail(ec::decoding_failed, "an algorithm of " + std::to_string(source[7]) + " bytes");
  header.algorithm = std::string{as_text(source.subspan(8, source[7]))};
  auto wanted = header_of(type);
  auto is_readable = type == file_type::bitfield ? header.entry_bytes >= block_bits_bytes + node_bits_bytes
                                                 : header.entry_bytes == wanted.entry_bytes;
  if (!is_readable)
    return fail(ec::decoding_failed, "entries of " + std::to_string(header.entry_bytes) + " bytes");
  if (header.algorithm != wanted.algorithm)
    return fail(ec::decoding_failed, "the algorithm is " + header.algorithm + ", not " + wanted.algorithm);
  return header;
}

void load_page(bit_content& target, std::uint64_t number, byte_view page) {
  auto part = [&page](std::size_t start, std::size_t size) {
    bytes padded(size);
    if (start < page.size())
      std::copy_n(page.begin() + static_cast<std::ptrdiff_t>(start), std::min(size, page.size() - start),
                  padded.begin());
    return padded;
  };
  auto is_empty = [](const bytes& bits) {
    return std::all_of(bits.begin(), bits.end(), [](std::uint8_t byte) { return byte == 0; });
  };
  if (auto blocks = part(0, block_bits_bytes); !is_empty(blocks))
    target.blocks.assign(number * blocks_per_page, log::legacy::words_of(blocks));
  if (auto nodes = part(block_bits_bytes, node_bits_bytes); !is_empty(nodes))
    target.nodes.assign(number * nodes_per_page, log::legacy::words_of(nodes));
}

bytes encode_pages(const bit_content& source, std::uint64_t length) {
  auto pages = (length + blocks_per_page - 1) / blocks_per_page;
  auto blocks = log::legacy::bits_of(source.blocks, {0, pages * blocks_per_page});
  auto nodes = log::legacy::bits_of(source.nodes, {0, pages * nodes_per_page});
  auto index = index_over(blocks);
  bytes target;
  target.reserve(static_cast<std::size_t>(pages) * page_bytes);
  auto append = [&target](const bytes& from, std::uint64_t page, std::size_t size) {
    auto start = from.begin() + static_cast<std::ptrdiff_t>(page * size);
    target.insert(target.end(), start, start + static_cast<std::ptrdiff_t>(size));
  };
  for (std::uint64_t page = 0; page < pages; ++page) {
    append(blocks, page, block_bits_bytes);
    append(nodes, page, node_bits_bytes);
    append(index, page, index_bytes);
  }
  return target;
}

std::array<std::uint8_t, node_bytes> encode_node(const log::node& source) {
  std::array<std::uint8_t, node_bytes> target{};
  std::copy(source.hash.data.begin(), source.hash.data.end(), target.begin());
  for (std::size_t i = 0; i < 8; ++i)
    target[hash32::size + i] = static_cast<std::uint8_t>(source.size >> (8 * (7 - i)));
  return target;
}

std::optional<log::node> decode_node(std::uint64_t index, byte_view source) {
  log::node found;
  found.index = index;
  std::copy_n(source.begin(), hash32::size, found.hash.data.begin());
  for (std::size_t i = 0; i < 8; ++i)
    found.size = (found.size << 8U) | source[hash32::size + i];
  if (found.size == 0 && found.hash.is_zero())
    return std::nullopt;
  return found;
}

bytes encode_name(std::string_view name) {
  bytes target;
  varint::append(target, name.size());
  target.insert(target.end(), name.begin(), name.end());
  return target;
}

std::optional<std::string> decode_name(byte_view source) {
  auto rest = source;
  auto size = varint::read(rest);
  if (!size || *size == 0 || *size != rest.size())
    return std::nullopt;
  return std::string{as_text(rest)};
}

} // namespace corestore::migration::legacy
