#include "storage/memory_backend.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/crypto.hpp"
#include "storage/change_check.hpp"
#include "storage/tree_math.hpp"

namespace corestore::storage {

namespace {

struct core_contents {
  log::tree_head head;
  log::bitfield bits;
  std::map<std::uint64_t, shared_bytes> blocks;
  std::map<std::uint64_t, log::node> nodes;
  std::map<std::string, bytes, std::less<>> user_data;
  std::map<std::uint64_t, signature64> signatures; ///< by length, generation 9
  std::optional<group_place> group;
};

using alias_key = std::pair<namespace_id, std::string>;
using change_key = std::pair<hash32, std::uint64_t>; ///< topic, position

} // namespace

struct memory_backend::contents {
  std::map<discovery_key, log::core_header> headers;
  std::map<log::core_number, discovery_key> numbers;
  std::map<alias_key, discovery_key> aliases;
  std::map<alias_key, namespace_id> children;
  std::map<log::core_number, std::shared_ptr<core_contents>> cores;
  std::map<change_key, log::core_number> changes;
  std::uint64_t position = 0; ///< of the last change of a group
  std::uint32_t next = 0;
  std::uint64_t payload_bytes = 0;
};

namespace {

using undo_list = std::vector<std::function<void()>>;

/// Assigns and remembers how to go back.
template <class Map, class Value>
void put(Map& map, const typename Map::key_type& key, Value value, undo_list& undo) {
  auto [position, is_new] = map.try_emplace(key);
  if (is_new)
    undo.emplace_back([&map, key] { map.erase(key); });
  else
    undo.emplace_back([&map, key, old = std::move(position->second)] { map[key] = old; });
  position->second = std::move(value);
}

template <class Map>
void erase(Map& map, typename Map::iterator start, typename Map::iterator end, undo_list& undo) {
  while (start != end) {
    undo.emplace_back([&map, old = *start] { map.insert(old); });
    start = map.erase(start);
  }
}

/// Applies one change set to one core.
class core_change {
public:
  core_change(core_contents& core, std::uint64_t& payload_bytes, undo_list& undo)
      : core_(core), payload_bytes_(payload_bytes), undo_(undo) {
    undo_.emplace_back([&core, head = core.head, bits = core.bits, &payload_bytes, before = payload_bytes] {
      core.head = head;
      core.bits = bits;
      payload_bytes = before;
    });
  }

  result<void> run(const log::change_set& changes) {
    if (changes.truncate_to)
      truncate(*changes.truncate_to);
    for (const auto& range : changes.cleared)
      drop_blocks(range);
    for (const auto& range : changes.forgotten)
      forget(range);
    if (auto stored = put_runs(changes); !stored)
      return stored;
    for (const auto& block : changes.blocks)
      put_block(block.index, block.value);
    for (const auto& node : changes.nodes)
      put(core_.nodes, node.index, node, undo_);
    for (const auto& entry : changes.user_data)
      put_user_data(entry);
    for (const auto& one : changes.signatures)
      put(core_.signatures, one.length, one.signature, undo_);
    if (changes.head)
      core_.head = *changes.head;
    if (changes.contiguous_length.value_or(0) > core_.bits.contiguous_length())
      return fail(ec::bad_argument, "contiguous length " + std::to_string(*changes.contiguous_length) + " with only " +
                                      std::to_string(core_.bits.contiguous_length()) + " blocks");
    return {};
  }

private:
  void truncate(std::uint64_t length) {
    drop_blocks({length, tree::block_max + 1});
    erase(core_.nodes, core_.nodes.lower_bound(2 * length), core_.nodes.end(), undo_);
    for (auto position = core_.nodes.begin(); position != core_.nodes.end();) {
      auto here = position++;
      if (tree::last_block(here->first) >= length)
        erase(core_.nodes, here, position, undo_);
    }
  }

  void forget(log::block_range range) {
    drop_blocks(range);
    for (auto block = range.start; block < range.end; ++block) {
      auto index = 2 * block;
      for (auto rest = log::flat_tree::completed_by(block); rest > 0; --rest, index = log::flat_tree::parent(index))
        if (auto position = core_.nodes.find(index); position != core_.nodes.end())
          erase(core_.nodes, position, std::next(position), undo_);
    }
  }

  void drop_blocks(log::block_range range) {
    auto start = core_.blocks.lower_bound(range.start);
    auto end = core_.blocks.lower_bound(range.end);
    for (auto position = start; position != end; ++position)
      payload_bytes_ -= position->second.size();
    erase(core_.blocks, start, end, undo_);
    core_.bits.clear(range);
  }

  void put_block(std::uint64_t index, const shared_bytes& value) {
    if (auto position = core_.blocks.find(index); position != core_.blocks.end())
      payload_bytes_ -= position->second.size();
    payload_bytes_ += value.size();
    put(core_.blocks, index, value, undo_);
    core_.bits.set({index, index + 1});
  }

  void put_user_data(const log::user_entry& entry) {
    auto& map = core_.user_data;
    if (entry.value)
      put(map, entry.name, *entry.value, undo_);
    else if (auto position = map.find(entry.name); position != map.end())
      erase(map, position, std::next(position), undo_);
  }

  result<void> put_runs(const log::change_set& changes) {
    auto known = [&](std::uint64_t index) -> result<std::optional<std::uint64_t>> {
      return size_of_node(index, changes.nodes);
    };
    for (const auto& run : changes.runs) {
      auto nodes = nodes_of(run, known);
      if (!nodes)
        return fail(std::move(nodes.error()));
      for (const auto& node : *nodes)
        put(core_.nodes, node.index, node, undo_);
      for (std::size_t i = 0; i < run.blocks.size(); ++i)
        put_block(run.first + i, run.blocks[i]);
    }
    return {};
  }

  /// As stored or brought along, or from what lies below.
  std::optional<std::uint64_t> size_of_node(std::uint64_t index, // NOLINT(misc-no-recursion): no deeper than the tree
                                            const std::vector<log::node>& brought) {
    if (auto position = core_.nodes.find(index); position != core_.nodes.end())
      return position->second.size;
    auto same = [index](const log::node& node) {
      return node.index == index;
    };
    if (auto node = std::find_if(brought.begin(), brought.end(), same); node != brought.end())
      return node->size;
    if (log::flat_tree::is_leaf(index)) {
      auto block = core_.blocks.find(index / 2);
      return block == core_.blocks.end() ? std::nullopt : std::optional{block->second.size()};
    }
    auto left = size_of_node(log::flat_tree::left_child(index), brought);
    auto right = left ? size_of_node(log::flat_tree::right_child(index), brought) : std::nullopt;
    return right ? std::optional{*left + *right} : std::nullopt;
  }

  core_contents& core_;
  std::uint64_t& payload_bytes_;
  undo_list& undo_;
};

void unlist(memory_backend::contents& target, const core_contents& core, undo_list& undo) {
  if (!core.group)
    return;
  auto listed = target.changes.find({core.group->topic, core.group->position});
  if (listed != target.changes.end())
    erase(target.changes, listed, std::next(listed), undo);
}

/// What the change set means for groups; `before` is the head that the core had.
void apply_groups(memory_backend::contents& target, core_contents& core, const log::change_set& changes,
                  const log::tree_head& before, const position_clock& clock, undo_list& undo) {
  auto wanted = core.group;
  if (changes.group && (!wanted || changes.group->topic != wanted->topic))
    wanted = changes.group->topic ? std::optional{group_place{*changes.group->topic, 0}} : std::nullopt;
  if (wanted && changes.head && is_change(before, *changes.head)) {
    undo.emplace_back([&target, position = target.position] { target.position = position; });
    wanted->position = target.position = next_position(target.position, clock);
  }
  if (wanted == core.group)
    return;
  unlist(target, core, undo);
  if (wanted && wanted->position > 0)
    put(target.changes, {wanted->topic, wanted->position}, changes.number, undo);
  undo.emplace_back([&core, group = core.group] { core.group = group; });
  core.group = wanted;
}

/// A whole core goes; `undo` brings it back.
void purge(memory_backend::contents& target, log::core_number number, undo_list& undo) {
  auto known = target.numbers.find(number);
  if (known == target.numbers.end())
    return;
  auto header = target.headers.find(known->second);
  if (header->second.origin == log::key_origin::derived)
    if (auto alias = target.aliases.find({header->second.name_space, header->second.name});
        alias != target.aliases.end())
      erase(target.aliases, alias, std::next(alias), undo);
  erase(target.headers, header, std::next(header), undo);
  erase(target.numbers, known, std::next(known), undo);
  auto core = target.cores.find(number);
  unlist(target, *core->second, undo);
  undo.emplace_back([&target, before = target.payload_bytes] { target.payload_bytes = before; });
  for (const auto& [index, block] : core->second->blocks)
    target.payload_bytes -= block.size();
  erase(target.cores, core, std::next(core), undo);
}

result<void> apply_names(memory_backend::contents& target, const log::change_set& changes, undo_list& undo) {
  if (changes.is_purge) {
    purge(target, changes.number, undo);
    return {};
  }
  for (const auto& link : changes.links)
    put(target.children, {link.parent, link.name}, link.child, undo);
  if (changes.header) {
    const auto& header = *changes.header;
    auto number = target.numbers.find(header.number);
    auto known = target.headers.find(header.discovery);
    bool is_taken = number != target.numbers.end() && number->second != header.discovery;
    bool is_renumbered = known != target.headers.end() && known->second.number != header.number;
    if (is_taken || is_renumbered)
      return fail(ec::bad_argument, "core number " + std::to_string(static_cast<std::uint32_t>(header.number)) +
                                      " belongs to another core");
    undo.emplace_back([&target, before = target.next] { target.next = before; });
    target.next = std::max(target.next, static_cast<std::uint32_t>(header.number) + 1);
    put(target.numbers, header.number, header.discovery, undo);
    put(target.headers, header.discovery, header, undo);
  }
  if (changes.alias) {
    auto number = target.numbers.find(changes.number);
    if (number == target.numbers.end())
      return fail(ec::bad_argument, "an alias of a core without a header");
    put(target.aliases, {changes.alias->name_space, changes.alias->name}, number->second, undo);
  }
  return {};
}

class memory_snapshot final : public snapshot {
public:
  /// The caller holds the lock.
  memory_snapshot(std::shared_ptr<memory_backend::sharing> sharing, std::shared_ptr<memory_backend::contents> contents)
      : sharing_(std::move(sharing)), contents_(std::move(contents)) {
    ++sharing_->readers;
  }

  memory_snapshot(const memory_snapshot&) = delete;
  memory_snapshot& operator=(const memory_snapshot&) = delete;

  ~memory_snapshot() override {
    std::lock_guard guard{sharing_->mutex}; // the writer looks at the number of owners under this lock
    --sharing_->readers;
    contents_.reset();
  }

  [[nodiscard]] result<std::optional<log::core_header>> header(const discovery_key& discovery) const override {
    auto position = contents_->headers.find(discovery);
    return position == contents_->headers.end() ? std::nullopt : std::optional{position->second};
  }

  [[nodiscard]] result<std::optional<discovery_key>> alias(const namespace_id& name_space,
                                                           std::string_view name) const override {
    auto position = contents_->aliases.find({name_space, std::string{name}});
    return position == contents_->aliases.end() ? std::nullopt : std::optional{position->second};
  }

  result<void> headers_after(const discovery_key& after, const header_visitor& visit) const override {
    auto position = after.is_zero() ? contents_->headers.begin() : contents_->headers.upper_bound(after);
    for (; position != contents_->headers.end(); ++position) {
      if (!visit(position->second))
        break;
    }
    return {};
  }

  [[nodiscard]] result<std::uint64_t> core_count() const override {
    return contents_->headers.size();
  }

  result<void> aliases_after(const namespace_id& name_space, std::string_view after,
                             const alias_visitor& visit) const override {
    auto position = contents_->aliases.lower_bound({name_space, std::string{after}});
    for (; position != contents_->aliases.end() && position->first.first == name_space; ++position) {
      if (!after.empty() && position->first.second == after)
        continue;
      if (!visit(position->first.second, position->second))
        break;
    }
    return {};
  }

  [[nodiscard]] result<std::optional<log::namespace_link>> child_after(const namespace_id& parent,
                                                                       std::string_view after) const override {
    auto position = contents_->children.lower_bound({parent, std::string{after}});
    if (position != contents_->children.end() && !after.empty() &&
        position->first == alias_key{parent, std::string{after}})
      ++position;
    if (position == contents_->children.end() || position->first.first != parent)
      return std::nullopt;
    return log::namespace_link{parent, position->first.second, position->second};
  }

  result<void> each_mirrored(const std::function<bool(const discovery_key&, const core_key&)>& visit) const override {
    for (const auto& [discovery, header] : contents_->headers) {
      if (header.is_mirrored && !visit(discovery, header.key))
        break;
    }
    return {};
  }

  [[nodiscard]] result<log::tree_head> head(log::core_number number) const override {
    const auto* core = find(number);
    return core == nullptr ? log::tree_head{} : core->head;
  }

  [[nodiscard]] result<log::bitfield> bits(log::core_number number) const override {
    const auto* core = find(number);
    return core == nullptr ? log::bitfield{} : core->bits;
  }

  [[nodiscard]] result<std::optional<log::node>> node(log::core_number number, std::uint64_t index) const override {
    const auto* core = find(number);
    if (core == nullptr || !core->nodes.contains(index))
      return std::nullopt;
    return core->nodes.at(index);
  }

  [[nodiscard]] result<std::optional<shared_bytes>> block(log::core_number number, std::uint64_t index) const override {
    const auto* core = find(number);
    if (core == nullptr || !core->blocks.contains(index))
      return std::nullopt;
    return core->blocks.at(index);
  }

  [[nodiscard]] result<std::optional<bytes>> user_data(log::core_number number, std::string_view name) const override {
    const auto* core = find(number);
    if (core == nullptr)
      return std::nullopt;
    auto position = core->user_data.find(name);
    return position == core->user_data.end() ? std::nullopt : std::optional{position->second};
  }
  result<void> each_user_data(log::core_number number, const user_data_visitor& visit) const override {
    const auto* core = find(number);
    if (core != nullptr)
      for (const auto& [name, value] : core->user_data)
        if (!visit(name, value))
          break;
    return {};
  }

  [[nodiscard]] result<std::optional<signature64>> signature(log::core_number number,
                                                             std::uint64_t length) const override {
    const auto* core = find(number);
    if (core == nullptr || !core->signatures.contains(length))
      return std::nullopt;
    return core->signatures.at(length);
  }

  [[nodiscard]] result<std::optional<group_place>> group(log::core_number number) const override {
    const auto* core = find(number);
    return core == nullptr ? std::nullopt : core->group;
  }

  result<void> group_changes(const hash32& topic, const group_range& range,
                             const change_visitor& visit) const override {
    auto start = contents_->changes.lower_bound({topic, range.since});
    auto end = contents_->changes.lower_bound({topic, range.until});
    auto tell = [&](const auto& change) {
      auto core = contents_->numbers.find(change.second);
      return core == contents_->numbers.end() || visit(change.first.second, core->second);
    };
    if (range.since >= range.until)
      return {};
    if (range.is_reverse)
      for (auto position = end; position != start && tell(*std::prev(position));)
        --position;
    else
      for (auto position = start; position != end && tell(*position);)
        ++position;
    return {};
  }

  result<void> each_block(log::core_number number, log::block_range range,
                          const std::function<bool(std::uint64_t index, byte_view value)>& visit) const override {
    const auto* core = find(number);
    if (core == nullptr)
      return {};
    auto position = core->blocks.lower_bound(range.start);
    for (; position != core->blocks.end() && position->first < range.end; ++position) {
      if (!visit(position->first, position->second.view()))
        break;
    }
    return {};
  }

private:
  [[nodiscard]] const core_contents* find(log::core_number number) const {
    auto position = contents_->cores.find(number);
    return position == contents_->cores.end() ? nullptr : position->second.get();
  }

  std::shared_ptr<memory_backend::sharing> sharing_;
  std::shared_ptr<memory_backend::contents> contents_;
};

} // namespace

memory_backend::memory_backend(memory_options options)
    : options_(options), root_key_(options.primary ? *options.primary : crypto::random<primary_key>()),
      sharing_(std::make_shared<sharing>()), contents_(std::make_shared<contents>()) {
  statistics_.limit_bytes = options.limit_bytes;
}

memory_backend::~memory_backend() = default;

result<void> memory_backend::apply(std::span<const log::change_set> group) {
  for (const auto& changes : group) {
    if (auto checked = check(changes); !checked)
      return checked;
  }
  std::lock_guard guard{sharing_->mutex};
  if (is_poisoned_)
    return fail(ec::storage_poisoned, "the store in memory");
  if (contents_.use_count() > 1) // a snapshot looks at it
    contents_ = std::make_shared<contents>(*contents_);
  undo_list undo;
  auto roll_back = [&undo](error what) {
    std::for_each(undo.rbegin(), undo.rend(), [](const auto& step) { step(); });
    return fail(std::move(what));
  };
  for (const auto& changes : group) {
    auto& core = contents_->cores[changes.number];
    if (!core)
      core = std::make_shared<core_contents>();
    else if (core.use_count() > 1)
      core = std::make_shared<core_contents>(*core);
    auto before = core->head;
    auto applied = core_change{*core, contents_->payload_bytes, undo}.run(changes);
    if (applied)
      apply_groups(*contents_, *core, changes, before, options_.clock, undo);
    if (applied)
      applied = apply_names(*contents_, changes, undo);
    if (!applied)
      return roll_back(std::move(applied.error()));
  }
  if (options_.limit_bytes != 0 && contents_->payload_bytes > options_.limit_bytes)
    return roll_back({ec::storage_full, "the store in memory"});
  for (const auto& changes : group)
    statistics_.bytes_written += log::size_of(changes);
  ++statistics_.commits;
  return {};
}

result<void> memory_backend::sync() {
  std::lock_guard guard{sharing_->mutex};
  if (is_poisoned_)
    return fail(ec::storage_poisoned, "the store in memory");
  ++statistics_.syncs;
  return {};
}

result<std::unique_ptr<snapshot>> memory_backend::open_snapshot() {
  std::lock_guard guard{sharing_->mutex};
  return std::make_unique<memory_snapshot>(sharing_, contents_);
}

result<log::core_number> memory_backend::next_number() {
  std::lock_guard guard{sharing_->mutex};
  return log::core_number{contents_->next};
}

primary_key memory_backend::root_key() const {
  return root_key_;
}

statistics memory_backend::stats() const {
  std::lock_guard guard{sharing_->mutex};
  auto current = statistics_;
  current.used_bytes = contents_->payload_bytes;
  current.readers = sharing_->readers;
  return current;
}

durability memory_backend::mode() const {
  return durability::none;
}

void memory_backend::poison() {
  std::lock_guard guard{sharing_->mutex};
  is_poisoned_ = true;
}

} // namespace corestore::storage
