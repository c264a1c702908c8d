#include "programs/move_in.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/text.hpp"
#include "log/hashes.hpp"
#include "migration/key_material.hpp"

namespace corestore::programs {

namespace {

using migration::core_facts;
using migration::target_core;

/// Reads nodes as they are at the time of the question: an import keeps no snapshot open while it writes.
class stored_nodes final : public log::node_source {
public:
  stored_nodes(storage::backend& store, log::core_number number) : store_(store), number_(number) {
    // nop
  }

  [[nodiscard]] result<std::optional<log::node>> node_at(std::uint64_t index) const override {
    auto source = store_.open_snapshot();
    if (!source)
      return fail(source.error());
    return (*source)->node(number_, index);
  }

private:
  storage::backend& store_;
  log::core_number number_;
};

class backend_sink final : public migration::change_sink {
public:
  backend_sink(storage::backend& store, const move_in::ending& is_ending,
               std::function<void(std::uint64_t, std::uint64_t)> tell)
      : store_(store), is_ending_(is_ending), tell_(std::move(tell)) {
    // nop
  }

  result<void> apply(log::change_set changes) override {
    return store_.apply({&changes, 1});
  }
  void progress(std::uint64_t blocks, std::uint64_t bytes) override {
    tell_(blocks, bytes);
  }
  [[nodiscard]] bool is_ending() const override {
    return is_ending_();
  }

private:
  storage::backend& store_;
  const move_in::ending& is_ending_;
  std::function<void(std::uint64_t, std::uint64_t)> tell_;
};

/// What the store knows of the core, and how it will be kept.
result<target_core> target_of(storage::backend& store, const core_facts& facts, std::vector<std::string>& complaints) {
  auto opened = store.open_snapshot();
  if (!opened)
    return fail(opened.error());
  const auto& source = **opened;
  auto stored = source.header(facts.header.discovery);
  if (!stored)
    return fail(stored.error());
  target_core target;
  target.header = migration::adopted(facts, store.root_key());
  if (*stored) {
    const auto& known = **stored;
    if (known.generation != facts.header.generation)
      return fail(ec::conflict, "the store has this key as a core of the other generation");
    auto is_better = known.origin == log::key_origin::none && target.header.origin != log::key_origin::none;
    auto wanted = is_better ? target.header : known;
    wanted.number = known.number;
    wanted.is_mirrored = known.is_mirrored;
    wanted.is_frozen = known.is_frozen;
    if (wanted.manifest.empty())
      wanted.manifest = facts.header.manifest;
    target.header = wanted;
    target.is_new = wanted != known;
    auto head = source.head(known.number);
    auto bits = source.bits(known.number);
    if (!head || !bits)
      return fail(head ? bits.error() : head.error());
    target.head = std::move(*head);
    target.bits = std::move(*bits);
  } else {
    auto number = store.next_number();
    if (!number)
      return fail(number.error());
    target.header.number = *number;
  }
  if (!facts.alias)
    return target;
  auto alias = source.alias(facts.alias->name_space, facts.alias->name);
  if (!alias)
    return fail(alias.error());
  if (*alias && **alias != facts.header.discovery) {
    complaints.push_back("the name " + migration::shown_name(facts.alias->name) +
                         " leads to another core of this store: this one is found by its key");
  } else {
    target.alias = facts.alias;
    target.is_new = target.is_new || !*alias;
  }
  return target;
}

/// Bytes that a million hashed bytes and a signature cost, measured here and now.
struct speed {
  double seconds_per_byte = 0;
  double seconds_per_block = 3e-6;     ///< its two nodes, and its place in the store
  double seconds_per_signature = 8e-5; ///< to verify it
};

speed measure() {
  constexpr std::size_t probe_bytes = std::size_t{8} << 20U;
  constexpr double writing = 3; ///< reading, hashing and writing take about three times as long as hashing
  const bytes probe(probe_bytes, 0x5a);
  auto start = std::chrono::steady_clock::now();
  (void)log::leaf_hash(probe);
  std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
  speed found;
  found.seconds_per_byte = writing * spent.count() / static_cast<double>(probe_bytes);
  return found;
}

constexpr std::uint64_t bytes_per_block = 76; ///< two hashes, an end, and their share of the pages
constexpr std::uint64_t bytes_per_core = 8192;

} // namespace

result<std::unique_ptr<move_in>> move_in::look_at(const std::filesystem::path& directory,
                                                  std::optional<primary_key> secret) {
  auto found = migration::look_at(directory);
  if (!found)
    return fail(found.error());
  switch (found->kind) {
  case migration::layout::unknown:
    return fail(ec::bad_argument, directory.string() + " is no directory of corestore or hypercore that is known");
  case migration::layout::native:
    return fail(ec::bad_argument,
                directory.string() + " is a store of this engine: open it with --storage, or replicate from it");
  case migration::layout::corestore_7:
    return fail(ec::unsupported, directory.string() +
                                   " is a store of corestore 7, whose database only its own package reads: let that "
                                   "one hand its cores over, with move-in.js (docs/migration.md)");
  default:
    break;
  }
  std::unique_ptr<move_in> made{new move_in};
  made->found_ = std::move(*found);
  made->secret_ = secret;
  return made;
}

result<void> move_in::plan(const std::function<result<void>(const plan_of_core&)>& visit) const {
  auto cost = measure();
  for (const auto& place : found_.cores) {
    plan_of_core planned;
    planned.place = place;
    auto source = migration::open_core(found_, place, secret_);
    if (!source) {
      planned.failure = source.error();
    } else {
      const auto& facts = (*source)->facts();
      planned.facts = facts;
      planned.blocks = facts.bits.count({0, facts.head.length});
      auto is_whole = planned.blocks == facts.head.length;
      auto payload = is_whole ? facts.head.byte_length : std::min(facts.data_bytes, facts.head.byte_length);
      planned.bytes_needed = payload + planned.blocks * bytes_per_block + bytes_per_core;
      planned.seconds = static_cast<double>(payload) * cost.seconds_per_byte +
                        static_cast<double>(planned.blocks) * cost.seconds_per_block;
      if (facts.header.generation == log::generation::g9)
        planned.seconds += static_cast<double>(facts.head.length) * cost.seconds_per_signature;
    }
    if (auto seen = visit(planned); !seen)
      return seen;
  }
  return {};
}

moved_core move_in::bring(storage::backend& store, std::size_t number, const ending& is_ending,
                          const progress& tell) const {
  moved_core moved;
  moved.place = found_.cores[number];
  auto source = migration::open_core(found_, moved.place, secret_ ? secret_ : std::optional{store.root_key()});
  if (!source) {
    moved.failure = source.error();
    return moved;
  }
  moved.facts = (*source)->facts();
  moved.complaints = moved.facts->complaints;
  auto target = target_of(store, *moved.facts, moved.complaints);
  if (!target) {
    moved.failure = target.error();
    return moved;
  }
  moved.is_writable = target->header.origin != log::key_origin::none;
  if (target->alias)
    moved.name = target->alias->name;
  stored_nodes nodes{store, target->header.number};
  if (target->head.length > 0)
    target->nodes = &nodes;
  backend_sink sink{store, is_ending, [&](std::uint64_t blocks, std::uint64_t bytes) {
                      tell(number, blocks, bytes);
                    }};
  auto report = migration::transfer(**source, *target, sink);
  if (report)
    moved.report = std::move(*report);
  else
    moved.failure = report.error();
  return moved;
}

result<void> move_in::run(storage::backend& store, const ending& is_ending, const progress& tell,
                          const std::function<result<void>(const moved_core&)>& visit) const {
  for (std::size_t number = 0; number < found_.cores.size(); ++number) {
    if (is_ending())
      return fail(ec::cancelled);
    auto moved = bring(store, number, is_ending, tell);
    auto failure = moved.failure;
    if (auto seen = visit(moved); !seen)
      return seen;
    // Of one core the next one may know nothing; of a full or failing disk, or the user's wish, it does.
    if (failure &&
        (failure->code == ec::cancelled || failure->code == ec::storage_full || failure->code == ec::storage_poisoned))
      return fail(*failure);
  }
  return store.sync();
}

} // namespace corestore::programs
