#include "migration/transfer.hpp"

#include <algorithm>
#include <utility>

#include "log/flat_tree.hpp"
#include "log/hashes.hpp"
#include "log/legacy/signing.hpp"
#include "log/merkle_tree.hpp"
#include "migration/staging.hpp"
#include "migration/tree_walk.hpp"

namespace corestore::migration {

namespace {

class core_transfer final : public walk_visitor {
public:
  core_transfer(const core_source& source, const target_core& target, change_sink& sink)
      : source_(source), target_(target), sink_(sink),
        staged_(target.header.number, is_longer() ? source.facts().head : target.head, sink) {
    // nop
  }

  result<transfer_report> run();

  result<bool> is_known(const log::node& node) override;
  void on_root(bool is_newest) override {
    staged_.begin(is_newest);
  }
  result<void> on_block(std::uint64_t index, std::uint64_t offset, const shared_bytes& value) override;
  result<void> on_node(const log::node& node) override {
    return staged_.add(node);
  }
  result<void> on_signature(const log::length_signature& signature) override;
  void on_damage(log::block_range blocks, const std::string& reason) override;
  void on_fault(const std::string& reason) override {
    if (report_.faults.size() < transfer_report::faults_max)
      report_.faults.push_back(reason);
  }

private:
  [[nodiscard]] bool is_longer() const {
    return source_.facts().head.length > target_.head.length;
  }
  [[nodiscard]] log::generation generation() const {
    return source_.facts().header.generation;
  }
  result<void> check_base() const;
  result<void> begin();
  [[nodiscard]] result<std::vector<log::node>> roots_of(std::uint64_t length) const;

  const core_source& source_;
  const target_core& target_;
  change_sink& sink_;
  staging staged_;
  transfer_report report_;
};

/// The log that is there must be the beginning of the one that comes, or the other way round.
result<void> core_transfer::check_base() const {
  const auto& theirs = source_.facts().head;
  const auto& ours = target_.head;
  if (ours.length == 0 || theirs.length == 0)
    return {};
  if (ours.fork != theirs.fork)
    return fail(ec::conflict, "the store has fork " + std::to_string(ours.fork) + " of this core, the directory fork " +
                                std::to_string(theirs.fork));
  auto shorter = std::min(ours.length, theirs.length);
  auto our_roots = ours.length == shorter || target_.nodes == nullptr ? result<std::vector<log::node>>{ours.roots}
                                                                      : log::roots_at(ours, *target_.nodes, shorter);
  auto their_roots = theirs.length == shorter ? result<std::vector<log::node>>{theirs.roots} : roots_of(shorter);
  if (!our_roots || !their_roots)
    return fail(ec::conflict,
                "whether the " + std::to_string(shorter) +
                  " blocks in the store and the ones here are the same cannot be said: roots are missing");
  if (log::tree_hash(*our_roots, generation()) != log::tree_hash(*their_roots, generation()))
    return fail(ec::conflict,
                "the store has another log of this key: they differ below " + std::to_string(shorter) + " blocks");
  return {};
}

result<std::vector<log::node>> core_transfer::roots_of(std::uint64_t length) const {
  std::vector<log::node> roots;
  for (auto index : log::flat_tree::full_roots(length)) {
    auto root = log::require_node(source_, index);
    if (!root)
      return fail(root.error());
    roots.push_back(*root);
  }
  return roots;
}

/// Header, name, and the head that everything else is verified against.
result<void> core_transfer::begin() {
  log::change_set changes;
  changes.number = target_.header.number;
  changes.base_fork = target_.head.fork;
  changes.base_length = target_.head.length;
  if (target_.is_new) {
    changes.header = target_.header;
    changes.alias = target_.alias;
  }
  changes.user_data = source_.facts().user_data;
  if (is_longer()) {
    changes.head = source_.facts().head;
    changes.nodes = changes.head->roots;
    if (generation() == log::generation::g9)
      if (auto signature = signature64::from(changes.head->signature))
        changes.signatures.push_back({changes.head->length, *signature});
  }
  return log::is_empty(changes) ? result<void>{} : sink_.apply(std::move(changes));
}

result<bool> core_transfer::is_known(const log::node& node) {
  if (sink_.is_ending())
    return fail(ec::cancelled);
  auto first = log::flat_tree::first_block(node.index);
  log::block_range blocks{first, first + log::flat_tree::block_count(node.index)};
  if (target_.nodes == nullptr || !target_.bits.all_set(blocks))
    return false;
  auto stored = target_.nodes->node_at(node.index);
  if (!stored)
    return fail(stored.error());
  if (!*stored)
    return false;
  if (**stored != node)
    return fail(ec::conflict, "the store has another tree node " + std::to_string(node.index));
  report_.present += blocks.end - blocks.start;
  return true;
}

result<void> core_transfer::on_block(std::uint64_t index, std::uint64_t /*offset*/, const shared_bytes& value) {
  if (target_.nodes != nullptr && target_.bits.test(index)) {
    ++report_.present;
    return {};
  }
  ++report_.blocks;
  report_.bytes += value.size();
  sink_.progress(report_.blocks + report_.present, report_.bytes);
  return staged_.add(index, value);
}

result<void> core_transfer::on_signature(const log::length_signature& signature) {
  if (sink_.is_ending())
    return fail(ec::cancelled);
  ++report_.signatures;
  return staged_.add(signature);
}

void core_transfer::on_damage(log::block_range blocks, const std::string& reason) {
  auto end = std::min(blocks.end, source_.facts().head.length);
  report_.damaged += source_.facts().bits.count({blocks.start, end});
  auto which = blocks.start + 1 == end ? "block " + std::to_string(blocks.start)
                                       : "blocks " + std::to_string(blocks.start) + " to " + std::to_string(end - 1);
  on_fault(which + ": " + reason);
}

result<transfer_report> core_transfer::run() {
  if (auto base = check_base(); !base)
    return fail(base.error());
  if (auto begun = begin(); !begun)
    return fail(begun.error());
  if (auto done = walk(source_, *this); !done) {
    (void)staged_.flush(); // what was verified is kept
    return fail(done.error());
  }
  if (auto done = staged_.flush(); !done)
    return fail(done.error());
  return std::move(report_);
}

} // namespace

result<transfer_report> transfer(const core_source& source, const target_core& target, change_sink& sink) {
  return core_transfer{source, target, sink}.run();
}

} // namespace corestore::migration
