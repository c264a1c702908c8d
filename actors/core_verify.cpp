// Re-hashing a whole core, in slices between which other messages run.
#include <algorithm>
#include <utility>

#include <caf/all.hpp>

#include "actors/block_check.hpp"
#include "actors/core.hpp"
#include "log/flat_tree.hpp"
#include "log/hashes.hpp"
#include "log/legacy/signing.hpp"
#include "log/verify.hpp"

namespace corestore::actors {

namespace {

constexpr std::uint64_t slice_blocks_max = 4096;
constexpr std::uint64_t slice_bytes_max = std::uint64_t{4} << 20U;
} // namespace

caf::result<verify_report> core_state::verify() {
  auto promise = self_->make_response_promise<verify_report>();
  if (verifying_) {
    verifying_->promises.push_back(promise);
    return promise;
  }
  verifying_.emplace().fork = log_.head.fork;
  verifying_->promises.push_back(promise);
  verify_slice(0);
  return promise;
}

caf::result<repair_report> core_state::repair() {
  auto promise = self_->make_response_promise<repair_report>();
  auto is_running = verifying_.has_value();
  if (!is_running)
    verifying_.emplace().fork = log_.head.fork;
  verifying_->repairs.push_back(promise);
  if (!is_running)
    verify_slice(0);
  return promise;
}

void core_state::drop_damaged(std::vector<std::uint64_t> damaged,
                              std::vector<caf::typed_response_promise<repair_report>> promises, std::uint64_t blocks) {
  auto report = std::make_shared<repair_report>();
  report->blocks = blocks;
  edit change;
  change.stage = [this, report, fork = log_.head.fork,
                  damaged = std::move(damaged)](const storage::snapshot& source) -> result<log::change_set> {
    log::change_set changes;
    if (fork != log_.head.fork)
      return changes; // other blocks may stand there by now: the next repair sees them
    changes.number = log_.header.number;
    changes.base_fork = log_.head.fork;
    changes.base_length = log_.head.length;
    for (auto index : damaged) {
      if (!log_.bits.test(index))
        continue; // cleared or truncated away meanwhile
      ++report->dropped_blocks;
      if (auto block = source.block(log_.header.number, index); block && *block)
        report->dropped_bytes += (*block)->size();
      if (!changes.forgotten.empty() && changes.forgotten.back().end == index)
        ++changes.forgotten.back().end;
      else
        changes.forgotten.push_back({index, index + 1});
    }
    if (!changes.forgotten.empty())
      changes.contiguous_length = std::min(log_.contiguous_length(), changes.forgotten.front().start);
    return changes;
  };
  change.done = [report, promises = std::move(promises)](const result<void>& outcome) mutable {
    for (auto& promise : promises) {
      if (outcome)
        promise.deliver(*report);
      else
        promise.deliver(to_caf(outcome.error()));
    }
  };
  enqueue(std::move(change));
}

void core_state::verify_slice(std::uint64_t first) {
  if (!verifying_)
    return;
  auto& report = verifying_->report;
  auto next = first;
  std::uint64_t slice_bytes = 0;
  auto note_missing = [&](std::uint64_t index) {
    if (!log_.bits.test(index))
      return;
    add_fault(report, "block " + std::to_string(index) + " is missing although it is marked as stored");
    verifying_->damaged.push_back(index);
  };
  auto fail_with = [this](const caf::error& outcome) {
    for (auto& promise : verifying_->promises)
      promise.deliver(outcome);
    auto failed = verifying_.take();
    for (auto& promise : failed->repairs)
      promise.deliver(outcome);
  };
  auto opened = around_->backend->open_snapshot();
  if (!opened) {
    fail_with(to_caf(opened.error()));
    return;
  }
  auto end = std::min(log_.head.length, first + slice_blocks_max);
  auto visited = (*opened)->each_block(log_.header.number, {first, end}, [&](std::uint64_t index, byte_view value) {
    for (; next < index; ++next)
      note_missing(next);
    if (!check_block(report, **opened, log_.header, index, value))
      verifying_->damaged.push_back(index);
    next = index + 1;
    slice_bytes += value.size();
    return slice_bytes < slice_bytes_max;
  });
  if (!visited) {
    fail_with(to_caf(visited.error()));
    return;
  }
  if (slice_bytes < slice_bytes_max) {
    for (; next < end; ++next)
      note_missing(next);
  }
  if (next < log_.head.length) {
    self_->send(self_, internal_atom_v, next);
    return;
  }
  finish_verification(**opened);
}

void core_state::finish_verification(const storage::snapshot& source) {
  auto& report = verifying_->report;
  for (const auto& root : log_.head.roots) {
    auto stored = source.node(log_.header.number, root.index);
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
  auto done = std::move(*verifying_.take());
  for (auto& promise : done.promises)
    promise.deliver(done.report);
  if (done.fork != log_.head.fork)
    done.damaged.clear();
  if (!done.repairs.empty())
    drop_damaged(std::move(done.damaged), std::move(done.repairs), done.report.blocks);
  tell_quiet();
}

} // namespace corestore::actors
