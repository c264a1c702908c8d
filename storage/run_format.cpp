#include "storage/run_format.hpp"

#include <cstring>
#include <string>

#include "storage/change_check.hpp"
#include "storage/tree_math.hpp"

namespace corestore::storage {

namespace {

constexpr std::uint8_t run_version = 1;
constexpr std::uint8_t flag_husk = 1;
constexpr std::size_t prefix_bytes = 8;

template <class Integer>
Integer load(const std::uint8_t* source) {
  Integer value = 0;
  for (std::size_t i = sizeof(Integer); i-- > 0;)
    value = static_cast<Integer>((value << 8U) | source[i]);
  return value;
}

template <class Integer>
std::uint8_t* store(std::uint8_t* target, Integer value) {
  for (std::size_t i = 0; i < sizeof(Integer); ++i, value = static_cast<Integer>(value >> 8U))
    target[i] = static_cast<std::uint8_t>(value & 0xffU);
  return target + sizeof(Integer);
}

std::uint8_t* store(std::uint8_t* target, byte_view source) {
  if (!source.empty())
    std::memcpy(target, source.data(), source.size());
  return target + source.size();
}

std::size_t crossing_count(std::uint64_t first, std::size_t count) {
  auto depths = crossing_depths(first, first + count);
  return depths.end - depths.start;
}

tl::unexpected<error> damaged(std::uint64_t last) {
  return fail(ec::storage_damaged, "the run that ends with block " + std::to_string(last));
}

} // namespace

std::size_t run_overhead(std::uint64_t first, std::size_t count) {
  return prefix_bytes + 4 * count + 8 * crossing_count(first, count) +
         hash32::size * tree::nodes_within(first, first + count);
}

result<run_view> run_view::open(std::uint64_t last, byte_view value) {
  if (value.size() < prefix_bytes || value[0] != run_version)
    return damaged(last);
  run_view view;
  view.is_husk_ = (value[1] & flag_husk) != 0;
  view.count_ = load<std::uint32_t>(value.data() + 4);
  // The bounds on `count` keep everything below far from overflow.
  if (view.count_ == 0 || last > tree::block_max || view.count_ > last + 1 || view.count_ > value.size() / 4)
    return damaged(last);
  view.first_ = last + 1 - view.count_;
  if (run_overhead(view.first_, view.count_) > value.size())
    return damaged(last);
  auto position = prefix_bytes;
  auto take = [&](std::size_t size) {
    position += size;
    return value.subspan(position - size, size);
  };
  view.ends_ = take(std::size_t{4} * view.count_);
  view.crossing_ = take(8 * crossing_count(view.first_, view.count_));
  view.hashes_ = take(hash32::size * tree::nodes_within(view.first_, view.end()));
  view.content_ = value.subspan(position);
  if (view.content_.size() != (view.is_husk_ ? 0 : view.offset_of(view.end())))
    return damaged(last);
  return view;
}

std::uint64_t run_view::offset_of(std::uint64_t index) const {
  return index == first_ ? 0 : load<std::uint32_t>(ends_.data() + 4 * (index - first_ - 1));
}

result<byte_view> run_view::block(std::uint64_t index) const {
  auto start = offset_of(index);
  auto stop = offset_of(index + 1);
  if (stop < start || stop > content_.size())
    return damaged(first_ + count_ - 1);
  return content_.subspan(start, stop - start);
}

std::optional<log::node> run_view::node(std::uint64_t index) const {
  auto completing = tree::last_block(index);
  if (!holds(completing))
    return std::nullopt;
  auto depth = tree::depth_of(index);
  auto start = tree::first_block(index);
  log::node node;
  node.index = index;
  if (start < first_)
    node.size = load<std::uint64_t>(crossing_.data() + std::size_t{8} * (depth - crossing_depths(first_, end()).start));
  else
    node.size = offset_of(completing + 1) - offset_of(start);
  auto position = tree::nodes_within(first_, completing) + depth;
  std::memcpy(node.hash.data.data(), hashes_.data() + hash32::size * position, hash32::size);
  return node;
}

byte_view run_view::hashes(std::uint64_t start, std::uint64_t stop) const {
  return hashes_.subspan(hash32::size * tree::nodes_within(first_, start),
                         hash32::size * tree::nodes_within(start, stop));
}

byte_view run_view::content(std::uint64_t start, std::uint64_t stop) const {
  return content_.subspan(offset_of(start), offset_of(stop) - offset_of(start));
}

std::size_t run_size(const run_parts& parts) {
  auto content = parts.is_husk ? 0 : static_cast<std::size_t>(parts.block_ends.back());
  return run_overhead(parts.first, parts.block_ends.size()) + content;
}

void encode_run(const run_parts& parts, std::span<std::uint8_t> target) {
  auto* position = target.data();
  *position++ = run_version;
  *position++ = parts.is_husk ? flag_husk : 0;
  position = store<std::uint16_t>(position, 0);
  position = store(position, static_cast<std::uint32_t>(parts.block_ends.size()));
  for (auto end : parts.block_ends)
    position = store(position, static_cast<std::uint32_t>(end));
  for (auto size : parts.crossing)
    position = store(position, size);
  position = store(position, parts.hashes);
  position = store(position, parts.content);
  for (const auto& block : parts.blocks)
    position = store(position, block.view());
}

result<bytes> slice_run(const run_view& source, std::uint64_t start, std::uint64_t end, bool keep_blocks) {
  std::vector<std::uint64_t> ends;
  ends.reserve(end - start);
  for (auto index = start; index < end; ++index) {
    ends.push_back(source.offset_of(index + 1) - source.offset_of(start));
    if (source.offset_of(index + 1) < source.offset_of(index))
      return damaged(source.end() - 1);
  }
  auto known = [&source](std::uint64_t index) -> result<std::optional<std::uint64_t>> {
    auto node = source.node(index);
    return node ? std::optional{node->size} : std::nullopt;
  };
  auto crossing = crossing_sizes(start, ends, known);
  if (!crossing)
    return damaged(source.end() - 1);
  run_parts parts{start, ends, *crossing, source.hashes(start, end), {}, {}, !(keep_blocks && source.has_blocks())};
  if (!parts.is_husk)
    parts.content = source.content(start, end);
  bytes value(run_size(parts));
  encode_run(parts, value);
  return value;
}

result<bytes> join_runs(std::span<const run_view> sources) {
  auto first = sources.front().first();
  std::vector<std::uint64_t> ends;
  bytes hashes;
  for (const auto& source : sources) {
    auto before = ends.empty() ? 0 : ends.back();
    for (auto block = source.first(); block < source.end(); ++block)
      ends.push_back(before + source.offset_of(block + 1));
    auto more = source.hashes(source.first(), source.end());
    hashes.insert(hashes.end(), more.begin(), more.end());
  }
  auto known = [sources](std::uint64_t index) -> result<std::optional<std::uint64_t>> {
    for (const auto& source : sources)
      if (auto node = source.node(index))
        return node->size;
    return std::nullopt;
  };
  auto crossing = crossing_sizes(first, ends, known);
  if (!crossing)
    return damaged(sources.back().end() - 1);
  run_parts parts{first, ends, *crossing, hashes, {}, {}, true};
  bytes value(run_size(parts));
  encode_run(parts, value);
  return value;
}

} // namespace corestore::storage
