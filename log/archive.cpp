#include "log/archive.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "base/compact.hpp"
#include "base/limits.hpp"
#include "log/flat_tree.hpp"
#include "log/hashes.hpp"
#include "log/merkle_tree.hpp"
#include "log/node_codec.hpp"

namespace corestore::log::archive {

namespace {

enum class frame_kind : std::uint8_t { head = 1, blocks = 2, end = 3 };

/// Bytes of the shortest block: index, empty buffer, no nodes.
constexpr std::size_t block_bytes_min = 3;

template <class... Handlers>
struct overloaded : Handlers... {
  using Handlers::operator()...;
};
template <class... Handlers>
overloaded(Handlers...) -> overloaded<Handlers...>;

void write(compact::writer& target, const head_frame& content) {
  target.byte(static_cast<std::uint8_t>(frame_kind::head));
  target.byte(version);
  target.byte(static_cast<std::uint8_t>(content.generation));
  target.raw(content.key.view());
  target.buffer(content.manifest);
  target.uint(content.head.fork);
  target.uint(content.head.length);
  target.uint(content.head.byte_length);
  write_nodes(target, content.head.roots);
  target.buffer(content.head.signature);
  write_nodes(target, content.path);
}

void write(compact::writer& target, const blocks_frame& content) {
  target.byte(static_cast<std::uint8_t>(frame_kind::blocks));
  target.uint(content.blocks.size());
  for (const auto& one : content.blocks) {
    target.uint(one.index);
    target.buffer(one.value.view());
    write_nodes(target, one.nodes);
  }
}

void write(compact::writer& target, const end_frame& content) {
  target.byte(static_cast<std::uint8_t>(frame_kind::end));
  target.uint(content.blocks);
  target.uint(content.bytes);
}

/// Roots are those of the length, and make up the bytes: nothing later has to doubt them.
bool has_form(const tree_head& head) {
  if (head.length == 0 || head.length > flat_tree::length_max)
    return false;
  auto expected = flat_tree::full_roots(head.length);
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < head.roots.size(); ++i) {
    if (i >= expected.size() || head.roots[i].index != expected[i] || head.roots[i].size > limits::safe_integer_max)
      return false;
    total += head.roots[i].size;
  }
  return head.roots.size() == expected.size() && total == head.byte_length;
}

result<frame> read_head(compact::reader& source) {
  if (auto found = source.byte(); found != version)
    return fail(ec::unsupported,
                "archive version " + std::to_string(found) + "; this program knows version " + std::to_string(version));
  head_frame content;
  auto which = source.byte();
  content.generation = which == 9 ? generation::g9 : generation::g10;
  source.fixed(content.key);
  content.manifest = to_bytes(source.buffer());
  content.head.fork = source.uint();
  content.head.length = source.uint();
  content.head.byte_length = source.uint();
  read_nodes(source, content.head.roots);
  content.head.signature = to_bytes(source.buffer());
  read_nodes(source, content.path);
  if ((which != 9 && which != 10) || !has_form(content.head))
    source.fail_now();
  return content;
}

result<frame> read_blocks(compact::reader& source) {
  blocks_frame content;
  auto count = source.array(block_bytes_min);
  content.blocks.reserve(count);
  for (std::size_t i = 0; i < count && !source.failed(); ++i) {
    block_proof one;
    one.index = source.uint();
    one.value = shared_bytes::copy_of(source.buffer());
    read_nodes(source, one.nodes);
    if (one.index >= flat_tree::length_max || (i > 0 && one.index <= content.blocks.back().index))
      source.fail_now();
    content.blocks.push_back(std::move(one));
  }
  return content;
}

} // namespace

bytes encode(const frame& content) {
  bytes payload;
  compact::writer target{payload};
  std::visit([&target](const auto& one) { write(target, one); }, content);
  return payload;
}

result<frame> decode(byte_view payload) {
  compact::reader source{payload};
  auto kind = source.byte();
  result<frame> content = fail(ec::decoding_failed, "a frame of an unknown kind in an archive");
  switch (static_cast<frame_kind>(kind)) {
  case frame_kind::head:
    content = read_head(source);
    break;
  case frame_kind::blocks:
    content = read_blocks(source);
    break;
  case frame_kind::end: {
    end_frame end;
    end.blocks = source.uint();
    end.bytes = source.uint();
    content = end;
    break;
  }
  default:
    break;
  }
  if (content && (source.failed() || source.left() != 0))
    return fail(ec::decoding_failed, "a frame of an archive does not follow its format");
  return content;
}

result<std::vector<node>> path_of(const node_source& source, std::uint64_t length, std::uint64_t index,
                                  std::optional<std::uint64_t> previous) {
  auto roots = flat_tree::full_roots(length);
  std::vector<node> path;
  auto current = 2 * index;
  while (!std::binary_search(roots.begin(), roots.end(), current)) {
    auto parent = flat_tree::parent(current);
    if (previous && flat_tree::covers(parent, 2 * *previous))
      break; // a sibling on the way of that block
    auto sibling = require_node(source, flat_tree::sibling(current));
    if (!sibling)
      return fail(std::move(sibling.error()));
    path.push_back(*sibling);
    current = parent;
  }
  return path;
}

std::set<std::uint64_t> needed_nodes(std::uint64_t from, std::uint64_t to) {
  auto needed = flat_tree::needed_nodes(from, to);
  return {needed.begin(), needed.end()};
}

node leaf_of(const block_proof& block, generation which) {
  return leaf_node(block.index, block.value.view(), which);
}

} // namespace corestore::log::archive
