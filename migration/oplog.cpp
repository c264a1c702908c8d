#include "migration/oplog.hpp"

#include <algorithm>
#include <array>

#include "base/compact.hpp"
#include "log/hashes.hpp"
#include "log/manifest.hpp"
#include "log/node_codec.hpp"

namespace corestore::migration::oplog {

namespace {

constexpr std::size_t frame_bytes = 8;
constexpr std::size_t user_value_bytes_min = 2;
constexpr std::size_t hint_bytes_min = 3;

std::uint32_t crc32(byte_view source) {
  static const auto table = [] {
    std::array<std::uint32_t, 256> made{};
    for (std::uint32_t i = 0; i < made.size(); ++i) {
      auto value = i;
      for (int bit = 0; bit < 8; ++bit)
        value = (value & 1U) != 0 ? (value >> 1U) ^ 0xedb88320U : value >> 1U;
      made.at(i) = value;
    }
    return made;
  }();
  std::uint32_t sum = ~std::uint32_t{0};
  for (auto byte : source)
    sum = table.at((sum ^ byte) & 0xffU) ^ (sum >> 8U);
  return ~sum;
}

/// A frame whose sum holds.
struct frame {
  bool header_bit = false;
  bool is_partial = false;
  byte_view body;
};

std::optional<frame> frame_at(byte_view file, std::size_t offset) {
  if (offset > file.size() || file.size() - offset < frame_bytes)
    return std::nullopt;
  compact::reader start{file.subspan(offset, frame_bytes)};
  auto sum = start.uint32();
  auto word = start.uint32();
  std::size_t length = word >> 2U;
  if (length > file.size() - offset - frame_bytes)
    return std::nullopt;
  if (crc32(file.subspan(offset + 4, length + 4)) != sum)
    return std::nullopt;
  return frame{(word & 1U) != 0, (word & 2U) != 0, file.subspan(offset + frame_bytes, length)};
}

void append_frame(bytes& target, byte_view body) {
  bytes framed;
  compact::writer out{framed};
  out.uint32(static_cast<std::uint32_t>(body.size() << 2U));
  out.raw(body);
  compact::writer{target}.uint32(crc32(framed));
  target.insert(target.end(), framed.begin(), framed.end());
}

user_value read_user_value(compact::reader& source) {
  user_value found;
  found.name = std::string{source.string()};
  found.value = to_bytes(source.buffer());
  return found;
}

void read_user_data(compact::reader& source, header& target) {
  auto count = source.array(user_value_bytes_min);
  for (std::size_t i = 0; i < count && !source.failed(); ++i)
    target.user_data.push_back(read_user_value(source));
}

void read_tree(compact::reader& source, header& target) {
  target.fork = source.uint();
  target.length = source.uint();
  target.root_hash = to_bytes(source.buffer());
  target.signature = to_bytes(source.buffer());
}

void read_pair(compact::reader& source, header& target) {
  auto public_part = to_bytes(source.buffer());
  auto secret_part = to_bytes(source.buffer());
  if (!public_part.empty())
    target.public_part = std::move(public_part);
  if (!secret_part.empty())
    target.secret_part = std::move(secret_part);
}

void read_hints(compact::reader& source, header& target) {
  auto count = source.array(hint_bytes_min);
  for (std::size_t i = 0; i < count && !source.failed(); ++i)
    for (int field = 0; field < 3; ++field)
      source.uint();
  if (source.left() > 0)
    target.contiguous_length = source.uint();
}

/// Before manifests were kept: one signer, whose public key is the core's.
result<header> decode_old(compact::reader& source) {
  header found;
  for (int name = 0; name < 3; ++name)
    source.string();
  read_user_data(source, found);
  read_tree(source, found);
  read_pair(source, found);
  read_hints(source, found);
  if (auto done = source.finish("a header of the oplog"); !done)
    return fail(done.error());
  auto signer = found.public_part ? public_key::from(*found.public_part) : std::nullopt;
  if (!signer)
    return fail(ec::decoding_failed, "a header of the oplog names no public key");
  found.key.data = signer->data;
  found.manifest = log::encode_manifest(log::default_manifest(*signer, 0));
  return found;
}

} // namespace

result<header> decode_header(byte_view view) {
  compact::reader source{view};
  auto version = source.uint();
  if (version > 1)
    return fail(ec::decoding_failed, "version " + std::to_string(version) + " of the oplog is not known");
  if (version == 0)
    return decode_old(source);
  header found;
  auto flags = source.uint();
  if ((flags & 1U) != 0) {
    external_place place;
    place.start = source.uint();
    place.length = source.uint();
    found.external = place;
  } else {
    source.fixed(found.key);
    if ((flags & 2U) != 0 && !source.failed()) {
      std::size_t consumed = 0;
      auto rest = view.subspan(source.position());
      auto manifest = log::decode_manifest(rest, &consumed);
      if (!manifest)
        return fail(manifest.error());
      found.manifest = to_bytes(source.raw(consumed));
    }
    if ((flags & 4U) != 0)
      read_pair(source, found);
    read_user_data(source, found);
    read_tree(source, found);
    read_hints(source, found);
  }
  if (auto done = source.finish("a header of the oplog"); !done)
    return fail(done.error());
  return found;
}

bytes encode_header(const header& source) {
  bytes target;
  compact::writer out{target};
  out.uint(1);
  if (source.external) {
    out.uint(1);
    out.uint(source.external->start);
    out.uint(source.external->length);
    return target;
  }
  auto has_pair = source.public_part || source.secret_part;
  out.uint((source.manifest.empty() ? 0U : 2U) | (has_pair ? 4U : 0U));
  out.raw(source.key.view());
  out.raw(source.manifest);
  if (has_pair) {
    out.buffer(source.public_part.value_or(bytes{}));
    out.buffer(source.secret_part.value_or(bytes{}));
  }
  out.uint(source.user_data.size());
  for (const auto& one : source.user_data) {
    out.string(one.name);
    out.buffer(one.value);
  }
  out.uint(source.fork);
  out.uint(source.length);
  out.buffer(source.root_hash);
  out.buffer(source.signature);
  out.uint(0);
  out.uint(source.contiguous_length);
  return target;
}

result<entry> decode_entry(byte_view view) {
  compact::reader source{view};
  entry found;
  auto flags = source.uint();
  if ((flags & 1U) != 0)
    found.user_data = read_user_value(source);
  if ((flags & 2U) != 0)
    log::read_nodes(source, found.nodes);
  if ((flags & 4U) != 0) {
    upgrade moved;
    moved.fork = source.uint();
    moved.ancestors = source.uint();
    moved.length = source.uint();
    moved.signature = to_bytes(source.buffer());
    found.upgrade = std::move(moved);
  }
  if ((flags & 8U) != 0) {
    bit_change change;
    change.is_drop = (source.uint() & 1U) != 0;
    change.start = source.uint();
    change.length = source.uint();
    found.bits = change;
  }
  if (auto done = source.finish("an entry of the oplog"); !done)
    return fail(done.error());
  return found;
}

result<content> decode(byte_view file) {
  auto first = frame_at(file.first(std::min(file.size(), slot_bytes)), 0);
  auto second = frame_at(file.first(std::min(file.size(), entries_offset)), slot_bytes);
  auto decoded_first = first ? decode_header(first->body) : result<header>{fail(ec::not_found)};
  auto decoded_second = second ? decode_header(second->body) : result<header>{fail(ec::not_found)};
  if (!decoded_first && !decoded_second) {
    if (file.size() < entries_offset && !first && !second)
      return fail(ec::not_found, "the oplog was never written");
    return fail(ec::decoding_failed, "neither header of the oplog can be read");
  }
  // The same reading of the two bits as the reference's: one slot alone counts as if the other agreed.
  auto first_bit = decoded_first ? first->header_bit : !second->header_bit;
  auto second_bit = decoded_second ? second->header_bit : first_bit;
  auto current = first_bit != second_bit;
  content found;
  found.header = current && decoded_second ? std::move(*decoded_second) : std::move(*decoded_first);
  auto offset = entries_offset;
  std::size_t whole_end = offset;
  std::size_t whole_count = 0;
  while (auto next = frame_at(file, offset)) {
    if (next->header_bit != current)
      break;
    auto decoded = decode_entry(next->body);
    if (!decoded)
      break;
    found.entries.push_back(std::move(*decoded));
    offset += frame_bytes + next->body.size();
    if (!next->is_partial) {
      whole_end = offset;
      whole_count = found.entries.size();
    }
  }
  found.entries.resize(whole_count);
  found.surplus_bytes = file.size() > whole_end ? file.size() - whole_end : 0;
  return found;
}

bytes encode_file(byte_view encoded_header) {
  bytes target;
  append_frame(target, encoded_header);
  target.resize(std::max(entries_offset, target.size()));
  return target;
}

bytes encode_file_external(std::uint64_t header_length) {
  header place;
  place.external = external_place{0, header_length};
  return encode_file(encode_header(place));
}

} // namespace corestore::migration::oplog
