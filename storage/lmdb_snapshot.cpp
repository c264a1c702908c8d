#include "storage/lmdb_snapshot.hpp"

#include <algorithm>

#include "storage/lmdb_journal.hpp"
#include "storage/lmdb_lookup.hpp"
#include "storage/tree_math.hpp"

namespace corestore::storage {

using schema::table;

namespace {

result<log::core_header> to_header(const table_entry& entry) {
  return decode_fixed<discovery_key>(entry.key, "a key of cores").and_then([&](const discovery_key& discovery) {
    return decode_header(discovery, entry.value);
  });
}

} // namespace

result<std::optional<log::core_header>> lmdb_snapshot::header(const discovery_key& discovery) const {
  auto value = txn_->get(table::cores, discovery.view());
  if (!value)
    return fail(std::move(value.error()));
  if (!*value)
    return std::nullopt;
  return decode_header(discovery, **value).map([](log::core_header found) { return std::optional{std::move(found)}; });
}

result<std::optional<discovery_key>> lmdb_snapshot::alias(const namespace_id& name_space, std::string_view name) const {
  if (name.size() > schema::alias_name_bytes_max)
    return std::nullopt;
  auto value = txn_->get(table::aliases, schema::encode_alias_key(name_space, name));
  if (!value)
    return fail(std::move(value.error()));
  if (!*value)
    return std::nullopt;
  return decode_fixed<discovery_key>(**value, "an alias").map([](const auto& found) { return std::optional{found}; });
}

result<void> lmdb_snapshot::headers_after(const discovery_key& after, const header_visitor& visit) const {
  auto entry = txn_->seek(table::cores, after.view());
  for (; entry && *entry; entry = txn_->next(table::cores)) {
    auto found = to_header(**entry);
    if (!found)
      return fail(std::move(found.error()));
    if (found->discovery == after)
      continue;
    if (!visit(*found))
      return {};
  }
  return entry.map([](const auto&) {});
}

result<std::uint64_t> lmdb_snapshot::core_count() const {
  return txn_->entries(table::cores);
}

result<void> lmdb_snapshot::aliases_after(const namespace_id& name_space, std::string_view after,
                                          const alias_visitor& visit) const {
  auto entry = txn_->seek(table::aliases, schema::encode_alias_key(name_space, after));
  for (; entry && *entry; entry = txn_->next(table::aliases)) {
    auto name = schema::decode_alias_name((*entry)->key, name_space);
    if (!name)
      return {};
    if (!after.empty() && *name == after)
      continue;
    auto discovery = decode_fixed<discovery_key>((*entry)->value, "an alias");
    if (!discovery)
      return fail(std::move(discovery.error()));
    if (!visit(*name, *discovery))
      return {};
  }
  return entry.map([](const auto&) {});
}

result<std::optional<log::namespace_link>> lmdb_snapshot::child_after(const namespace_id& parent,
                                                                      std::string_view after) const {
  auto entry = txn_->seek(table::children, schema::encode_alias_key(parent, after));
  for (; entry && *entry; entry = txn_->next(table::children)) {
    auto name = schema::decode_alias_name((*entry)->key, parent);
    if (!name)
      return std::nullopt;
    if (!after.empty() && *name == after)
      continue;
    auto child = decode_fixed<namespace_id>((*entry)->value, "a namespace");
    if (!child)
      return fail(std::move(child.error()));
    return log::namespace_link{parent, std::string{*name}, *child};
  }
  if (!entry)
    return fail(std::move(entry.error()));
  return std::nullopt;
}

result<void>
lmdb_snapshot::each_mirrored(const std::function<bool(const discovery_key&, const core_key&)>& visit) const {
  const std::array<std::uint8_t, 1> lowest{}; // LMDB has no empty keys
  auto entry = txn_->seek(table::mirrored, lowest);
  for (; entry && *entry; entry = txn_->next(table::mirrored)) {
    auto discovery = decode_fixed<discovery_key>((*entry)->key, "a mirrored core");
    auto key = decode_fixed<core_key>((*entry)->value, "a mirrored core");
    if (!discovery || !key)
      return fail(std::move(discovery ? key.error() : discovery.error()));
    if (!visit(*discovery, *key))
      return {};
  }
  return entry.map([](const auto&) {});
}

result<log::tree_head> lmdb_snapshot::head(log::core_number number) const {
  return read_newest_record(*txn_, journal_.get(), view_, number).map([](core_record record) {
    return std::move(record.head);
  });
}

result<log::bitfield> lmdb_snapshot::bits(log::core_number number) const {
  auto record = read_newest_record(*txn_, journal_.get(), view_, number);
  if (!record)
    return fail(std::move(record.error()));
  log::bitfield bits;
  auto prefix = record->contiguous_length;
  bits.set({0, prefix});
  if (record->bit_records == 0)
    return bits;
  auto entry = seek_index(*txn_, table::bits, number, 0);
  while (entry && *entry) {
    // A page of the log spans several records of ours; below the contiguous length every bit is set.
    constexpr auto records_per_page = log::bits_per_page / schema::bits_per_record;
    auto page = (*entry)->index / records_per_page;
    log::bit_page content{};
    for (auto start = page * log::bits_per_page; start < prefix && start < (page + 1) * log::bits_per_page; ++start)
      content[start % log::bits_per_page / 64] |= std::uint64_t{1} << (start % 64);
    for (; entry && *entry && (*entry)->index / records_per_page == page;
         entry = next_index(*txn_, table::bits, number)) {
      auto first = ((*entry)->index % records_per_page) * schema::bits_per_record / 64;
      auto value = (*entry)->value.first(std::min<std::size_t>((*entry)->value.size(), schema::bits_per_record / 8));
      for (std::size_t i = 0; i < value.size(); ++i)
        content[first + i / 8] |= std::uint64_t{value[i]} << (i % 8 * 8);
    }
    bits.load_page(page, content);
  }
  return entry.map([&](const auto&) { return std::move(bits); });
}

result<std::optional<log::node>> lmdb_snapshot::node(log::core_number number, std::uint64_t index) const {
  if (index <= tree::node_max) {
    auto run = journalled(number, tree::last_block(index));
    if (!run)
      return fail(std::move(run.error()));
    if (*run)
      if (auto node = (*run)->node(index))
        return node;
  }
  return find_node(*txn_, number, index);
}

result<std::optional<shared_bytes>> lmdb_snapshot::block(log::core_number number, std::uint64_t index) const {
  auto run = journalled(number, index);
  if (!run)
    return fail(std::move(run.error()));
  if (*run) {
    auto block = (*run)->block(index);
    if (!block)
      return of_core(number, std::move(block.error()));
    return copy_of(number, index, *block);
  }
  auto found = find_block(*txn_, number, index);
  if (!found)
    return fail(std::move(found.error()));
  if (!*found)
    return std::nullopt;
  return copy_of(number, index, **found);
}

shared_bytes lmdb_snapshot::copy_of(log::core_number number, std::uint64_t index, byte_view value) const {
  ahead_.note(static_cast<std::uint32_t>(number), index, value);
  return shared_bytes::copy_of(value);
}

result<std::optional<bytes>> lmdb_snapshot::user_data(log::core_number number, std::string_view name) const {
  if (name.size() > schema::user_name_bytes_max)
    return std::nullopt;
  return txn_->get(table::userdata, schema::encode_user_key(number, name)).map([](const auto& found) {
    return found ? std::optional{to_bytes(*found)} : std::nullopt;
  });
}

result<void> lmdb_snapshot::each_user_data(log::core_number number, const user_data_visitor& visit) const {
  auto entry = txn_->seek(table::userdata, schema::encode_user_key(number, {}));
  for (; entry && *entry; entry = txn_->next(table::userdata)) {
    auto name = schema::decode_user_name((*entry)->key, number);
    if (!name || !visit(*name, (*entry)->value))
      return {};
  }
  return entry.map([](const auto&) {});
}

result<std::optional<signature64>> lmdb_snapshot::signature(log::core_number number, std::uint64_t length) const {
  if (auto where = length > 0 ? journalled_from(number, length - 1) : std::nullopt; where && where->end == length) {
    auto kept = journalled_signature(*txn_, *where);
    if (!kept)
      return of_core(number, std::move(kept.error()));
    if (*kept)
      return kept;
  }
  auto found = txn_->get(table::signatures, schema::encode_key(number, length));
  if (!found)
    return fail(std::move(found.error()));
  if (!*found)
    return std::nullopt;
  return decode_fixed<signature64>(**found, "a signature").map([](signature64 value) { return std::optional{value}; });
}

result<std::optional<group_place>> lmdb_snapshot::group(log::core_number number) const {
  return read_newest_record(*txn_, journal_.get(), view_, number).map([](core_record record) { return record.group; });
}

result<void> lmdb_snapshot::group_changes(const hash32& topic, const group_range& range,
                                          const change_visitor& visit) const {
  auto count = txn_->entries(table::groups); // an older store has no such table
  if (!count || *count == 0)
    return count.map([](auto) {});
  auto entry = range.is_reverse ? txn_->seek_before(table::groups, schema::encode_group_key(topic, range.until))
                                : txn_->seek(table::groups, schema::encode_group_key(topic, range.since));
  for (; entry && *entry; entry = range.is_reverse ? txn_->previous(table::groups) : txn_->next(table::groups)) {
    auto position = schema::decode_group_key((*entry)->key, topic);
    if (!position || *position < range.since || *position >= range.until)
      return {};
    auto number = decode_number((*entry)->value, "an entry of groups");
    auto found = number ? txn_->get(table::numbers, schema::encode_key(log::core_number{*number}))
                        : fail(std::move(number.error()));
    if (!found)
      return fail(std::move(found.error()));
    if (!*found)
      continue; // purged although its record could not be read
    auto discovery = decode_fixed<discovery_key>(**found, "an entry of numbers");
    if (!discovery)
      return fail(std::move(discovery.error()));
    if (!visit(*position, *discovery))
      return {};
  }
  return entry.map([](const auto&) {});
}

std::optional<journal_index::place> lmdb_snapshot::journalled_from(log::core_number number, std::uint64_t block) const {
  return !journal_ || journal_->is_empty() ? std::nullopt : journal_->find_from(number, block, view_);
}

result<std::optional<run_view>> lmdb_snapshot::journalled(log::core_number number, std::uint64_t block) const {
  auto where = journalled_from(number, block);
  if (!where || where->first > block)
    return std::nullopt;
  auto run = journalled_run(*txn_, *where);
  if (!run)
    return of_core(number, std::move(run.error()));
  return *run;
}

result<void> lmdb_snapshot::each_block(log::core_number number, log::block_range range,
                                       const block_visitor& visit) const {
  auto where = journalled_from(number, range.start); // the journal holds the end of a log
  auto stored_end = where ? std::clamp(where->first, range.start, std::max(range.start, range.end)) : range.end;
  auto wants_more = each_in_tables(number, {range.start, stored_end}, visit);
  while (wants_more && *wants_more && where && where->first < range.end) {
    auto run = journalled_run(*txn_, *where);
    if (!run)
      return of_core(number, std::move(run.error()));
    wants_more =
      each_in_run(*run, number, {std::max(range.start, run->first()), std::min(range.end, run->end())}, visit);
    where = journalled_from(number, run->end());
  }
  return wants_more.map([](bool) {});
}

result<bool> lmdb_snapshot::each_in_run(const run_view& run, log::core_number number, log::block_range range,
                                        const block_visitor& visit) const {
  for (auto position = range.start; position < range.end; ++position) {
    auto block = run.block(position);
    if (!block)
      return of_core(number, std::move(block.error()));
    ahead_.note(static_cast<std::uint32_t>(number), position, *block);
    if (!visit(position, *block))
      return false;
  }
  return true;
}

result<bool> lmdb_snapshot::each_in_tables(log::core_number number, log::block_range range,
                                           const block_visitor& visit) const {
  for (auto position = range.start; position < range.end;) {
    auto run = run_from(*txn_, number, position);
    if (!run)
      return fail(std::move(run.error()));
    // Up to the next run that has blocks: single blocks.
    auto gap_end = range.end;
    if (*run && (*run)->has_blocks())
      gap_end = std::min(gap_end, std::max(position, (*run)->first()));
    else if (*run)
      gap_end = std::min(gap_end, (*run)->end());
    if (position < gap_end) {
      auto entry = seek_index(*txn_, table::blocks, number, position);
      for (; entry && *entry && (*entry)->index < gap_end; entry = next_index(*txn_, table::blocks, number)) {
        ahead_.note(static_cast<std::uint32_t>(number), (*entry)->index, (*entry)->value);
        if (!visit((*entry)->index, (*entry)->value))
          return false;
      }
      if (!entry)
        return fail(std::move(entry.error()));
      position = gap_end;
      continue;
    }
    auto end = std::min(range.end, (*run)->end());
    auto wants_more = each_in_run(**run, number, {position, end}, visit);
    if (!wants_more || !*wants_more)
      return wants_more;
    position = end;
  }
  return true;
}

} // namespace corestore::storage
