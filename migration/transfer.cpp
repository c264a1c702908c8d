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

constexpr std::size_t gaps_max = 65536; ///< ranges that only an older signature proves

class core_transfer final : public walk_visitor {
public:
  core_transfer(const core_source& source, const target_core& target, change_sink& sink)
      : source_(source), target_(target), sink_(sink),
        staged_(target.header.number, is_longer() ? source.facts().head : target.head, sink) {
    // nop
  }

  result<transfer_report> run();

  result<bool> is_known(const log::node& node) override;
  result<void> on_block(std::uint64_t index, shared_bytes value) override;
  result<void> on_node(const log::node& node) override {
    return staged_.add(node);
  }
  void on_damage(log::block_range blocks, const std::string& reason) override;
  void on_gap(log::block_range blocks) override;

private:
  [[nodiscard]] bool is_longer() const {
    return source_.facts().head.length > target_.head.length;
  }
  [[nodiscard]] log::generation generation() const {
    return source_.facts().header.generation;
  }
  result<void> check_base() const;
  result<void> begin();
  result<void> bring_signatures();
  result<void> close_gaps();
  result<bool> walk_older(std::uint64_t length, log::block_range gap);
  [[nodiscard]] result<std::vector<log::node>> roots_of(std::uint64_t length) const;

  const core_source& source_;
  const target_core& target_;
  change_sink& sink_;
  staging staged_;
  transfer_report report_;
  std::vector<log::block_range> gaps_;
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

result<void> core_transfer::on_block(std::uint64_t index, shared_bytes value) {
  if (target_.nodes != nullptr && target_.bits.test(index)) {
    ++report_.present;
    return {};
  }
  ++report_.blocks;
  report_.bytes += value.size();
  sink_.progress(report_.blocks + report_.present, report_.bytes);
  return staged_.add(index, std::move(value));
}

void core_transfer::on_damage(log::block_range blocks, const std::string& reason) {
  auto end = std::min(blocks.end, source_.facts().head.length);
  report_.damaged += source_.facts().bits.count({blocks.start, end});
  if (report_.faults.size() >= transfer_report::faults_max)
    return;
  auto which = blocks.start + 1 == end ? "block " + std::to_string(blocks.start)
                                       : "blocks " + std::to_string(blocks.start) + " to " + std::to_string(end - 1);
  report_.faults.push_back(which + ": " + reason);
}

void core_transfer::on_gap(log::block_range blocks) {
  if (generation() == log::generation::g9 && gaps_.size() < gaps_max)
    gaps_.push_back(blocks);
  else
    on_damage(blocks, "tree nodes on the way to them are missing");
}

/// Each of the signatures of earlier lengths that holds: one of them may be all that proves a block to somebody.
result<void> core_transfer::bring_signatures() {
  for (std::uint64_t length = 1; length < source_.facts().head.length; ++length) {
    auto signature = source_.signature_at(length);
    if (!signature)
      return fail(signature.error());
    if (!*signature)
      continue;
    if (sink_.is_ending())
      return fail(ec::cancelled);
    auto roots = roots_of(length);
    if (!roots && roots.error().code != ec::not_found)
      return fail(roots.error());
    if (!roots)
      continue; // nothing can be proven with it here
    if (!log::legacy::is_signed(source_.facts().header.key, *roots, length, (*signature)->view())) {
      if (report_.faults.size() < transfer_report::faults_max)
        report_.faults.push_back("the signature of length " + std::to_string(length) + " does not hold");
      continue;
    }
    ++report_.signatures;
    if (auto done = staged_.add(log::length_signature{length, **signature}); !done)
      return done;
  }
  return {};
}

/// Blocks that came when the log was shorter, and do not connect to its newest roots.
result<void> core_transfer::close_gaps() {
  auto open = std::exchange(gaps_, {});
  staged_.begin(false);
  for (const auto& gap : open) {
    auto done_until = gap.start;
    for (auto length = gap.start + 1; length < std::min(gap.end, source_.facts().head.length); ++length) {
      auto signature = source_.signature_at(length);
      if (!signature)
        return fail(signature.error());
      if (!*signature)
        continue;
      auto closed = walk_older(length, {done_until, gap.end});
      if (!closed)
        return fail(closed.error());
      if (*closed)
        done_until = length;
    }
    for (const auto& rest : std::exchange(gaps_, {}))
      on_damage(rest, "tree nodes on the way to them are missing");
    if (source_.facts().bits.first_set({done_until, gap.end}))
      on_damage({done_until, gap.end}, "no signature proves them");
  }
  return {};
}

result<bool> core_transfer::walk_older(std::uint64_t length, log::block_range gap) {
  auto roots = roots_of(length);
  auto signature = source_.signature_at(length);
  if (!roots || !signature || !*signature)
    return false;
  if (!log::legacy::is_signed(source_.facts().header.key, *roots, length, (*signature)->view()))
    return false;
  std::uint64_t offset = 0;
  for (const auto& root : *roots) {
    auto first = log::flat_tree::first_block(root.index);
    if (first >= gap.start && first < gap.end)
      if (auto done = walk(source_, root, offset, *this); !done)
        return fail(done.error());
    offset += root.size;
  }
  return true;
}

result<transfer_report> core_transfer::run() {
  if (auto base = check_base(); !base)
    return fail(base.error());
  if (auto begun = begin(); !begun)
    return fail(begun.error());
  std::uint64_t offset = 0;
  for (const auto& root : source_.facts().head.roots) {
    staged_.begin(true);
    if (auto done = walk(source_, root, offset, *this); !done) {
      (void)staged_.flush(); // what was verified is kept
      return fail(done.error());
    }
    offset += root.size;
  }
  if (generation() == log::generation::g9) {
    if (auto done = close_gaps(); !done)
      return fail(done.error());
    if (auto done = bring_signatures(); !done)
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
