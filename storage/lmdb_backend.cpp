#include "storage/lmdb_backend.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "base/crypto.hpp"
#include "storage/change_check.hpp"
#include "storage/lmdb_core_editor.hpp"
#include "storage/lmdb_env.hpp"
#include "storage/lmdb_groups.hpp"
#include "storage/lmdb_journal.hpp"
#include "storage/lmdb_snapshot.hpp"
#include "storage/records.hpp"

namespace corestore::storage {

using schema::table;

namespace {

/// Payload that one group may move from single blocks into runs: 2,000 blocks of 128 bytes take 5 ms.
constexpr std::size_t fold_bytes_max = std::size_t{256} << 10U;

std::string number_text(log::core_number number) {
  return "core number " + std::to_string(static_cast<std::uint32_t>(number));
}

error in_store(const lmdb_env& env, error what) {
  what.detail = env.name() + ": " + what.detail;
  return what;
}

} // namespace

lmdb_backend::lmdb_backend(open_options options, directory_lock lock, std::shared_ptr<lmdb_env> env)
    : options_(std::move(options)), lock_(std::move(lock)), env_(std::move(env)),
      journal_(std::make_shared<journal_index>()) {
  statistics_.limit_bytes = options_.map_bytes_max;
  statistics_.quota_bytes = options_.quota_bytes;
}

lmdb_backend::~lmdb_backend() = default;

result<std::unique_ptr<backend>> lmdb_backend::open(const std::filesystem::path& path, const open_options& options,
                                                    directory_lock lock) {
  auto env = lmdb_env::open(path, options);
  if (!env)
    return fail(std::move(env.error()));
  std::unique_ptr<lmdb_backend> store{new lmdb_backend{options, std::move(lock), std::move(*env)}};
  if (auto loaded = store->load_meta(); !loaded)
    return fail(std::move(loaded.error()));
  if (options.is_read_only)
    return store;
  auto view = store->env_->begin_read();
  if (!view)
    return fail(std::move(view.error()));
  const lmdb_snapshot guard{store->env_, std::move(*view), nullptr};
  if (auto loaded = load_journal(guard.transaction(), *store->journal_); !loaded)
    return fail(in_store(*store->env_, std::move(loaded.error())));
  return store;
}

result<void> lmdb_backend::load_meta() {
  auto txn = env_->begin_read();
  if (!txn)
    return fail(std::move(txn.error()));
  lmdb_snapshot guard{env_, std::move(*txn), nullptr}; // gives the transaction back
  auto& view = guard.transaction();
  auto format = view.get(table::meta, as_bytes(schema::meta_format));
  if (!format)
    return fail(in_store(*env_, std::move(format.error())));
  if (!*format) // created up to its tables
    return options_.is_read_only ? fail(ec::not_found, env_->name() + " holds no store yet") : create_meta();
  auto number = decode_number(**format, "the format number");
  if (!number)
    return fail(in_store(*env_, std::move(number.error())));
  auto is_older = *number == schema::format_without_journal;
  auto has_groups = *number == schema::format_with_groups;
  if (!is_older && !has_groups && *number != schema::format_number)
    return fail(ec::storage_format, env_->name() + " has format " + std::to_string(*number) +
                                      "; this version knows format " + std::to_string(schema::format_with_groups));
  auto primary = view.get(table::meta, as_bytes(schema::meta_primary));
  auto next = view.get(table::meta, as_bytes(schema::meta_next));
  auto changed = view.get(table::meta, as_bytes(schema::meta_changed));
  if (!primary || !next || !changed)
    return fail(in_store(*env_, std::move(primary ? (next ? changed.error() : next.error()) : primary.error())));
  auto key = decode_fixed<primary_key>(primary->value_or(byte_view{}), "the primary key");
  auto next_number = decode_number(next->value_or(byte_view{}), "the next core number");
  if (!key || !next_number)
    return fail(in_store(*env_, std::move(key ? next_number.error() : key.error())));
  auto position = *changed ? decode_position(**changed, "the last position") : result<std::uint64_t>{0};
  if (!position)
    return fail(in_store(*env_, std::move(position.error())));
  if (options_.primary && *options_.primary != *key)
    return fail(ec::key_mismatch, env_->name() + " was created from another primary key");
  if (auto marked = load_marks(view); !marked)
    return marked;
  {
    std::lock_guard held{mutex_};
    root_key_ = *key;
    counters_ = {*next_number, *position, has_groups};
  }
  return is_older && !options_.is_read_only ? take_over_format() : result<void>{};
}

/// A store without a journal is one whose journal is empty; programs that know of none must not open it from now on.
result<void> lmdb_backend::take_over_format() {
  auto txn = env_->begin_write();
  if (!txn)
    return fail(std::move(txn.error()));
  auto step = (*txn)->put(table::meta, as_bytes(schema::meta_format), encode_number(schema::format_number));
  if (!step)
    return fail(in_store(*env_, std::move(step.error())));
  step = env_->commit(std::move(*txn));
  return step ? env_->sync() : step;
}

result<void> lmdb_backend::create_meta() {
  root_key_ = options_.primary ? *options_.primary : crypto::random<primary_key>();
  auto txn = env_->begin_write();
  if (!txn)
    return fail(std::move(txn.error()));
  auto step = (*txn)->put(table::meta, as_bytes(schema::meta_format), encode_number(schema::format_number));
  if (step)
    step = (*txn)->put(table::meta, as_bytes(schema::meta_primary), root_key_.view());
  if (step)
    step = (*txn)->put(table::meta, as_bytes(schema::meta_next), encode_number(0));
  if (!step)
    return fail(in_store(*env_, std::move(step.error())));
  step = env_->commit(std::move(*txn));
  return step ? env_->sync() : step;
}

result<void> lmdb_backend::apply(std::span<const log::change_set> group) {
  if (options_.is_read_only)
    return fail(ec::read_only, env_->name());
  std::uint64_t written = 0;
  for (const auto& changes : group) {
    if (auto checked = check(changes); !checked)
      return fail(in_store(*env_, std::move(checked.error())));
    written += log::size_of(changes);
  }
  auto was_stuck = is_journal_stuck_;
  auto applied = apply_once(group);
  if (!applied && is_journal_stuck_ && !was_stuck)
    applied = apply_once(group); // nothing is wrong with the group itself
  while (!applied && applied.error().code == ec::storage_full && env_->grow())
    applied = apply_once(group);
  if (!applied)
    return applied;
  std::lock_guard guard{mutex_};
  ++statistics_.commits;
  statistics_.bytes_written += written;
  return {};
}

result<void> lmdb_backend::apply_once(std::span<const log::change_set> group) {
  auto txn = env_->begin_write();
  if (!txn)
    return fail(std::move(txn.error()));
  auto number = (*txn)->number();
  auto counted = counters_;
  journal_->begin();
  auto step = apply_group(**txn, group, counted);
  if (step)
    step = env_->commit(std::move(*txn));
  else
    step = fail(in_store(*env_, std::move(step.error())));
  if (!step) {
    journal_->undo(number);
    return step;
  }
  journal_->settle();
  journal_->forget(env_->oldest_reader(number));
  std::lock_guard guard{mutex_};
  counters_ = counted;
  return {};
}

result<void> lmdb_backend::apply_group(lmdb_txn& txn, std::span<const log::change_set> group, counters& counted) {
  std::map<log::core_number, std::unique_ptr<lmdb_core_editor>> editors; // a core's changes share one head record
  lmdb_journal journal{txn, *journal_, options_.journal};
  lmdb_groups groups{txn, options_.clock, counted.position, counted.has_groups};
  result<void> step;
  for (const auto& changes : group) {
    auto known = editors.find(changes.number);
    if (known == editors.end()) {
      auto taken = journal.take(changes, groups);
      if (!taken)
        return fail(std::move(taken.error()));
      if (*taken)
        continue;
      auto opened = lmdb_core_editor::open(txn, changes.number);
      if (!opened)
        return fail(std::move(opened.error()));
      step = changes.is_purge ? result<void>{} : journal.fold(**opened, changes.number);
      known = editors.emplace(changes.number, std::move(*opened)).first;
    }
    if (step && changes.is_purge)
      step = journal.drop(*known->second, changes.number);
    if (step)
      step = known->second->apply(changes, groups);
    if (step)
      step = apply_names(txn, changes, counted.next);
    if (!step)
      return step;
  }
  auto budget = fold_bytes_max;
  for (auto& [number, editor] : editors) {
    if (editor->is_purged())
      continue;
    step = editor->fold(budget);
    if (step)
      step = editor->finish();
    if (!step)
      return step;
  }
  if (!is_journal_stuck_) {
    step = journal.relieve();
    is_journal_stuck_ = !step && step.error().code == ec::storage_damaged;
  }
  if (step)
    step = check_quota(txn, group);
  return step ? put_counters(txn, counted) : step;
}

result<void> lmdb_backend::put_counters(lmdb_txn& txn, const counters& counted) const {
  result<void> step;
  if (counted.next != counters_.next)
    step = txn.put(table::meta, as_bytes(schema::meta_next), encode_number(counted.next));
  if (step && counted.position != counters_.position)
    step = txn.put(table::meta, as_bytes(schema::meta_changed), encode_position(counted.position));
  if (step && counted.has_groups && !counters_.has_groups)
    step = txn.put(table::meta, as_bytes(schema::meta_format), encode_number(schema::format_with_groups));
  return step;
}

result<void> lmdb_backend::apply_names(lmdb_txn& txn, const log::change_set& changes, std::uint32_t& next) {
  if (changes.is_purge)
    return purge_names(txn, changes.number);
  for (const auto& link : changes.links)
    if (auto put = txn.put(table::children, schema::encode_alias_key(link.parent, link.name), link.child.view()); !put)
      return put;
  if (!changes.header && !changes.alias)
    return {};
  auto key = schema::encode_key(changes.number);
  auto known = txn.get(table::numbers, key);
  if (!known)
    return fail(std::move(known.error()));
  std::optional<discovery_key> discovery;
  if (*known) {
    auto decoded = decode_fixed<discovery_key>(**known, "an entry of numbers");
    if (!decoded)
      return fail(std::move(decoded.error()));
    discovery = *decoded;
  }
  result<void> step;
  if (changes.header) {
    const auto& header = *changes.header;
    auto old = txn.get(table::cores, header.discovery.view());
    if (!old)
      return fail(std::move(old.error()));
    auto is_elsewhere = !discovery && *old;
    if (is_elsewhere || (discovery && *discovery != header.discovery))
      return fail(ec::bad_argument, number_text(changes.number) + " belongs to another core");
    if (!discovery)
      step = txn.put(table::numbers, key, header.discovery.view());
    if (step)
      step = txn.put(table::cores, header.discovery.view(), encode(header));
    if (step && header.is_mirrored)
      step = txn.put(table::mirrored, header.discovery.view(), header.key.view());
    else if (step)
      step = txn.erase(table::mirrored, header.discovery.view()).map([](bool) {});
    discovery = header.discovery;
    next = std::max(next, static_cast<std::uint32_t>(changes.number) + 1);
  }
  if (step && changes.alias && !discovery)
    return fail(ec::bad_argument, "an alias of a core without a header");
  if (step && changes.alias)
    step = txn.put(table::aliases, schema::encode_alias_key(changes.alias->name_space, changes.alias->name),
                   discovery->view());
  return step;
}

result<void> lmdb_backend::purge_names(lmdb_txn& txn, log::core_number number) {
  auto key = schema::encode_key(number);
  auto known = txn.get(table::numbers, key);
  if (!known)
    return fail(std::move(known.error()));
  if (!*known)
    return {};
  auto discovery = decode_fixed<discovery_key>(**known, "an entry of numbers");
  if (!discovery)
    return fail(std::move(discovery.error()));
  auto value = txn.get(table::cores, discovery->view());
  if (!value)
    return fail(std::move(value.error()));
  if (*value) {
    auto header = decode_header(*discovery, **value);
    if (!header)
      return fail(std::move(header.error()));
    if (header->origin == log::key_origin::derived)
      if (auto erased = txn.erase(table::aliases, schema::encode_alias_key(header->name_space, header->name)); !erased)
        return fail(std::move(erased.error()));
  }
  for (auto which : {table::cores, table::mirrored})
    if (auto erased = txn.erase(which, discovery->view()); !erased)
      return fail(std::move(erased.error()));
  return txn.erase(table::numbers, key).map([](bool) {});
}

result<void> lmdb_backend::sync() {
  return options_.is_read_only ? fail(ec::read_only, env_->name()) : env_->sync();
}

result<std::unique_ptr<snapshot>> lmdb_backend::open_snapshot() {
  auto txn = env_->begin_read();
  if (!txn)
    return fail(std::move(txn.error()));
  auto journal = journal_for(**txn);
  if (!journal) {
    env_->give_back(std::move(*txn));
    return fail(in_store(*env_, std::move(journal.error())));
  }
  return std::make_unique<lmdb_snapshot>(env_, std::move(*txn), std::move(*journal));
}

result<std::shared_ptr<const journal_index>> lmdb_backend::journal_for(lmdb_txn& view) {
  if (!options_.is_read_only)
    return journal_;
  std::lock_guard guard{mutex_};
  if (journal_view_ == view.number())
    return journal_;
  auto fresh = std::make_shared<journal_index>();
  if (auto loaded = load_journal(view, *fresh); !loaded)
    return fail(std::move(loaded.error()));
  journal_ = std::move(fresh);
  journal_view_ = view.number();
  return journal_;
}

result<log::core_number> lmdb_backend::next_number() {
  if (options_.is_read_only) { // the owner may have gone on
    if (auto loaded = load_meta(); !loaded)
      return fail(std::move(loaded.error()));
  }
  std::lock_guard guard{mutex_};
  return log::core_number{counters_.next};
}

primary_key lmdb_backend::root_key() const {
  return root_key_;
}

statistics lmdb_backend::stats() const {
  auto usage = env_->measure();
  std::lock_guard guard{mutex_};
  auto current = statistics_;
  current.used_bytes = usage.used_bytes;
  current.file_bytes = usage.file_bytes;
  current.syncs = usage.syncs;
  current.readers = usage.readers;
  current.free_bytes = usage.free_bytes;
  current.oldest_reader_lag = usage.oldest_reader_lag;
  return current;
}

durability lmdb_backend::mode() const {
  return options_.durability;
}

} // namespace corestore::storage
