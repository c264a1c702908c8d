#include "storage/lmdb_journal.hpp"

#include <algorithm>
#include <limits>
#include <unordered_map>

#include "storage/change_check.hpp"
#include "storage/journal_format.hpp"
#include "storage/lmdb_lookup.hpp"
#include "storage/tree_math.hpp"

namespace corestore::storage {

using schema::table;

namespace {

/// What one entry may hold: a value below half a page shares its page with others, and a core that appends more at a
/// time gains nothing by a page in common.
constexpr std::size_t entry_content_max = 4096;
constexpr std::size_t entry_blocks_max = 64;

/// What is folded of one core at a time when the journal is full: a commit waits for it.
constexpr std::size_t fold_entries_max = 1024;
constexpr std::size_t fold_bytes_max = std::size_t{1} << 20U;

result<journal_view> read_entry(lmdb_txn& txn, std::uint64_t sequence) {
  auto value = txn.get(table::journal, schema::encode_sequence(sequence));
  if (!value)
    return fail(std::move(value.error()));
  if (!*value)
    return fail(ec::storage_damaged, "journal entry " + std::to_string(sequence) + " is missing");
  return open_journal_entry(**value);
}

/// What an entry keeps for the length of its head.
result<std::optional<signature64>> kept_signature(const journal_view& entry) {
  if (!entry.keeps_signature)
    return std::nullopt;
  return decode_core_record(entry.record).and_then([](const core_record& record) {
    return decode_fixed<signature64>(record.head.signature, "a signature").map([](signature64 value) {
      return std::optional{value};
    });
  });
}

/// Whether it keeps no signature but that of its head, which an entry has anyway.
bool keeps_at_most_its_head(const log::change_set& changes) {
  if (changes.signatures.empty())
    return true;
  const auto& kept = changes.signatures.front();
  const auto& head = changes.head;
  return changes.signatures.size() == 1 && head && kept.length == head->length &&
         std::equal(head->signature.begin(), head->signature.end(), kept.signature.data.begin(),
                    kept.signature.data.end());
}

/// Whether the change set is nothing but blocks at the end of a log.
bool is_small_append(const log::change_set& changes) {
  auto is_plain = !changes.is_purge && !changes.truncate_to && changes.cleared.empty() && changes.forgotten.empty() &&
                  changes.blocks.empty() && changes.nodes.empty() && keeps_at_most_its_head(changes) &&
                  changes.user_data.empty() && !changes.header && !changes.alias && changes.links.empty() &&
                  !changes.group;
  if (!is_plain || !changes.head || changes.runs.size() != 1)
    return false;
  const auto& run = changes.runs.front();
  if (run.blocks.size() > entry_blocks_max || changes.head->length != run.first + run.blocks.size())
    return false;
  std::size_t content = 0;
  for (const auto& block : run.blocks)
    content += block.size();
  return content <= entry_content_max && changes.contiguous_length.value_or(0) <= changes.head->length;
}

/// Whether nothing but the head's own blocks is stored of the core, so that the next ones follow without a look at
/// its tables.
bool is_simple(const core_record& record) {
  return record.sparse_blocks == 0 && record.bit_records == 0 && record.contiguous_length == record.head.length;
}

} // namespace

result<void> load_journal(lmdb_txn& txn, journal_index& index) {
  auto count = txn.entries(table::journal);
  if (!count || *count == 0)
    return count.map([](auto) {});
  std::unordered_map<std::uint32_t, std::uint64_t> folded; // by core: entries before it are in its tables
  auto entry = txn.seek(table::journal, schema::encode_sequence(0));
  for (bool is_first = true; entry && *entry; entry = txn.next(table::journal), is_first = false) {
    auto sequence = schema::decode_sequence((*entry)->key);
    auto view = open_journal_entry((*entry)->value);
    if (!sequence || !view)
      return sequence ? fail(std::move(view.error())) : fail(ec::storage_damaged, "a key of the journal");
    if (is_first)
      index.start_at(*sequence);
    if (index.next_sequence() != *sequence)
      return fail(ec::storage_damaged, "the journal has a gap before entry " + std::to_string(*sequence));
    if (view->is_void()) {
      index.skip();
      continue;
    }
    auto [known, is_new] = folded.try_emplace(static_cast<std::uint32_t>(view->number), 0);
    if (is_new) {
      auto record = read_record(txn, view->number); // one that is damaged says so whenever the core is asked for
      known->second = record ? record->journal_position : std::numeric_limits<std::uint64_t>::max();
    }
    if (*sequence < known->second) {
      index.skip();
      continue;
    }
    auto run = run_view::open(view->last, view->run);
    if (!run)
      return of_core(view->number, std::move(run.error()));
    index.add(view->number, run->first(), run->end(), (*entry)->value.size(), 0);
  }
  return entry.map([](const auto&) {});
}

result<core_record> read_newest_record(lmdb_txn& txn, const journal_index* index, journal_index::transaction view,
                                       log::core_number number) {
  auto newest = index != nullptr && !index->is_empty() ? index->newest(number, view) : std::nullopt;
  if (!newest)
    return read_record(txn, number);
  auto entry = read_entry(txn, newest->sequence);
  if (!entry)
    return of_core(number, std::move(entry.error()));
  auto record = decode_core_record(entry->record);
  if (!record)
    return of_core(number, std::move(record.error()));
  return record;
}

result<run_view> journalled_run(lmdb_txn& txn, const journal_index::place& where) {
  return read_entry(txn, where.sequence).and_then([](const journal_view& entry) {
    return run_view::open(entry.last, entry.run);
  });
}

result<std::optional<signature64>> journalled_signature(lmdb_txn& txn, const journal_index::place& where) {
  return read_entry(txn, where.sequence).and_then(kept_signature);
}

result<bool> lmdb_journal::take(const log::change_set& changes, lmdb_groups& groups) {
  if (limits_.entries_max == 0 || !is_small_append(changes))
    return false;
  auto record = read_newest_record(txn_, &index_, when_, changes.number);
  if (!record)
    return fail(std::move(record.error()));
  const auto& run = changes.runs.front();
  if (!is_simple(*record) || run.first != record->head.length)
    return false;
  auto roots = std::move(record->head.roots);
  auto known = [&roots](std::uint64_t index) -> result<std::optional<std::uint64_t>> {
    auto found = std::find_if(roots.begin(), roots.end(), [index](const auto& node) { return node.index == index; });
    return found == roots.end() ? std::nullopt : std::optional{found->size};
  };
  std::vector<std::uint64_t> ends;
  std::uint64_t content = 0;
  for (const auto& block : run.blocks)
    ends.push_back(content += block.size());
  auto crossing = crossing_sizes(run.first, ends, known);
  if (!crossing)
    return false; // the editor knows more places to look, and says what is missing
  if (auto touched = groups.touch(changes.number, *record); !touched)
    return fail(std::move(touched.error()));
  record->head = *changes.head;
  record->has_head = true;
  record->contiguous_length = changes.head->length;
  record->fold_position = changes.head->length;
  byte_view hashes;
  if (!run.hashes.empty())
    hashes = {run.hashes.front().data.data(), run.hashes.size() * hash32::size};
  const run_parts parts{run.first, ends, *crossing, hashes, run.blocks, {}, false};
  auto value = encode(*record);
  auto size = journal_entry_size(run_size(parts), value.size());
  auto last = changes.head->length - 1;
  auto target = txn_.reserve_last(table::journal, schema::encode_sequence(index_.next_sequence()), size);
  if (!target)
    return fail(std::move(target.error()));
  encode_run(parts,
             encode_journal_entry(changes.number, last, run_size(parts), value, !changes.signatures.empty(), *target));
  index_.add(changes.number, run.first, last + 1, size, when_);
  ++taken_;
  return true;
}

result<void> lmdb_journal::fold(lmdb_core_editor& editor, log::core_number number) {
  constexpr auto all = std::numeric_limits<std::size_t>::max();
  return fold_some(editor, number, all, all);
}

result<void> lmdb_journal::fold_some(lmdb_core_editor& editor, log::core_number number, std::size_t entries_max,
                                     std::size_t bytes_max) {
  auto places = index_.live(number);
  if (places.empty())
    return {};
  std::vector<shared_bytes> blocks;
  std::vector<hash32> hashes;
  std::vector<log::length_signature> signatures;
  std::size_t count = 0;
  for (std::size_t bytes = 0; count < places.size() && (count == 0 || (count < entries_max && bytes < bytes_max));
       ++count) {
    auto entry = read_entry(txn_, places[count].sequence);
    auto run = entry ? run_view::open(entry->last, entry->run) : fail(std::move(entry.error()));
    if (!run)
      return of_core(number, std::move(run.error()));
    if (run->first() != places.front().first + blocks.size())
      return of_core(number, {ec::storage_damaged, "the journal has a gap"});
    for (auto index = run->first(); index < run->end(); ++index) {
      auto block = run->block(index);
      if (!block)
        return of_core(number, std::move(block.error()));
      bytes += block->size();
      blocks.push_back(shared_bytes::copy_of(*block));
    }
    auto content = run->hashes(run->first(), run->end());
    for (std::size_t offset = 0; offset < content.size(); offset += hash32::size)
      hashes.push_back(*hash32::from(content.subspan(offset, hash32::size)));
    auto kept = kept_signature(*entry);
    if (!kept)
      return of_core(number, std::move(kept.error()));
    if (*kept)
      signatures.push_back({run->end(), **kept});
  }
  auto last = read_entry(txn_, places[count - 1].sequence);
  auto record = last ? decode_core_record(last->record) : fail(std::move(last.error()));
  if (!record)
    return of_core(number, std::move(record.error()));
  record->journal_position = places[count - 1].sequence + 1;
  index_.fold(number, when_, count);
  return editor.take_over({places.front().first, std::move(blocks), std::move(hashes)}, signatures, std::move(*record));
}

result<void> lmdb_journal::drop(lmdb_core_editor& editor, log::core_number number) {
  auto front = txn_.seek(table::journal, schema::encode_sequence(0));
  if (!front)
    return fail(std::move(front.error()));
  if (auto first = *front ? schema::decode_sequence((*front)->key) : std::nullopt; first)
    if (*first < editor.journal_position()) // what was folded may be there, and would come back without its record
      editor.remember_journal();
  if (!index_.newest(number, when_))
    return {};
  if (auto newest = read_newest_record(txn_, &index_, when_, number)) // a damaged one goes all the same
    editor.replace(std::move(*newest));
  for (const auto& where : index_.live(number))
    if (auto put = txn_.put(table::journal, schema::encode_sequence(where.sequence), void_journal_entry()); !put)
      return put;
  index_.fold(number, when_);
  return {};
}

result<void> lmdb_journal::relieve() {
  constexpr std::size_t least = 32;
  auto budget = 2 * taken_ + least;
  while (budget > 0 && (index_.live_entries() > limits_.entries_max || index_.live_bytes() > limits_.bytes_max)) {
    auto number = index_.oldest_core();
    auto editor = number ? lmdb_core_editor::open(txn_, *number) : fail(ec::internal, "an empty journal that is full");
    if (!editor)
      return fail(std::move(editor.error()));
    auto before = index_.live_entries();
    auto step = fold_some(**editor, *number, fold_entries_max, fold_bytes_max);
    if (step)
      step = (*editor)->finish();
    if (!step)
      return step;
    budget -= std::min(budget, before - index_.live_entries());
  }
  return trim(2 * taken_ + least);
}

/// The last entry stays even when it is folded: it tells which numbers were used.
result<void> lmdb_journal::trim(std::size_t budget) {
  auto end = std::min(index_.first_live(), index_.next_sequence() - std::min<std::uint64_t>(index_.next_sequence(), 1));
  for (; budget > 0; --budget) {
    auto front = txn_.seek(table::journal, schema::encode_sequence(0));
    if (!front)
      return fail(std::move(front.error()));
    auto sequence = *front ? schema::decode_sequence((*front)->key) : std::nullopt;
    if (!sequence || *sequence >= end)
      break;
    if (auto erased = txn_.erase(table::journal, schema::encode_sequence(*sequence)); !erased)
      return fail(std::move(erased.error()));
  }
  return {};
}

} // namespace corestore::storage
