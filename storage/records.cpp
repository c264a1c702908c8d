#include "storage/records.hpp"

#include "base/compact.hpp"
#include "storage/schema.hpp"
#include "storage/tree_math.hpp"

namespace corestore::storage {

namespace {

constexpr std::uint8_t header_version = 1;
constexpr std::uint8_t record_version = 1;

enum header_flag : std::uint8_t {
  flag_generation_9 = 1,
  flag_mirrored = 2,
  flag_frozen = 4,
  flag_pair = 8,
  flag_fenced = 16
};
constexpr std::uint8_t record_flag_head = 1;
constexpr std::uint8_t record_flag_journal = 2;
constexpr std::uint8_t record_flag_group = 4;

result<void> expect_end(const compact::reader& source, std::string_view what) {
  if (source.failed() || source.left() != 0)
    return fail(ec::storage_damaged, std::string{what} + " does not follow its format");
  return {};
}

void write_head(compact::writer& target, const log::tree_head& head) {
  target.uint(head.fork);
  target.uint(head.length);
  target.uint(head.byte_length);
  target.uint(head.roots.size());
  for (const auto& root : head.roots) {
    target.uint(root.size);
    target.raw(root.hash.view());
  }
  target.buffer(head.signature);
}

log::tree_head read_head(compact::reader& source) {
  log::tree_head head;
  head.fork = source.uint();
  head.length = source.uint();
  head.byte_length = source.uint();
  auto count = source.array(1 + hash32::size);
  if (head.length > tree::block_max || count != static_cast<std::size_t>(std::popcount(head.length))) {
    source.fail_now();
    return head;
  }
  head.roots.reserve(count);
  std::uint64_t start = 0;
  for (auto left = head.length; left != 0;) { // one root for each one bit, highest first
    auto depth = static_cast<unsigned>(std::bit_width(left) - 1);
    log::node root{tree::node_at(depth, start), source.uint(), {}};
    source.fixed(root.hash);
    head.roots.push_back(root);
    start += std::uint64_t{1} << depth;
    left -= std::uint64_t{1} << depth;
  }
  head.signature = to_bytes(source.buffer());
  return head;
}

} // namespace

bytes encode(const log::core_header& header) {
  bytes value;
  compact::writer target{value};
  auto flags = static_cast<std::uint8_t>(
    (header.generation == log::generation::g9 ? flag_generation_9 : 0) | (header.is_mirrored ? flag_mirrored : 0) |
    (header.is_frozen ? flag_frozen : 0) | (header.pair ? flag_pair : 0) | (header.fence ? flag_fenced : 0));
  target.byte(header_version);
  target.byte(flags);
  target.byte(static_cast<std::uint8_t>(header.origin));
  target.uint(static_cast<std::uint32_t>(header.number));
  target.raw(header.key.view());
  target.buffer(header.manifest);
  if (header.origin == log::key_origin::derived) {
    target.raw(header.name_space.view());
    target.string(header.name);
  }
  if (header.pair) {
    target.raw(header.pair->public_part.view());
    target.raw(header.pair->secret_part.view());
  }
  if (header.fence) {
    target.uint(header.fence->fork);
    target.uint(header.fence->length);
  }
  return value;
}

result<log::core_header> decode_header(const discovery_key& discovery, byte_view value) {
  compact::reader source{value};
  if (source.byte() != header_version)
    return fail(ec::storage_damaged, "core header of an unknown version");
  log::core_header header;
  header.discovery = discovery;
  auto flags = source.byte();
  auto origin = source.byte();
  header.generation = (flags & flag_generation_9) != 0 ? log::generation::g9 : log::generation::g10;
  header.is_mirrored = (flags & flag_mirrored) != 0;
  header.is_frozen = (flags & flag_frozen) != 0;
  if (origin > static_cast<std::uint8_t>(log::key_origin::foreign))
    source.fail_now();
  else
    header.origin = static_cast<log::key_origin>(origin);
  auto number = source.uint();
  if (number > UINT32_MAX)
    source.fail_now();
  header.number = log::core_number{static_cast<std::uint32_t>(number)};
  source.fixed(header.key);
  header.manifest = to_bytes(source.buffer());
  if (header.origin == log::key_origin::derived) {
    source.fixed(header.name_space);
    header.name = source.string();
  }
  if ((flags & flag_pair) != 0) {
    header.pair.emplace();
    source.fixed(header.pair->public_part);
    source.fixed(header.pair->secret_part);
  }
  if ((flags & flag_fenced) != 0) {
    header.fence.emplace();
    header.fence->fork = source.uint();
    header.fence->length = source.uint();
  }
  return expect_end(source, "core header").map([&] { return std::move(header); });
}

bytes encode(const core_record& record) {
  bytes value;
  compact::writer target{value};
  target.byte(record_version);
  target.byte(static_cast<std::uint8_t>((record.has_head ? record_flag_head : 0) |
                                        (record.journal_position > 0 ? record_flag_journal : 0) |
                                        (record.group ? record_flag_group : 0)));
  target.uint(record.contiguous_length);
  target.uint(record.fold_position);
  target.uint(record.sparse_blocks);
  target.uint(record.bit_records);
  if (record.journal_position > 0)
    target.uint(record.journal_position);
  if (record.group) {
    target.raw(record.group->topic.view());
    target.uint(record.group->position);
  }
  if (record.has_head)
    write_head(target, record.head);
  return value;
}

result<core_record> decode_core_record(byte_view value) {
  compact::reader source{value};
  if (source.byte() != record_version)
    return fail(ec::storage_damaged, "head record of an unknown version");
  core_record record;
  auto flags = source.byte();
  record.has_head = (flags & record_flag_head) != 0;
  record.contiguous_length = source.uint();
  record.fold_position = source.uint();
  record.sparse_blocks = source.uint();
  record.bit_records = source.uint();
  if ((flags & record_flag_journal) != 0)
    record.journal_position = source.uint();
  if ((flags & record_flag_group) != 0) {
    record.group.emplace();
    source.fixed(record.group->topic);
    record.group->position = source.uint();
  }
  if (record.has_head)
    record.head = read_head(source);
  return expect_end(source, "head record").map([&] { return std::move(record); });
}

std::array<std::uint8_t, node_record_bytes> encode(const log::node& node) {
  std::array<std::uint8_t, node_record_bytes> value{};
  for (std::size_t i = 0; i < 8; ++i)
    value[i] = static_cast<std::uint8_t>(node.size >> (8 * i));
  std::copy(node.hash.data.begin(), node.hash.data.end(), value.begin() + 8);
  return value;
}

result<log::node> decode_node(std::uint64_t index, byte_view value) {
  compact::reader source{value};
  log::node node;
  node.index = index;
  node.size = source.uint64();
  source.fixed(node.hash);
  return expect_end(source, "tree node").map([&] { return node; });
}

result<std::uint32_t> decode_number(byte_view value, std::string_view what) {
  compact::reader source{value};
  auto number = source.uint32();
  return expect_end(source, what).map([&] { return number; });
}

result<std::uint64_t> decode_position(byte_view value, std::string_view what) {
  compact::reader source{value};
  auto position = source.uint64();
  return expect_end(source, what).map([&] { return position; });
}

namespace {

template <class Integer>
auto to_little_endian(Integer value) {
  std::array<std::uint8_t, sizeof(Integer)> target{};
  for (std::size_t i = 0; i < target.size(); ++i)
    target[i] = static_cast<std::uint8_t>(value >> (8 * i));
  return target;
}

} // namespace

std::array<std::uint8_t, 4> encode_number(std::uint32_t value) {
  return to_little_endian(value);
}

std::array<std::uint8_t, 8> encode_position(std::uint64_t value) {
  return to_little_endian(value);
}

} // namespace corestore::storage
