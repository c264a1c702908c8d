// Re-hashing a whole core, in slices between which other messages run.
#include <algorithm>

#include <caf/all.hpp>

#include "actors/core.hpp"
#include "log/flat_tree.hpp"
#include "log/hashes.hpp"
#include "log/legacy/signing.hpp"
#include "log/verify.hpp"

namespace corestore::actors {

namespace {

constexpr std::uint64_t slice_blocks_max = 4096;
constexpr std::uint64_t slice_bytes_max = std::uint64_t{4} << 20U;
constexpr std::size_t faults_max = 1000;

void add_fault(verify_report& report, std::string what) {
  if (report.faults.size() < faults_max)
    report.faults.push_back(std::move(what));
}

/// The leaf of one block, then every parent that becomes complete with it, as far as both children are stored.
void check_block(verify_report& report, const storage::snapshot& source, const log::core_header& header,
                 std::uint64_t index, byte_view value) {
  ++report.blocks;
  report.bytes_hashed += value.size();
  auto node_at = [&](std::uint64_t position) -> std::optional<log::node> {
    auto found = source.node(header.number, position);
    return found ? *found : std::nullopt;
  };
  auto leaf = node_at(2 * index);
  if (!leaf) {
    add_fault(report, "block " + std::to_string(index) + " has no tree node");
    return;
  }
  if (leaf->size != value.size() || leaf->hash != log::leaf_hash(value, header.generation))
    add_fault(report, "block " + std::to_string(index) + " does not match its hash");
  auto current = *leaf;
  for (auto rest = index; (rest & 1U) != 0; rest >>= 1U) {
    auto left = node_at(log::flat_tree::sibling(current.index));
    auto parent = node_at(log::flat_tree::parent(current.index));
    if (!left || !parent)
      return;
    auto expected = log::parent_node(*left, current, header.generation);
    if (expected.hash != parent->hash || expected.size != parent->size)
      add_fault(report, "tree node " + std::to_string(parent->index) + " does not match its children");
    current = *parent;
  }
}

} // namespace

caf::result<verify_report> core_state::verify() {
  auto promise = self_->make_response_promise<verify_report>();
  if (verifying_) {
    verifying_->promises.push_back(promise);
    return promise;
  }
  verifying_.emplace();
  verifying_->promises.push_back(promise);
  verify_slice(0);
  return promise;
}

void core_state::verify_slice(std::uint64_t first) {
  if (!verifying_)
    return;
  auto& report = verifying_->report;
  auto next = first;
  std::uint64_t slice_bytes = 0;
  auto finish_with = [this](auto outcome) {
    for (auto& promise : verifying_->promises)
      promise.deliver(outcome);
    verifying_.reset();
  };
  auto opened = backend_->open_snapshot();
  if (!opened) {
    finish_with(to_caf(opened.error()));
    return;
  }
  auto end = std::min(log_.head.length, first + slice_blocks_max);
  auto visited = (*opened)->each_block(log_.header.number, {first, end}, [&](std::uint64_t index, byte_view value) {
    for (; next < index; ++next)
      if (log_.bits.test(next))
        add_fault(report, "block " + std::to_string(next) + " is missing although it is marked as stored");
    check_block(report, **opened, log_.header, index, value);
    next = index + 1;
    slice_bytes += value.size();
    return slice_bytes < slice_bytes_max;
  });
  if (!visited) {
    finish_with(to_caf(visited.error()));
    return;
  }
  if (slice_bytes < slice_bytes_max) {
    for (; next < end; ++next)
      if (log_.bits.test(next))
        add_fault(report, "block " + std::to_string(next) + " is missing although it is marked as stored");
  }
  if (next < log_.head.length) {
    self_->send(self_, internal_atom_v, next);
    return;
  }
  for (const auto& root : log_.head.roots) {
    auto stored = (*opened)->node(log_.header.number, root.index);
    if (!stored || *stored != root)
      add_fault(report, "root node " + std::to_string(root.index) + " is missing or differs");
  }
  if (log_.head.length > 0) {
    if (log_.header.generation == log::generation::g9) {
      if (!log::legacy::verify_head(log_.header.key, log_.head))
        add_fault(report, "the signature of the head does not verify");
    } else if (!log_.manifest)
      add_fault(report, "the manifest is not known");
    else if (auto signed_head = log::verify_head(log_.header.key, *log_.manifest, log_.header.manifest, log_.head);
             !signed_head)
      add_fault(report, "the signature of the head does not verify");
  }
  finish_with(report);
}

} // namespace corestore::actors
