#include "log/prove.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "log/flat_tree.hpp"
#include "log/merkle_tree.hpp"

namespace corestore::log {

namespace {

/// The node that a block or hash request asks for.
struct wanted_node {
  std::uint64_t index = 0;
  std::uint64_t levels = 0; ///< to climb when it lies below the upgrade
  bool is_hash = false;
};

using node_list = std::vector<node>;

/// One answer under construction. Lengths are checked before it is made.
class proof_builder {
public:
  proof_builder(const tree_head& head, const node_source& source, const proof_request& request,
                const std::optional<upgrade_request>& upgrade)
      : head_(head), source_(source), request_(request), upgrade_(upgrade), from_(upgrade ? upgrade->start : 0),
        to_(upgrade ? upgrade->start + upgrade->length : head.length) {
    if (request.block)
      node_ = {2 * request.block->index, request.block->nodes, false};
    else if (request.hash)
      node_ = {request.hash->index, request.hash->nodes, true};
    has_node_ = request.block || request.hash;
  }

  result<proof> build();

private:
  [[nodiscard]] bool is_below_upgrade() const {
    return !upgrade_ || flat_tree::completing_block(node_.index) < upgrade_->start;
  }

  result<void> check() const;
  result<std::uint64_t> climb() const;
  result<std::uint64_t> find_below(std::uint64_t root) const;
  result<std::optional<std::uint64_t>> find_in_upgrade() const;
  result<void> add_node_path(std::uint64_t root, std::optional<std::uint64_t> seek_target);
  result<void> add_seek_path(std::uint64_t target, std::uint64_t root);
  result<void> add_upgrade(std::optional<std::uint64_t> subtree);
  result<void> add(node_list& target, std::uint64_t index) const;
  proof finish();

  const tree_head& head_;
  const node_source& source_;
  const proof_request& request_;
  const std::optional<upgrade_request>& upgrade_;
  std::uint64_t from_; ///< blocks
  std::uint64_t to_;   ///< blocks
  wanted_node node_;
  bool has_node_ = false;
  std::optional<node_list> node_nodes_;
  std::optional<node_list> seek_nodes_;
  node_list upgrade_nodes_;
  node_list additional_nodes_;
};

result<void> proof_builder::check() const {
  if (!has_node_)
    return {};
  if (node_.index > flat_tree::index_max || !flat_tree::is_within(node_.index, to_))
    return fail(ec::invalid_operation, "tree node " + std::to_string(node_.index) + " is outside the requested tree");
  if (upgrade_ && request_.seek && node_.index >= 2 * from_)
    return fail(ec::invalid_operation, "a seek together with a block inside the upgrade");
  return {};
}

result<void> proof_builder::add(node_list& target, std::uint64_t index) const {
  auto found = require_node(source_, index);
  if (!found)
    return fail(found.error());
  target.push_back(*found);
  return {};
}

/// `levels` up from the node; every node on the way has to be complete at length `to`.
result<std::uint64_t> proof_builder::climb() const {
  auto index = node_.index;
  for (std::uint64_t i = 0; i < node_.levels; ++i) {
    index = flat_tree::parent(index);
    if (flat_tree::covers(index, 2 * to_))
      return fail(ec::invalid_operation, "more nodes requested than the tree is high");
  }
  return index;
}

/// Seek target inside the subtree that the requester already knows the root of.
result<std::uint64_t> proof_builder::find_below(std::uint64_t root) const {
  const auto& [position, padding] = *request_.seek;
  auto first = flat_tree::first_block(root);
  auto before = bytes_before(head_, source_, first);
  if (!before)
    return fail(before.error());
  auto start = first > 0 && padding > *before / first ? 0 : *before - padding * first;
  if (position < start)
    return fail(ec::invalid_operation, "the seek lies before the requested subtree");
  if (position == start)
    return root;
  auto top = require_node(source_, root);
  if (!top)
    return fail(top.error());
  if (position - start >= payload_size(*top, padding))
    return fail(ec::invalid_operation, "the seek lies past the requested subtree");
  return descend(source_, root, position - start, padding).map([](const descent& end) { return end.index; });
}

/// Seek target under the roots of length `to`; nothing past the end.
result<std::optional<std::uint64_t>> proof_builder::find_in_upgrade() const {
  auto [position, padding] = *request_.seek;
  auto roots = roots_at(head_, source_, to_);
  if (!roots)
    return fail(roots.error());
  for (const auto& root : *roots) {
    auto size = payload_size(root, padding);
    if (position == size)
      return root.index;
    if (position < size) {
      if (position == 0)
        return root.index;
      auto end = descend(source_, root.index, position, padding);
      if (!end)
        return fail(end.error());
      return end->index;
    }
    position -= size;
  }
  return std::nullopt;
}

result<void> proof_builder::add_seek_path(std::uint64_t target, std::uint64_t root) {
  auto& nodes = seek_nodes_.emplace();
  if (auto status = add(nodes, target); !status)
    return status;
  for (auto index = target; index != root; index = flat_tree::parent(index))
    if (auto status = add(nodes, flat_tree::sibling(index)); !status)
      return status;
  return {};
}

result<void> proof_builder::add_node_path(std::uint64_t root, std::optional<std::uint64_t> seek_target) {
  auto& nodes = node_nodes_.emplace();
  if (node_.is_hash)
    if (auto status = add(nodes, node_.index); !status)
      return status;
  for (auto index = node_.index; index != root; index = flat_tree::parent(index)) {
    auto sibling = flat_tree::sibling(index);
    auto is_replaced = seek_target && flat_tree::covers(sibling, *seek_target) && sibling != *seek_target;
    auto status = is_replaced ? add_seek_path(*seek_target, sibling) : add(nodes, sibling);
    if (!status)
      return status;
  }
  return {};
}

/// `subtree`: node inside the upgrade that the requester gets a path for, in place of the upgrade node above it.
result<void> proof_builder::add_upgrade(std::optional<std::uint64_t> subtree) {
  for (auto index : flat_tree::needed_nodes(from_, to_)) {
    auto is_replaced = subtree && !node_nodes_ && !seek_nodes_ && flat_tree::covers(index, *subtree);
    auto status = !is_replaced ? add(upgrade_nodes_, index)
                  : has_node_  ? add_node_path(index, std::nullopt)
                               : add_seek_path(*subtree, index);
    if (!status)
      return status;
  }
  if (has_node_ && !node_nodes_)
    return fail(ec::invalid_operation, "the node is partly inside the upgrade");
  for (auto index : flat_tree::needed_nodes(to_, head_.length))
    if (auto status = add(additional_nodes_, index); !status)
      return status;
  return {};
}

result<proof> proof_builder::build() {
  if (auto status = check(); !status)
    return fail(status.error());
  std::optional<std::uint64_t> subtree;
  if (has_node_ && is_below_upgrade()) {
    auto root = climb();
    if (!root)
      return fail(root.error());
    std::optional<std::uint64_t> target;
    if (request_.seek) {
      auto found = find_below(*root);
      if (!found)
        return fail(found.error());
      target = *found;
    }
    if (auto status = add_node_path(*root, target); !status)
      return fail(status.error());
  } else if (has_node_) {
    subtree = node_.index;
  } else if (request_.seek && upgrade_) {
    auto found = find_in_upgrade();
    if (!found)
      return fail(found.error());
    subtree = *found;
  }
  if (upgrade_)
    if (auto status = add_upgrade(subtree); !status)
      return fail(status.error());
  return finish();
}

proof proof_builder::finish() {
  proof answer;
  answer.fork = head_.fork;
  if (request_.block)
    answer.block = block_proof{request_.block->index, {}, std::move(*node_nodes_)};
  else if (request_.hash)
    answer.hash = hash_proof{request_.hash->index, std::move(*node_nodes_)};
  if (seek_nodes_)
    answer.seek = seek_proof{request_.seek->bytes, std::move(*seek_nodes_)};
  if (upgrade_)
    answer.upgrade = upgrade_proof{upgrade_->start, upgrade_->length, std::move(upgrade_nodes_),
                                   std::move(additional_nodes_), head_.signature};
  return answer;
}

} // namespace

result<proof> build_proof(const tree_head& head, const manifest* known, const node_source& source,
                          const proof_request& request) {
  auto upgrade = request.upgrade;
  if (upgrade && known != nullptr && known->beginning && upgrade->start < known->beginning->length)
    upgrade = upgrade_request{0, known->beginning->length};
  if (head.length == 0) {
    proof empty;
    empty.fork = head.fork;
    return empty;
  }
  if (upgrade &&
      (upgrade->length == 0 || upgrade->start > head.length || upgrade->length > head.length - upgrade->start))
    return fail(ec::invalid_operation, "an upgrade past the length " + std::to_string(head.length));
  if (request.block && request.block->index > flat_tree::length_max)
    return fail(ec::invalid_operation, "block " + std::to_string(request.block->index) + " cannot exist");
  return proof_builder{head, source, request, upgrade}.build();
}

result<std::uint64_t> missing_nodes(const tree_head& head, const node_source& source, std::uint64_t index) {
  if (index > flat_tree::index_max || !flat_tree::is_within(index, head.length))
    return std::uint64_t{0};
  std::uint64_t count = 0;
  for (; !flat_tree::covers(index, 2 * head.length); index = flat_tree::parent(index), ++count) {
    auto found = source.node_at(index);
    if (!found)
      return fail(found.error());
    if (*found)
      break;
  }
  return count;
}

result<bool> has_roots_of(const tree_head& head, const node_source& source, std::uint64_t length) {
  if (length > head.length)
    return false;
  if (length == head.length)
    return true;
  for (auto index : flat_tree::full_roots(length)) {
    auto found = source.node_at(index);
    if (!found)
      return fail(found.error());
    if (!*found)
      return false;
  }
  return true;
}

result<seek_result> seek(const tree_head& head, const node_source& source, std::uint64_t byte_position,
                         std::uint64_t padding) {
  if (byte_position == 0)
    return seek_result{true, 0, 0, {}};
  auto left = byte_position;
  for (const auto& root : head.roots) {
    auto size = payload_size(root, padding);
    if (left == size)
      return seek_result{true, flat_tree::completing_block(root.index) + 1, 0, {}};
    if (left > size) {
      left -= size;
      continue;
    }
    auto end = descend(source, root.index, left, padding);
    if (!end)
      return fail(end.error());
    if (end->is_past)
      return seek_result{true, flat_tree::completing_block(end->index) + 1, 0, {}};
    if (flat_tree::is_leaf(end->index))
      return seek_result{true, end->index / 2, end->offset, {}};
    return seek_result{false, 0, 0, {flat_tree::first_block(end->index), flat_tree::completing_block(end->index) + 1}};
  }
  return seek_result{false, 0, 0, {head.length, UINT64_MAX}};
}

result<std::optional<std::uint64_t>> byte_offset(const tree_head& head, const node_source& source,
                                                 std::uint64_t index) {
  if (index > head.length)
    return std::nullopt;
  auto before = bytes_before(head, source, index);
  if (before)
    return *before;
  if (before.error().code == ec::not_found)
    return std::nullopt;
  return fail(before.error());
}

} // namespace corestore::log
