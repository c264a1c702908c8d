#include "storage/lmdb_core_editor.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <string>

#include "storage/change_check.hpp"
#include "storage/lmdb_lookup.hpp"
#include "storage/run_format.hpp"
#include "storage/tree_math.hpp"

namespace corestore::storage {

using schema::table;

result<std::unique_ptr<lmdb_core_editor>> lmdb_core_editor::open(lmdb_txn& txn, log::core_number number) {
  return read_record(txn, number).map([&](core_record record) {
    return std::make_unique<lmdb_core_editor>(txn, number, std::move(record));
  });
}

result<void> lmdb_core_editor::apply(const log::change_set& changes, lmdb_groups& groups) {
  if (changes.is_purge)
    return purge(groups);
  result<void> step;
  if (changes.group)
    step = groups.move(record_, changes.group->topic);
  if (step && changes.head && is_change(record_.head, *changes.head))
    step = groups.touch(number_, record_);
  if (step && changes.truncate_to)
    step = truncate(*changes.truncate_to);
  for (auto range = changes.cleared.begin(); step && range != changes.cleared.end(); ++range)
    step = clear(*range);
  for (auto range = changes.forgotten.begin(); step && range != changes.forgotten.end(); ++range)
    step = forget(*range);
  if (step)
    step = put_runs(changes);
  if (step)
    step = put_blocks(changes.blocks);
  for (auto node = changes.nodes.begin(); step && node != changes.nodes.end(); ++node)
    step = txn_.put(table::nodes, schema::encode_key(number_, node->index), encode(*node));
  if (step)
    step = put_user_data(changes.user_data);
  if (step)
    step = put_signatures(changes.signatures);
  if (step && changes.head) {
    record_.head = *changes.head;
    record_.has_head = true;
    are_roots_current_ = true;
  }
  if (step)
    step = bits_.flush();
  if (step && changes.contiguous_length.value_or(0) > record_.contiguous_length)
    return of_core(number_,
                   {ec::bad_argument, "contiguous length " + std::to_string(*changes.contiguous_length) +
                                        " with only " + std::to_string(record_.contiguous_length) + " blocks"});
  return step;
}

result<void> lmdb_core_editor::purge(lmdb_groups& groups) {
  if (auto left = groups.move(record_, std::nullopt); !left)
    return left;
  const auto start = schema::encode_key(number_);
  for (auto which : {table::runs, table::nodes, table::blocks, table::bits, table::userdata, table::signatures}) {
    for (;;) {
      auto entry = txn_.seek(which, start);
      if (!entry)
        return fail(std::move(entry.error()));
      if (!*entry || !std::equal(start.begin(), start.end(), (*entry)->key.begin()))
        break;
      auto key = to_bytes((*entry)->key); // erasing moves what it points to
      if (auto erased = txn_.erase(which, key); !erased)
        return fail(std::move(erased.error()));
    }
  }
  is_purged_ = true;
  if (journal_mark_ == 0)
    return txn_.erase(table::heads, start).map([](bool) {});
  core_record mark;
  mark.journal_position = journal_mark_;
  return txn_.put(table::heads, start, encode(mark));
}

result<void> lmdb_core_editor::finish() {
  return txn_.put(table::heads, schema::encode_key(number_), encode(record_));
}

result<void> lmdb_core_editor::take_over(const log::block_run& run, std::span<const log::length_signature> signatures,
                                         core_record record) {
  if (auto stored = put_run(run.first, run.blocks, run.hashes, {}); !stored)
    return stored;
  record_ = std::move(record);
  return put_signatures(signatures);
}

result<void> lmdb_core_editor::put_signatures(std::span<const log::length_signature> signatures) {
  for (const auto& one : signatures)
    if (auto put = txn_.put(table::signatures, schema::encode_key(number_, one.length), one.signature.view()); !put)
      return put;
  return {};
}

// -- truncation and clearing ------------------------------------------------------------------------------------------

result<void> lmdb_core_editor::truncate(std::uint64_t length) {
  record_.fold_position = std::min(record_.fold_position, length);
  are_roots_current_ = false;
  auto step = carve({length, tree::block_max + 1}, carving::drop);
  if (step)
    step = drop_sparse({length, tree::block_max + 1});
  if (step)
    step = drop_nodes(length);
  return step ? bits_.truncate(length) : step;
}

/// Nodes that reach past `length`: all from index `2 length` on, and for each depth at most one before it.
result<void> lmdb_core_editor::drop_nodes(std::uint64_t length) {
  for (;;) {
    auto found = seek_index(txn_, table::nodes, number_, 2 * length);
    if (!found)
      return fail(std::move(found.error()));
    if (!*found)
      break;
    if (auto erased = txn_.erase(table::nodes, schema::encode_key(number_, (*found)->index)); !erased)
      return fail(std::move(erased.error()));
  }
  for (unsigned depth = 1; length > 0 && depth < 53; ++depth) {
    auto width = std::uint64_t{1} << depth;
    auto start = (length - 1) & ~(width - 1);
    if (start + width <= length)
      continue;
    if (auto erased = txn_.erase(table::nodes, schema::encode_key(number_, tree::node_at(depth, start))); !erased)
      return fail(std::move(erased.error()));
  }
  return {};
}

result<void> lmdb_core_editor::clear(log::block_range range) {
  if (range.start >= range.end)
    return {};
  record_.fold_position = std::min(record_.fold_position, range.start);
  auto step = carve(range, carving::keep_nodes);
  if (step)
    step = join_husks(range);
  if (step)
    step = drop_sparse(range);
  return step ? bits_.clear(range) : step;
}

result<void> lmdb_core_editor::forget(log::block_range range) {
  if (range.start >= range.end)
    return {};
  record_.fold_position = std::min(record_.fold_position, range.start);
  auto step = carve(range, carving::drop);
  if (step)
    step = drop_sparse(range);
  for (auto block = range.start; step && block < range.end; ++block)
    step = erase_completed(block);
  return step ? bits_.clear(range) : step;
}

/// The nodes of their own that `block` completes.
result<void> lmdb_core_editor::erase_completed(std::uint64_t block) {
  for (unsigned depth = 0; depth <= static_cast<unsigned>(std::countr_one(block)); ++depth) {
    auto index = tree::node_at(depth, block + 1 - (std::uint64_t{1} << depth));
    if (auto erased = txn_.erase(table::nodes, schema::encode_key(number_, index)); !erased)
      return fail(std::move(erased.error()));
  }
  return {};
}

result<void> lmdb_core_editor::drop_sparse(log::block_range range) {
  while (record_.sparse_blocks != 0) {
    auto found = seek_index(txn_, table::blocks, number_, range.start);
    if (!found)
      return fail(std::move(found.error()));
    if (!*found || (*found)->index >= range.end)
      break;
    if (auto erased = txn_.erase(table::blocks, schema::encode_key(number_, (*found)->index)); !erased)
      return fail(std::move(erased.error()));
    --record_.sparse_blocks;
  }
  return {};
}

result<void> lmdb_core_editor::carve(log::block_range range, carving mode) {
  for (auto position = range.start; position < range.end;) {
    auto found = seek_index(txn_, table::runs, number_, position);
    if (!found)
      return fail(std::move(found.error()));
    if (!*found)
      break;
    auto last = (*found)->index;
    auto run = run_view::open(last, (*found)->value);
    if (!run)
      return of_core(number_, std::move(run.error()));
    if (run->first() >= range.end)
      break;
    auto is_done = mode == carving::keep_nodes && !run->has_blocks();
    if (!is_done) {
      if (auto carved = carve_one(range, mode, last, (*found)->value); !carved)
        return carved;
    }
    position = last + 1;
  }
  return {};
}

result<void> lmdb_core_editor::carve_one(log::block_range range, carving mode, std::uint64_t last, byte_view value) {
  auto view = run_view::open(last, value);
  auto start = std::max(range.start, view->first());
  auto end = std::min(range.end, view->end());
  auto key = schema::encode_key(number_, last);
  auto erase_old = [&] {
    return txn_.erase(table::runs, key).map([](bool) {});
  };
  if (mode == carving::drop && start == view->first() && end == view->end())
    return erase_old();
  struct part {
    std::uint64_t end = 0;
    bytes value;
  };
  std::vector<part> parts; // all of them before the first write: it moves what `value` points to
  auto slice = [&](std::uint64_t from, std::uint64_t to, bool keep_blocks) -> result<void> {
    if (from == to)
      return {};
    return slice_run(*view, from, to, keep_blocks).map([&](bytes content) {
      parts.push_back({to, std::move(content)});
    });
  };
  auto step = slice(view->first(), start, true);
  if (step && mode == carving::keep_nodes)
    step = slice(start, end, false);
  if (step)
    step = slice(end, view->end(), true);
  if (!step)
    return of_core(number_, std::move(step.error()));
  step = erase_old();
  for (auto part = parts.begin(); step && part != parts.end(); ++part)
    step = txn_.put(table::runs, schema::encode_key(number_, part->end - 1), part->value);
  return step;
}

result<void> lmdb_core_editor::join_husks(log::block_range range) {
  auto plan = plan_husks(range);
  if (!plan)
    return fail(std::move(plan.error()));
  for (const auto& together : *plan) {
    if (auto joined = join_within(together); !joined)
      return joined;
  }
  return {};
}

/// Stretches of husks that are to be one. A husk joins those to its left unless they are much larger, so that what is
/// cleared piece by piece is written again a few times and not with each piece.
result<std::vector<log::block_range>> lmdb_core_editor::plan_husks(log::block_range range) {
  struct stretch_of_husks {
    log::block_range blocks;
    std::uint64_t bytes = 0;
    std::size_t count = 1;
  };
  std::vector<stretch_of_husks> stretches;
  for (auto position = range.start - std::min<std::uint64_t>(range.start, 1); position <= range.end;) {
    auto found = seek_index(txn_, table::runs, number_, position);
    if (!found)
      return fail(std::move(found.error()));
    if (!*found)
      break;
    auto run = run_view::open((*found)->index, (*found)->value);
    if (!run)
      return of_core(number_, std::move(run.error()));
    if (run->first() > range.end)
      break;
    position = run->end();
    if (run->has_blocks())
      continue;
    stretches.push_back({{run->first(), run->end()}, run->offset_of(run->end())});
    while (stretches.size() > 1) {
      const auto& last = stretches.back();
      auto& before = stretches[stretches.size() - 2];
      auto blocks = last.blocks.end - before.blocks.start;
      if (before.blocks.end != last.blocks.start || blocks > husk_blocks_max ||
          before.blocks.end - before.blocks.start > 2 * (last.blocks.end - last.blocks.start) ||
          before.bytes + last.bytes > std::numeric_limits<std::uint32_t>::max())
        break;
      before = {{before.blocks.start, last.blocks.end}, before.bytes + last.bytes, before.count + last.count};
      stretches.pop_back();
    }
  }
  std::vector<log::block_range> plan;
  for (const auto& entry : stretches)
    if (entry.count > 1)
      plan.push_back(entry.blocks);
  return plan;
}

result<void> lmdb_core_editor::join_within(log::block_range range) {
  std::vector<bytes> values; // a write moves what was read
  std::vector<run_view> husks;
  for (auto position = range.start; position < range.end; position = husks.back().end()) {
    auto found = seek_index(txn_, table::runs, number_, position);
    if (!found)
      return fail(std::move(found.error()));
    values.push_back(to_bytes((*found)->value));
    auto run = run_view::open((*found)->index, values.back());
    if (!run)
      return of_core(number_, std::move(run.error()));
    husks.push_back(*run);
  }
  auto joined = join_runs(husks);
  if (!joined)
    return of_core(number_, std::move(joined.error()));
  for (const auto& husk : husks) {
    if (auto erased = txn_.erase(table::runs, schema::encode_key(number_, husk.end() - 1)); !erased)
      return fail(std::move(erased.error()));
  }
  return txn_.put(table::runs, schema::encode_key(number_, range.end - 1), *joined);
}

// -- blocks -----------------------------------------------------------------------------------------------------------

result<void> lmdb_core_editor::put_runs(const log::change_set& changes) {
  for (const auto& run : changes.runs) {
    if (auto stored = put_run(run.first, run.blocks, run.hashes, changes.nodes); !stored)
      return stored;
    if (auto set = bits_.set({run.first, run.first + run.blocks.size()}); !set)
      return set;
  }
  return {};
}

result<void> lmdb_core_editor::put_blocks(const std::vector<log::sparse_block>& blocks) {
  for (const auto& block : blocks) {
    auto is_present = bits_.test(block.index);
    if (!is_present)
      return fail(std::move(is_present.error()));
    if (*is_present)
      continue;
    auto step = txn_.put(table::blocks, schema::encode_key(number_, block.index), block.value.view());
    if (step)
      step = bits_.set({block.index, block.index + 1});
    if (!step)
      return step;
    ++record_.sparse_blocks;
  }
  return {};
}

result<void> lmdb_core_editor::put_user_data(const std::vector<log::user_entry>& entries) {
  for (const auto& entry : entries) {
    auto key = schema::encode_user_key(number_, entry.name);
    auto step =
      entry.value ? txn_.put(table::userdata, key, *entry.value) : txn_.erase(table::userdata, key).map([](bool) {});
    if (!step)
      return step;
  }
  return {};
}

result<void> lmdb_core_editor::put_run(std::uint64_t first, std::span<const shared_bytes> blocks,
                                       std::span<const hash32> hashes, const std::vector<log::node>& explicit_nodes) {
  std::vector<std::uint64_t> ends;
  while (!blocks.empty()) {
    ends.clear();
    std::uint64_t content = 0;
    while (ends.size() < blocks.size() && ends.size() < run_blocks_max) {
      auto more = content + blocks[ends.size()].size();
      if (!ends.empty() && run_overhead(first, ends.size() + 1) + more > run_bytes_max)
        break;
      ends.push_back(content = more);
    }
    auto node_count = tree::nodes_within(first, first + ends.size());
    auto stored = put_portion(first, blocks.first(ends.size()), ends, hashes.first(node_count), explicit_nodes);
    if (!stored)
      return stored;
    first += ends.size();
    blocks = blocks.subspan(ends.size());
    hashes = hashes.subspan(node_count);
  }
  return {};
}

result<void> lmdb_core_editor::put_portion(std::uint64_t first, std::span<const shared_bytes> blocks,
                                           const std::vector<std::uint64_t>& ends, std::span<const hash32> hashes,
                                           const std::vector<log::node>& explicit_nodes) {
  auto known = [&](std::uint64_t index) {
    return size_of_node(index, explicit_nodes);
  };
  auto crossing = crossing_sizes(first, ends, known);
  if (!crossing)
    return of_core(number_, std::move(crossing.error()));
  auto end = first + blocks.size();
  auto step = carve({first, end}, carving::drop);
  if (step)
    step = drop_sparse({first, end});
  if (!step)
    return step;
  byte_view hash_bytes;
  if (!hashes.empty())
    hash_bytes = {hashes.front().data.data(), hashes.size() * hash32::size};
  run_parts parts{first, ends, *crossing, hash_bytes, blocks, {}, false};
  auto target = txn_.reserve(table::runs, schema::encode_key(number_, end - 1), run_size(parts));
  if (!target)
    return fail(std::move(target.error()));
  encode_run(parts, *target);
  return {};
}

/// From the roots, on which an append leans, the stored nodes, the nodes of the same change set, or what lies below.
result<std::optional<std::uint64_t>>
lmdb_core_editor::size_of_node(std::uint64_t index, // NOLINT(misc-no-recursion): no deeper than the tree
                               const std::vector<log::node>& explicit_nodes) {
  auto same = [index](const log::node& node) {
    return node.index == index;
  };
  const auto& roots = record_.head.roots;
  auto root = are_roots_current_ ? std::find_if(roots.begin(), roots.end(), same) : roots.end();
  if (root != roots.end())
    return root->size;
  auto stored = find_node(txn_, number_, index);
  if (!stored)
    return fail(std::move(stored.error()));
  if (*stored)
    return (*stored)->size;
  auto brought = std::find_if(explicit_nodes.begin(), explicit_nodes.end(), same);
  if (brought != explicit_nodes.end())
    return brought->size;
  if (log::flat_tree::is_leaf(index)) {
    return find_block(txn_, number_, index / 2).map([](const auto& block) {
      return block ? std::optional<std::uint64_t>{block->size()} : std::nullopt;
    });
  }
  std::uint64_t sum = 0;
  for (auto child : {log::flat_tree::left_child(index), log::flat_tree::right_child(index)}) {
    auto size = size_of_node(child, explicit_nodes);
    if (!size || !*size)
      return size;
    sum += **size;
  }
  return sum;
}

// -- folding ----------------------------------------------------------------------------------------------------------

namespace {

/// Shorter stretches gain nothing by sharing a value, longer blocks have pages of their own anyway.
constexpr std::size_t fold_blocks_min = 32;
constexpr std::size_t fold_block_bytes_max = 4096;
constexpr std::size_t fold_steps_max = 256;

} // namespace

result<void> lmdb_core_editor::fold(std::size_t& budget) {
  auto limit = record_.contiguous_length;
  auto& position = record_.fold_position;
  for (std::size_t step = 0; step < fold_steps_max && budget != 0; ++step) {
    if (record_.sparse_blocks == 0)
      position = std::max(position, limit);
    if (position + fold_blocks_min > limit)
      return {};
    auto found = collect(position, budget);
    if (!found)
      return fail(std::move(found.error()));
    auto is_open = found->end() == limit || found->content_bytes >= budget;
    if (found->blocks.size() < fold_blocks_min && is_open && !found->blocks.empty()) { // it may grow
      position = found->first;
      return {};
    }
    auto passed = found->end();
    if (found->blocks.size() >= fold_blocks_min) {
      if (auto folded = fold_stretch(*found); !folded)
        return folded;
      budget -= std::min(budget, found->content_bytes + 1);
      passed = found->end() + (found->end() < passed ? 1 : 0); // over the block of which a node is missing
    }
    position = std::max(passed, position + 1);
  }
  return {};
}

result<void> lmdb_core_editor::fold_stretch(stretch& found) {
  if (auto hashes = collect_hashes(found); !hashes)
    return hashes;
  if (found.blocks.size() < fold_blocks_min)
    return {};
  if (auto stored = put_run(found.first, found.blocks, found.hashes, {}); !stored)
    return stored;
  result<void> step;
  for (auto block = found.first; step && block < found.end(); ++block)
    step = erase_completed(block);
  return step;
}

/// The first sparse blocks from `first` on that follow each other. An empty stretch begins where the search may go on.
result<lmdb_core_editor::stretch> lmdb_core_editor::collect(std::uint64_t first, std::size_t budget) {
  stretch found{first, {}, {}, 0};
  auto limit = record_.contiguous_length;
  auto entry = seek_index(txn_, table::blocks, number_, first);
  if (entry)
    found.first = *entry ? std::min((*entry)->index, limit) : limit;
  while (entry && *entry && (*entry)->index == found.end() && (*entry)->index < limit) {
    auto value = (*entry)->value;
    if (value.size() > fold_block_bytes_max) {
      if (found.blocks.empty())
        ++found.first; // passed over
      break;
    }
    if (found.blocks.size() == run_blocks_max || found.content_bytes >= budget)
      break;
    found.blocks.push_back(shared_bytes::copy_of(value));
    found.content_bytes += value.size();
    entry = next_index(txn_, table::blocks, number_);
  }
  if (!entry)
    return fail(std::move(entry.error()));
  return found;
}

/// Ends the stretch before the first block of which a node is missing.
result<void> lmdb_core_editor::collect_hashes(stretch& found) {
  for (std::size_t i = 0; i < found.blocks.size(); ++i) {
    auto block = found.first + i;
    auto before = found.hashes.size();
    for (unsigned depth = 0; depth <= static_cast<unsigned>(std::countr_one(block)); ++depth) {
      auto node = find_node(txn_, number_, tree::node_at(depth, block + 1 - (std::uint64_t{1} << depth)));
      if (!node)
        return fail(std::move(node.error()));
      if (!*node) {
        found.hashes.resize(before);
        found.blocks.resize(i);
        return {};
      }
      found.hashes.push_back((*node)->hash);
    }
  }
  return {};
}

} // namespace corestore::storage
